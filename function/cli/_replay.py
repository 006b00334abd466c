"""The work of `replay`: recorded payloads, in the order of time, against a simulated cloud."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from textwrap import fill
from typing import Any, NamedTuple

from ..lib import strict_json, threads
from ..lib.clock import Deadline
from ..lib.timestamps import to_the_second
from ..model.errors import EventRejected
from ..model.event import Outcome, RawEvent, SubscriptionNotice
from ..model.result import RESULT_TYPE, Summary
from ..pipeline import Runtime, process
from ..reporting import summarize
from ..reporting.messages import REASON_TEXTS
from . import _offline
from ._explanation import DEADLINE_SECONDS
from ._files import UsageError
from ._output import WIDTH, bullet, paint, progress, say, say_json
from ._recognition import TOPIC_SERVICES, Recognizer, open_smn
from ._simulated_cloud import RESTART_TIME, SimulatedClock, SimulatedCloud

# A payload of 256 KiB, escaped as JSON in a line, fits.
MAX_LINE_BYTES = 2 * 1024 * 1024
# About a screen; --json has the counts of all.
MAX_SHOWN_LINES = 20
RESULT_HINT = (
    "this is a line of the function's own log, which holds no payload; "
    "record what senders post, with the moment at which it came"
)
ASSUMPTIONS = (
    "It is played as if DRY_RUN were false; nothing is sent to any cloud.",
    "Every instance is a Kafka instance without tags that runs, unless a restart of it goes on.",
    f"A restart takes {RESTART_TIME.total_seconds() / 60:.0f} minutes, and ends well.",
    "Every sender is authenticated, and every read and call is answered at once.",
)


class Line(NamedTuple):
    """One recorded payload: when it came, as which source (None: its shape tells), and its body."""

    at: datetime
    source: str | None
    body: bytes


class Restart(NamedTuple):
    """One restart that was decided."""

    at: datetime
    instance: str


class Report(NamedTuple):
    """What came of all payloads."""

    events: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    restarts: tuple[Restart, ...]
    calls: int
    hours: Mapping[str, int]
    alarms_only: bool = False

    def document(self) -> dict[str, Any]:
        """Return the report as JSON that programs rely on."""
        document = {**self._asdict(), "restarts": len(self.restarts)}
        del document["alarms_only"]
        return document


def _is_logged(document: Mapping[str, Any]) -> bool:
    """Tell whether a line is one of the function's own log, on either stream."""
    log_line = {"time", "severity", "message"} <= document.keys() and "payload" not in document
    return log_line or document.get("type") == RESULT_TYPE


def _line(text: bytes, sources: Iterable[str]) -> Line:
    """Return one line of a recording, or raise UsageError."""
    try:
        document: Any = strict_json.loads(text, limit=MAX_LINE_BYTES)
    except strict_json.InvalidJSON as error:
        raise UsageError(f"no JSON: {error.problem}") from None
    if isinstance(document, dict) and _is_logged(document):
        raise UsageError(RESULT_HINT)
    if not isinstance(document, dict) or "payload" not in document:
        raise UsageError('write {"at": "<RFC 3339>", "source": "<name>", "payload": {...}}')
    at, source, payload = document.get("at"), document.get("source"), document["payload"]
    received_at = _offline.arrival(at) if isinstance(at, str) else None
    if received_at is None:
        raise UsageError("`at` is no RFC 3339 time, such as 2026-01-05T03:00:00Z")
    if source is not None and source not in sources:
        raise UsageError(f"`source` is none of {', '.join(sources)}")
    body = payload if isinstance(payload, str) else strict_json.dumps(payload)
    return Line(received_at, source, body.encode("utf-8", "replace"))


def _located_line(text: bytes, sources: Iterable[str], place: str) -> Line:
    try:
        return _line(text, sources)
    except UsageError as problem:
        raise UsageError(f"{place}: {problem}") from None


def read(files: Mapping[str, bytes], sources: Iterable[str]) -> list[Line]:
    """Return the lines of all files in the order of time; raise UsageError with file and line."""
    lines = []
    for name, content in files.items():
        for number, text in enumerate(content.splitlines(), start=1):
            if text.strip():
                lines.append(_located_line(text, sources, f"{name}, line {number}"))
    # Files of several clusters interleave; lines of one moment keep their order.
    return sorted(lines, key=lambda line: line.at)


class _Player:
    """Processes recorded events in order and counts their outcomes."""

    def __init__(self, runtime: Runtime, clock: SimulatedClock) -> None:
        self._runtime, self._clock = runtime, clock
        self._recognizer = Recognizer(runtime.sources, runtime.schemas)
        self._events = 0
        self._outcomes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._hours: Counter[str] = Counter()
        self._restarts: list[Restart] = []
        self._others = 0

    def play(self, line: Line) -> None:
        """Let time pass until a payload came, and take its events through the pipeline."""
        self._clock.moment = line.at
        try:
            recognized = self._recognizer.recognize(line.body, line.at, source=line.source)
        except UsageError as problem:
            raise UsageError(f"{to_the_second(line.at)}: {problem}") from None
        for raw_event in recognized.raw_events:
            self._count(self._data(raw_event), line.at)

    def _data(self, raw_event: RawEvent) -> Mapping[str, Any] | None:
        """Return what the result says of one event; None for a result that came back."""
        opened: RawEvent | SubscriptionNotice = raw_event
        if raw_event.channel == "smn":
            try:
                opened = open_smn(raw_event, self._runtime.sources, self._runtime.schemas)
            except EventRejected as rejection:
                return _without_instances(summarize.rejection(rejection))
        if isinstance(opened, SubscriptionNotice):
            return _without_instances(summarize.notice(opened))
        deadline = Deadline(self._clock.monotonic(), DEADLINE_SECONDS)
        credentials = self._runtime.settings.credentials
        run, result = process(opened, self._runtime, deadline, credentials=credentials)
        source = self._runtime.sources.get(run.context.source or "")
        # The headline speaks of alarms only where nothing else was played.
        self._others += source is None or not source.alarm
        return result.data if result is not None else None

    def _count(self, data: Mapping[str, Any] | None, at: datetime) -> None:
        if data is None:
            return
        self._events += 1
        self._outcomes[Outcome(data["outcome"]).value] += 1
        self._reasons.update(_reasons(data))
        self._restarts += [
            Restart(at, instance["id"])
            for instance in data["instances"]
            if instance["outcome"] == Outcome.ACCEPTED and data["action"] == "restart"
        ]
        if data["needs_human"]:
            # In UTC, as every time in the log is.
            self._hours[at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H")] += 1

    def report(self) -> Report:
        """Return what came of the events so far."""
        return Report(
            events=self._events,
            outcomes=dict(self._outcomes.most_common()),
            reasons=dict(self._reasons.most_common()),
            restarts=tuple(self._restarts),
            calls=sum(self._hours.values()),
            hours=dict(self._hours),
            alarms_only=not self._others,
        )


def _without_instances(summary: Summary) -> Mapping[str, Any]:
    return {**summary.ending._asdict(), "instances": (), "action": None}


def _reasons(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reason of an event, or the different reasons of its instances."""
    if data["reason"] is not None:
        yield data["reason"]
        return
    yield from sorted({row["reason"] for row in data["instances"] if row["reason"] is not None})


def replay(files: Mapping[str, bytes], variables: Mapping[str, str]) -> Report:
    """Return what would have come of the recorded payloads; raise UsageError or SettingsInvalid."""
    # Before every recording: arrival() takes no earlier time.
    clock = SimulatedClock(datetime(2000, 1, 1, tzinfo=timezone.utc))
    # The simulated restarts have the name that these settings look for.
    pattern = variables.get("RESTART_TASK_PATTERN", "").strip() or "restart"
    cloud = SimulatedCloud(clock, any_instance=True, restart_task_name=pattern)
    runtime = _offline.runtime(variables, dry_run=False, clock=clock, http_client=cloud.client)
    lines = read(files, (*runtime.sources, *TOPIC_SERVICES))
    player = _Player(runtime, clock)
    # A simulated cloud answers at once: handing each read to a thread would only take time.
    with threads.inline():
        for line in progress(lines, "payloads"):
            player.play(line)
    return player.report()


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def headline(report: Report) -> str:
    """Return the whole report in one sentence.

    >>> headline(Report(41, {"accepted": 6, "skipped": 35}, {}, (), 1, {}, alarms_only=True))
    '41 alarms → 0 restarts, 35 skips; a person would have been called 1 time.'
    """
    events = _number(report.events, "alarm" if report.alarms_only else "event")
    others = {"accepted", "partial", "skipped"}
    parts = [
        _number(len(report.restarts), "restart"),
        _number(report.outcomes.get("skipped", 0), "skip"),
        *(f"{count} {name}" for name, count in report.outcomes.items() if name not in others),
    ]
    called = _number(report.calls, "time")
    return f"{events} → {', '.join(parts)}; a person would have been called {called}."


def _show_counts(title: str, counts: Mapping[str, int], meaning: Callable[[str], str]) -> None:
    if not counts:
        return
    say(f"\n{title}")
    for name, count in counts.items():
        say(f"  {count:6} {paint(f'{name:20}', name)} {meaning(name)}".rstrip())


def _show_hours(hours: Mapping[str, int]) -> None:
    """Print the hours in which a person would have been called, a day in a line."""
    days: dict[str, list[str]] = {}
    for hour, calls in sorted(hours.items()):
        day, _, number = hour.partition("T")
        days.setdefault(day, []).append(number if calls == 1 else f"{number} ({calls})")
    say("\na person would have been called in these hours (UTC)")
    for day, listed in list(days.items())[:MAX_SHOWN_LINES]:
        say(fill(f"  {day}  {' '.join(listed)}", WIDTH, subsequent_indent=" " * 14))
    _show_rest(len(days), "days")


def _show_restarts(restarts: Sequence[Restart]) -> None:
    say("\nrestarts")
    for restart in restarts[:MAX_SHOWN_LINES]:
        say(f"  {to_the_second(restart.at)}  {restart.instance}")
    _show_rest(len(restarts), "restarts")


def _show_rest(total: int, what: str) -> None:
    if total > MAX_SHOWN_LINES:
        say(f"  … and {total - MAX_SHOWN_LINES} more {what}")


def show(report: Report, *, as_json: bool) -> None:
    """Print a report."""
    if as_json:
        say_json(report.document())
        return
    say(headline(report))
    _show_counts("outcomes", report.outcomes, lambda _: "")
    _show_counts("reasons", report.reasons, lambda name: REASON_TEXTS.get(name, ""))
    if report.hours:
        _show_hours(report.hours)
    if report.restarts:
        _show_restarts(report.restarts)
    say("\nassumed:")
    for assumption in ASSUMPTIONS:
        say(bullet(assumption))

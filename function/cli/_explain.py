"""The work of `explain`: options to a runtime, a payload to explanations, those to text or JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..entrypoints import startup
from ..ledger.memory import MemoryLedger
from ..lib import strict_json
from ..lib.clock import SystemClock
from ..lib.timestamps import to_the_second
from ..model.event import Outcome
from ..pipeline import Runtime
from . import _offline
from ._explanation import ExplainedInstance, Explanation, explain
from ._files import UsageError
from ._output import bullet, paint, say, say_json
from ._recognition import TOPIC_SERVICES, Recognized, Recognizer
from ._simulated_cloud import SimulatedClock, SimulatedCloud

# A project with all its tasks of a month has far less.
MAX_STATE_BYTES = 16 * 1024 * 1024
OUTCOMES = frozenset(outcome.value for outcome in Outcome)


class Options(NamedTuple):
    """What the caller asks for; `state` is the content of the file, `at` an RFC 3339 time."""

    source: str | None = None
    at: str | None = None
    state: bytes | None = None
    live: bool = False
    expect: str | None = None


def _moment(options: Options) -> datetime:
    if options.at is None:
        return SystemClock().now()
    at = _offline.arrival(options.at)
    if at is None:
        raise UsageError("--at: write a time as RFC 3339 says, such as 2026-01-05T03:00:00Z")
    return at


def _state(content: bytes) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the rows of a state file, by kind."""
    try:
        document: Any = strict_json.loads(content, limit=MAX_STATE_BYTES)
    except strict_json.InvalidJSON as error:
        raise UsageError(f"--state: {error.problem}") from None
    instances = document.get("instances") if isinstance(document, dict) else None
    tasks = document.get("tasks", {}) if isinstance(document, dict) else None
    rows_are_objects = isinstance(instances, list) and all(
        isinstance(row, dict) for row in instances
    )
    if not rows_are_objects or not isinstance(tasks, dict):
        raise UsageError('--state: write {"instances": [...], "tasks": {"<id>": [...]}}')
    if not all(isinstance(rows, list) for rows in tasks.values()):
        raise UsageError("--state: the tasks of an instance are a list")
    return instances or [], tasks


def _simulated(options: Options, at: datetime, variables: Mapping[str, str]) -> Runtime:
    clock = SimulatedClock(at)
    rows, tasks = _state(options.state) if options.state is not None else ([], {})
    cloud = SimulatedCloud(clock, rows=rows, tasks=tasks, any_instance=options.state is None)
    return _offline.runtime(variables, dry_run=True, clock=clock, http_client=cloud.client)


def _live(variables: Mapping[str, str]) -> Runtime:
    """Return the runtime of the real settings, made a dry run whatever they say."""
    runtime = startup.runtime(variables)
    # Explaining an alarm of production must never act on it.
    limits = runtime.settings.limits._replace(dry_run=True)
    settings = runtime.settings._replace(limits=limits)
    # A claim on a shared ledger is written there, so what is explained claims nothing.
    ledger = MemoryLedger(runtime.clock.monotonic)
    return runtime._replace(
        settings=settings, ledger=ledger, log=_offline.silence, run_check=_offline.check
    )


def _state_assumption(options: Options) -> str:
    if options.live:
        return "The instances are read from the cloud, now; the ledger of other copies is not read."
    if options.state is not None:
        return "The instances are those of the state file, and no others exist."
    return (
        "Every instance named is a running Kafka instance without history and without tags "
        "(--state or --live looks at others)."
    )


def _settings_assumption(options: Options, variables: Mapping[str, str]) -> str:
    if options.live:
        return "The settings are those of the environment."
    names = _offline.limits_set(variables)
    if not names:
        return "No limit is set in the environment, so the defaults hold."
    return f"These limits are set, the defaults hold for the others: {', '.join(names)}."


def _assumptions(
    options: Options, at: datetime, variables: Mapping[str, str], recognized: Recognized
) -> tuple[str, ...]:
    when = "" if options.at else " (--at explains it at another time)"
    return (
        *([recognized.assumption] if recognized.assumption else []),
        "Its sender is authenticated: no secret and no signature is looked at.",
        f"It arrives at {to_the_second(at)}{when}.",
        _state_assumption(options),
        _settings_assumption(options, variables),
        "Nothing is sent: what would be sent with DRY_RUN=false has the outcome dry_run.",
    )


def _require_known(options: Options, runtime: Runtime) -> None:
    """Raise UsageError for a source or an outcome that does not exist."""
    names = (*runtime.sources, *TOPIC_SERVICES)
    if options.source is not None and options.source not in names:
        raise UsageError(f"--source: choose one of {', '.join(names)}")
    outcome = (options.expect or "").partition(":")[0]
    if options.expect is not None and outcome not in OUTCOMES:
        raise UsageError(f"--expect: choose one of {', '.join(sorted(OUTCOMES))}")


def explanations(
    body: bytes, options: Options, variables: Mapping[str, str]
) -> tuple[Explanation, ...]:
    """Return what becomes of every event in a payload; raise UsageError or SettingsInvalid."""
    at = _moment(options)
    runtime = _live(variables) if options.live else _simulated(options, at, variables)
    _require_known(options, runtime)
    recognizer = Recognizer(runtime.sources, runtime.schemas)
    recognized = recognizer.recognize(body, at, source=options.source)
    assumptions = _assumptions(options, at, variables, recognized)
    credentials = runtime.settings.credentials
    return tuple(
        explain(raw_event, runtime, recognized, credentials)._replace(assumptions=assumptions)
        for raw_event in recognized.raw_events
    )


def status(explained: Sequence[Explanation], expect: str | None) -> int:
    """Return the exit status: 0, or 1 for what is rejected or is not as expected."""
    if expect is None:
        return int(any(event.outcome == "rejected" for event in explained))
    outcome, _, reason = expect.partition(":")
    # Where acting says accepted, a dry run says dry_run: to expect either means the same.
    wanted = "dry_run" if outcome == "accepted" else outcome
    as_expected = (
        event.outcome == wanted and reason in {"", event.reason or ""} for event in explained
    )
    return int(not all(as_expected))


def _show_instance(instance: ExplainedInstance) -> None:
    reason = f" ({instance.reason})" if instance.reason else ""
    say(f"\n{instance.id}: {paint(instance.outcome + reason, instance.outcome)}")
    for rule in instance.rules:
        answer = "yes" if rule.applies else "no"
        say(f"  {paint(f'{answer:4}', answer)} {rule.rule:20} {rule.why}")


def _show(explanation: Explanation) -> None:
    say(f"source    {explanation.source or 'not recognized'}")
    if explanation.schema is not None:
        where = explanation.schema
        path, problem = where["path"] or "$", where["problem"] or ""
        say(f"schema    {problem if path in problem else f'{path}: {problem}'}")
    for instance in explanation.instances:
        _show_instance(instance)
    reason = f" ({explanation.reason})" if explanation.reason else ""
    painted = paint(f"{explanation.outcome}{reason}", explanation.outcome)
    say(f"\noutcome   {painted}: {explanation.message}")
    if explanation.needs_human:
        say("calls     for a person (needs_human)")
    if explanation.request is not None:
        say(f"request   {json.dumps(explanation.request, separators=(',', ':'))}")
    say("\nassumed:")
    for assumption in explanation.assumptions:
        say(bullet(assumption))


def show(explained: Sequence[Explanation], *, as_json: bool) -> None:
    """Print explanations: a payload with several events is several of them."""
    if as_json:
        documents = [event.document() for event in explained]
        say_json(documents[0] if len(documents) == 1 else documents)
        return
    for number, event in enumerate(explained):
        if number:
            say()
        _show(event)

"""Write log lines, and deliver the result event to the log and to the operator's sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

import requests

from ..lib import strict_json, timestamps
from ..lib.log_stream import PATIENCE_SECONDS, Drops, LogStream
from ..lib.send_gate import NoResponse
from ..lib.threads import DeadlineExceeded, ThreadUnavailable, call_with_timeout, gather
from ..lib.transport import Client, RawResponse
from ..model.event import Outcome
from ..model.result import Receiver, ResultEvent
from ..settings.model import OutboundSettings

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
WARNING_OUTCOMES = frozenset({"failed", "unknown", "rejected"})
# Longer than any event may take: deliveries end by themselves, at the deadline of their event.
MAX_DELIVERY_SECONDS = 60.0
_drops = Drops()
# Two streams and no lock between them: requests that are turned away by the thousand may fill
# stderr, and results still go out.
_RESULTS, _LINES = LogStream("stdout", _drops), LogStream("stderr", _drops)


def _write(stream: LogStream, line: Mapping[str, Any], seconds: float) -> None:
    """Write one JSON line in one piece, or drop it: a log that stalls must not stop a restart."""

    def text(dropped: int) -> str:
        return strict_json.dumps({**line, "dropped": dropped} if dropped else line)

    stream.write(text, seconds=seconds)


def dropped_lines() -> int:
    """Return how many lines of the log were dropped since the start of the process."""
    return _drops.total


def severity(result: ResultEvent) -> str:
    """Return the log level of a result: ERROR where a person has to act."""
    if result.data.get("needs_human"):
        return "ERROR"
    return "WARNING" if result.data["outcome"] in WARNING_OUTCOMES else "INFO"


def log_result(result: ResultEvent, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Write the result event as one line on stdout, whatever the log level.

    It waits for a reader that stalls for at most `seconds`, as `log` does.
    """
    data = result.data
    message = data.get("message") or f"{Outcome(data['outcome']).value}: {data['reason']}"
    line = {**result.event, "severity": severity(result), "message": message}
    _write(_RESULTS, line, seconds)


def log(
    level: str,
    message: str,
    *,
    min_level: str = "DEBUG",
    seconds: float = PATIENCE_SECONDS,
    **details: Any,
) -> None:
    """Write one line on stderr, unless the level is below the least that is wanted."""
    if LEVELS.index(level) >= LEVELS.index(min_level):
        now = timestamps.text(datetime.now(timezone.utc))
        line = {"time": now, "severity": level, "message": message, **details}
        _write(_LINES, line, seconds)


def send_once(
    request: requests.PreparedRequest,
    outbound: OutboundSettings,
    *,
    proxy_url: str | None,
    seconds: float,
) -> RawResponse | None:
    """Send a request on a connection of its own; None where no answer came in time.

    It is never sent again: what may have arrived would be there twice.
    """
    client = Client(ca_bundle_file=outbound.ca_bundle_file, proxy_url=proxy_url)
    try:
        return call_with_timeout(seconds, lambda: client.send(request, read_timeout=seconds))
    except (DeadlineExceeded, ThreadUnavailable, NoResponse):
        return None
    finally:
        client.close()


def post_to_sink(result: ResultEvent, outbound: OutboundSettings, *, seconds: float) -> bool:
    """Post the result event to the sink and tell whether the sink took it."""
    if outbound.sink is None or seconds <= 0:
        return False
    event = {**result.event, **outbound.sink_extensions}
    headers = {"Content-Type": "application/cloudevents+json", "Accept-Encoding": "identity"}
    body = strict_json.dumps(event).encode()
    try:
        request = requests.Request("POST", outbound.sink, data=body, headers=headers).prepare()
    except requests.RequestException:  # a host that no name can have
        return False
    # Knative sets K_SINK to a service of its cluster, which PROXY_URL leads out of.
    answer = send_once(request, outbound, proxy_url=None, seconds=seconds)
    return answer is not None and 200 <= answer.status < 300


def _made(delivery: Callable[[], str | None]) -> str | None:
    """Make one delivery; a defect of it must not become the answer to what has been done by now."""
    try:
        return delivery()
    except Exception as error:  # noqa: BLE001 - whatever breaks here, the result stands
        return f"A delivery broke: {type(error).__name__}."


def deliver(deliveries: Mapping[Receiver, Callable[[], str | None]]) -> dict[Receiver, str]:
    """Make all deliveries in parallel, so that a slow one does not delay the others.

    Each ends by itself when its time is over, and returns what is to be logged, or None.
    """
    works = [partial(_made, work) for work in deliveries.values()]
    if len(works) <= 1:  # most events have none, and a thread costs 0.1 ms
        problems = [work() for work in works]
    else:
        try:
            problems = gather(works, threads=len(works), seconds=MAX_DELIVERY_SECONDS)
        except ThreadUnavailable:
            problems = ["This machine gives no thread to deliver the result."] * len(works)
    return {
        receiver: problem
        for receiver, problem in zip(deliveries, problems, strict=True)
        if problem is not None
    }

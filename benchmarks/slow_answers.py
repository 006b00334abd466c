"""Slow answers: what becomes of an event when the cloud takes its time, by shares of the deadline.

`python -m benchmarks slow` prints the table from which the shares in `function/lib/clock.py` were
chosen.
"""

import contextlib
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

from function.lib import clock
from tests.factories import ORDERS
from tests.fake_dms import Answer, Clock, FakeDms, Fault
from tests.fake_dms.stream import Stream
from tests.harness import EventReply, Remediator

DEADLINE = 4.5
SECONDS = (0.3, 0.6, 1.0, 1.5, 1.9, 2.1, 3.0)
SHARES = ((0.3, 0.7, 0.9), (0.4, 0.8, 0.9), (0.45, 0.9, 0.95), (0.5, 0.9, 0.95))


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """Do what is asked, and answer so many seconds later."""

    seconds: float

    def send(self, answer: Answer, line: Stream) -> None:
        """Wait, then answer."""
        time.sleep(self.seconds)
        line.send(answer.encode())


def _alarm(remediator: Remediator) -> EventReply:
    return remediator.alert(raised=datetime.now(timezone.utc))


def _alarm_without_tags(remediator: Remediator) -> EventReply:
    """Send an alarm whose instance the list does not show in full, so that it is read again."""
    remediator.cloud.behaviour.rows_have_tags = False
    remediator.cloud.add_instance(ORDERS, status="ERROR", tags={"team": "orders"})
    return _alarm(remediator)


def _request(remediator: Remediator) -> EventReply:
    return remediator.restart()


def _purge(remediator: Remediator) -> EventReply:
    return remediator.ask(action="purge_failed")


EVENTS: dict[str, Callable[[Remediator], EventReply]] = {
    "an alarm": _alarm,
    "an alarm, the list without tags": _alarm_without_tags,
    "a request": _request,
    "a purge": _purge,
}


def _outcome(event: str, seconds: float) -> str:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        cloud.fault(Slow(seconds), times=None)
        settings = {"DEADLINE_SECONDS": str(DEADLINE), "LOG_LEVEL": "ERROR"}
        remediator = Remediator(cloud, Clock(0), settings)
        begin = time.monotonic()
        data = EVENTS[event](remediator).data
        took = time.monotonic() - begin
    said = data["outcome"] if data["reason"] is None else f"{data['outcome']} `{data['reason']}`"
    return f"{said}, {took:.1f} s"


def table() -> str:
    """Return what becomes of every event, for every delay and all shares, as Markdown."""
    lines = [
        "| shares: read, send, confirm | event | " + " | ".join(f"{s:g} s" for s in SECONDS) + " |",
        "|---|---|" + "--|" * len(SECONDS),
    ]
    own = clock.READ_SHARE, clock.SEND_SHARE, clock.CONFIRM_SHARE
    silence = io.StringIO()
    try:
        for shares in SHARES:
            clock.READ_SHARE, clock.SEND_SHARE, clock.CONFIRM_SHARE = shares
            name = " / ".join(f"{share:g}" for share in shares)
            with (
                contextlib.redirect_stdout(silence),
                contextlib.redirect_stderr(silence),
                ThreadPoolExecutor(len(EVENTS) * len(SECONDS)) as pool,
            ):
                runs = {
                    event: [pool.submit(_outcome, event, seconds) for seconds in SECONDS]
                    for event in EVENTS
                }
                for event, futures in runs.items():
                    cells = " | ".join(future.result() for future in futures)
                    lines.append(f"| {name} | {event} | {cells} |")
    finally:
        clock.READ_SHARE, clock.SEND_SHARE, clock.CONFIRM_SHARE = own
    return "\n".join(lines)

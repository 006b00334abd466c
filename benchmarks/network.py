"""Network: what one event waits for, in round trips, through a relay that takes a fixed time."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone

from tests.factories import ids
from tests.fake_dms import Clock, Endpoint, FakeDms
from tests.fault_matrix.certificates import tls_endpoint
from tests.harness import EventReply, Remediator
from tests.relay import Relay

from .plan import Plan
from .rows import Row, row

Settings = Mapping[str, str]
SETTINGS = {"DEADLINE_SECONDS": "25", "MAX_RESTARTING": "50", "LOG_LEVEL": "ERROR"}
TEN = 10
ONE_MORE = 1
# Until the POST is sent, and until the event has ended. TCP and one answer, then the POST, then a
# look; over TLS 1.3 a round trip more. The rest is our own work.
BOUNDS = {"plain HTTP": (2.2, 4.4), "TLS 1.3": (3.3, 5.5)}


def _alarm(remediator: Remediator, targets: list[str]) -> EventReply:
    return remediator.alert(*targets, raised=datetime.now(timezone.utc))


def _request(remediator: Remediator, targets: list[str]) -> EventReply:
    return remediator.restart(*targets)


EVENTS: Mapping[str, tuple[Callable[[Remediator, list[str]], EventReply], int]] = {
    "an alarm, one target": (_alarm, 1),
    "a request, one target": (_request, 1),
    "an alarm, ten targets": (_alarm, TEN),
    "a request, ten targets": (_request, TEN),
}


def _measured(kind: str, event: str, one_way: float) -> tuple[float, float]:
    """Return after how many round trips the POST left, and the event ended."""
    ask, number = EVENTS[event]
    where = tls_endpoint("good") if kind != "plain HTTP" else Endpoint()
    with FakeDms(endpoint=where) as cloud, Relay(cloud.address, one_way) as relay:
        targets = ids(number)
        for target in targets:
            cloud.add_instance(target, status="ERROR")
        scheme, host, _ = cloud.url.split(":")
        endpoint = {"DMS_ENDPOINT": f"{scheme}:{host}:{relay.port}"}
        remediator = Remediator(cloud, Clock(0), {**SETTINGS, **endpoint})
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            begin, wall = time.monotonic(), time.time()
            answered = ask(remediator, targets)
            ended = time.monotonic() - begin
        assert answered.data["outcome"] == "accepted", answered.event
        sent = cloud.posts[0].time - one_way - wall
    return sent / (2 * one_way), ended / (2 * one_way)


def network(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Count the round trips of events; the first of each kind only warms the process."""
    for kind, bounds in BOUNDS.items():
        _measured(kind, "a request, one target", 0.001)
        for event, (_, number) in EVENTS.items():
            rounds = [_measured(kind, event, plan.one_way) for _ in range(plan.network_rounds)]
            whats = ("the POST is sent", "the event has ended")
            for what, most, values in zip(whats, bounds, zip(*rounds, strict=True), strict=True):
                section = f"network, {kind}: round trips until {what}"
                bound = most + (ONE_MORE if number > 1 else 0)
                yield row(section, event, "", values, bound=bound)

"""What executing is given of the world: announce before sending, and wait within the deadline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from function.dms.action import ApiHands
from function.dms.inventory import Cloud
from function.dms.session import Api
from function.lib.clock import Clock, Deadline, SystemClock
from function.model.cloud_state import ApiReply, InstanceState
from function.model.decision import ApiCall
from function.model.errors import StateUnreadable
from function.policy import action_requests
from function.policy.call_result import Fate
from function.settings.model import Credentials, Outgoing
from tests.factories import ORDERS
from tests.fake_dms import Hold, StandIn

RESTART = action_requests.restart(action_requests.Restarts((ORDERS,)))
NEVER = ApiReply(arrived=False)


@dataclass
class Bench:
    """Hands over a stand-in, and what they announced."""

    cloud: StandIn
    hands: ApiHands
    announced: list[tuple[ApiCall, int]] = field(default_factory=list)


def look(cloud: Cloud, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
    return {id_: cloud.instance(id_) for id_ in instances}


class Moments(SystemClock):
    """A clock that goes from one moment to the next whenever it is asked."""

    def __init__(self, *moments: float) -> None:
        self._moments = iter(moments)

    def monotonic(self) -> float:
        return next(self._moments)


@contextmanager
def bench(
    *, seconds: float = 30.0, elapsed: float = 0.0, clock: Clock | None = None
) -> Iterator[Bench]:
    clock = clock or SystemClock()
    with StandIn() as cloud:
        cloud.add_instance(ORDERS)
        account = cloud.account
        api = Api(
            Outgoing(cloud.url, account.project_id),
            Credentials(account.access_key, account.secret_key, from_platform=True),
            clock=clock,
            deadline=Deadline(clock.monotonic() - elapsed, seconds),
        )

        def announce(call: ApiCall) -> None:
            made.announced.append((call, cloud.connections))

        made = Bench(cloud, ApiHands(api, announce=announce, look=look))
        yield made
        api.close()


def test_a_call_is_announced_before_anything_of_it_is_sent() -> None:
    with bench() as made:
        reply = made.hands.send(RESTART)

        assert made.announced == [(RESTART, 0)]
        assert (reply.status, len(made.cloud.posts)) == (200, 1)
        assert made.hands.platform_credentials


def test_a_look_reads_the_instances_it_is_asked_for() -> None:
    with bench() as made:
        assert made.hands.look((ORDERS,))[ORDERS].status == "RUNNING"


def test_a_look_ends_with_the_time_for_it() -> None:
    with bench(seconds=0.3) as made:
        made.cloud.fault(Hold(), times=None)
        with pytest.raises(StateUnreadable):
            made.hands.look((ORDERS,))


@pytest.mark.parametrize(
    ("found", "retry_after", "waits"),
    [
        (Fate.NOT_SENT, None, True),
        (Fate.NOT_SENT, "3600", True),
        (Fate.THROTTLED, "0", True),
        (Fate.THROTTLED, "Thu, 01 Jan 1970 00:00:00 GMT", True),
        (Fate.THROTTLED, "3600", False),
        (Fate.THROTTLED, "24", False),
        (Fate.THROTTLED, None, False),
        (Fate.THROTTLED, "soon", False),
    ],
)
def test_sending_again_waits_as_long_as_the_cloud_asks_if_that_fits(
    found: Fate, retry_after: str | None, waits: bool
) -> None:
    with bench() as made:
        reply = ApiReply(arrived=True, retry_after=retry_after)

        assert made.hands.wait_to_send(reply, found, 0) is waits


def test_nothing_is_waited_for_when_the_time_for_it_is_over() -> None:
    with bench(elapsed=24.5) as made:
        assert not made.hands.wait_to_send(NEVER, Fate.NOT_SENT, 0)
        assert made.hands.wait_to_look(0)
    with bench(elapsed=27.5) as made:
        assert not made.hands.wait_to_look(0)


def test_every_look_but_the_first_waits_a_little() -> None:
    with bench(seconds=10.0, elapsed=8.95) as made:
        assert made.hands.wait_to_look(0)
        assert not made.hands.wait_to_look(1)
    with bench() as made:
        assert made.hands.wait_to_look(1)


def test_a_wait_that_uses_up_the_time_leaves_none() -> None:
    start, asked, pausing, over = 0.0, 0.65, 0.7, 0.8
    with bench(seconds=1.0, clock=Moments(start, asked, pausing, over)) as made:
        assert not made.hands.wait_to_send(NEVER, Fate.NOT_SENT, 0)

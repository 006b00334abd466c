"""The action port: log before sending, and sleep within the deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from function.dms.action import ActionSender, DmsActions
from function.dms.inventory import Inventory
from function.dms.session import DmsSession
from function.lib.clock import Clock, Deadline, SystemClock
from function.lib.transport import Client, RawResponse
from function.model.cloud_state import InstanceState
from function.model.decision import ActionCall
from function.model.errors import StateUnreadable
from function.policy import action_requests
from function.settings.model import Credentials, OutboundSettings
from tests.factories import ORDERS
from tests.fake_dms import FakeDms, Hold

RESTART = action_requests.restart(action_requests.RestartRequest((ORDERS,)))


@dataclass
class Bench:
    """A DmsActions for a fake cloud, with the calls it has logged."""

    cloud: FakeDms
    port: DmsActions
    announced: list[tuple[ActionCall, int]] = field(default_factory=list)


def look(cloud: Inventory, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
    states = cloud.gather([partial(cloud.instance, id_) for id_ in instances])
    return {state.id: state for state in states}


class Moments(SystemClock):
    """A clock that returns the next of the given moments at every call."""

    def __init__(self, *moments: float) -> None:
        self._moments = iter(moments)

    def monotonic(self) -> float:
        return next(self._moments)


@contextmanager
def bench(
    *,
    seconds: float = 30.0,
    elapsed: float = 0.0,
    clock: Clock | None = None,
    http_client: Callable[..., Client] = Client,
) -> Iterator[Bench]:
    clock = clock or SystemClock()
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS)
        account = cloud.account
        api = DmsSession(
            OutboundSettings(cloud.url, account.project_id),
            Credentials(account.access_key, account.secret_key, from_platform=True),
            clock=clock,
            deadline=Deadline(clock.monotonic() - elapsed, seconds),
            http_client=http_client,
        )

        def announce(call: ActionCall) -> None:
            made.announced.append((call, cloud.connections))

        made = Bench(cloud, DmsActions(api, ActionSender(api), announce=announce, look=look))
        yield made
        api.close()


def test_call_is_logged_before_its_first_byte_is_sent() -> None:
    with bench() as made:
        reply = made.port.send(RESTART)

        assert made.announced == [(RESTART, 0)]
        assert (reply.status, len(made.cloud.posts)) == (200, 1)
        assert made.port.platform_credentials


def test_frozen_process_sends_nothing_after_its_deadline() -> None:
    """Both threads wake up late, and the one that sends may be the first to go on."""

    class FrozenClock(SystemClock):
        late = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.late

    clock = FrozenClock()

    class FreezingClient(Client):
        def send(self, *args: Any, **kwargs: Any) -> RawResponse:
            clock.late = 60.0
            return super().send(*args, **kwargs)

    with bench(clock=clock, http_client=FreezingClient) as made:
        response = made.port.send(RESTART)

        assert (response.possibly_sent, response.timed_out) == (False, True)
        assert made.cloud.posts == ()


def test_read_states_reads_the_named_instances() -> None:
    with bench() as made:
        assert made.port.read_states((ORDERS,))[ORDERS].status == "RUNNING"


def test_read_states_ends_at_the_confirm_deadline() -> None:
    with bench(seconds=0.3) as made:
        made.cloud.fault(Hold(), times=None)
        with pytest.raises(StateUnreadable):
            made.port.read_states((ORDERS,))


@pytest.mark.parametrize(("seconds", "fits"), [(0.0, True), (0.2, True), (24.0, False)])
def test_sleep_before_send_only_when_it_ends_in_time(seconds: float, fits: bool) -> None:
    with bench() as made:
        assert made.port.sleep_before_send(seconds) is fits


def test_no_sleep_after_the_deadline() -> None:
    with bench(elapsed=24.5) as made:
        assert not made.port.sleep_before_send(0.1)
        assert made.port.sleep_before_read(0)
    with bench(elapsed=27.5) as made:
        assert not made.port.sleep_before_read(0)


def test_only_the_first_read_has_no_pause() -> None:
    with bench(seconds=10.0, elapsed=8.95) as made:
        assert made.port.sleep_before_read(0)
        assert not made.port.sleep_before_read(0.1)
    with bench() as made:
        assert made.port.sleep_before_read(0.1)


def test_sleep_that_uses_up_the_time_returns_false() -> None:
    start, asked, pausing, over = 0.0, 0.65, 0.7, 0.8
    with bench(seconds=1.0, clock=Moments(start, asked, pausing, over)) as made:
        assert not made.port.sleep_before_send(0.1)

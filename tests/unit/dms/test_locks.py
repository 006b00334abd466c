"""One at a time: events of one process that name the same instance wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from function.dms.locks import FORGET_AFTER_SECONDS, InFlight, InstanceLocks
from function.model.errors import InstanceBusy
from tests.factories import AUDIT, ORDERS, PAYMENTS, ids
from tests.fake_dms import Clock

# A set of their numbers keeps the order in which they were put in: 1 and 9 share a place in it.
CROSSED = [ids(10)[1], ids(10)[9]]


def no_time() -> float:
    return 0.0


def long() -> float:
    return 10.0


@pytest.mark.parametrize(
    "wanted", [[ORDERS], [PAYMENTS, ORDERS], [ORDERS, ORDERS]], ids=["same", "overlap", "twice"]
)
def test_an_instance_is_held_by_one_event_at_a_time(wanted: list[str]) -> None:
    locks = InstanceLocks()
    with locks.hold([ORDERS], long), pytest.raises(InstanceBusy), locks.hold(wanted, no_time):
        raise AssertionError("both hold it")

    with locks.hold(wanted, no_time):
        pass


def test_other_instances_are_free() -> None:
    locks = InstanceLocks()
    with locks.hold([ORDERS], long), locks.hold([PAYMENTS], no_time), locks.hold([], no_time):
        pass


def test_what_was_taken_on_the_way_to_a_held_instance_is_given_back() -> None:
    locks = InstanceLocks()
    with (
        locks.hold([PAYMENTS], long),
        pytest.raises(InstanceBusy),
        locks.hold([ORDERS, PAYMENTS], no_time),
    ):
        raise AssertionError("both hold it")
    with locks.hold([ORDERS, PAYMENTS], no_time):
        pass


def test_locks_are_given_back_when_an_event_breaks() -> None:
    locks = InstanceLocks()
    with pytest.raises(ZeroDivisionError), locks.hold([ORDERS], long):
        raise ZeroDivisionError
    with locks.hold([ORDERS], no_time):
        pass


def test_time_that_is_over_is_no_time() -> None:
    locks = InstanceLocks()
    with locks.hold([ORDERS], lambda: -1.0):
        pass
    with (
        locks.hold([ORDERS], long),
        pytest.raises(InstanceBusy),
        locks.hold([ORDERS], lambda: -1.0),
    ):
        raise AssertionError("both hold it")


def test_events_that_name_the_same_instances_in_any_order_never_wait_for_ever() -> None:
    locks = InstanceLocks()
    done: list[int] = []

    def work(order: Sequence[str]) -> None:
        for _ in range(200):
            with locks.hold(order, long):
                done.append(1)

    threads = [
        threading.Thread(target=work, args=(order,)) for order in (CROSSED, CROSSED[::-1]) * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(done) == 800


@pytest.mark.parametrize("order", [CROSSED, CROSSED[::-1]], ids=["up", "down"])
def test_nothing_is_taken_before_what_is_first_in_order(order: Sequence[str]) -> None:
    locks = InstanceLocks()
    asked: list[str] = []

    def remaining() -> float:
        asked.append("how long to wait for one more lock")
        return 0.0

    with locks.hold(CROSSED[:1], long), pytest.raises(InstanceBusy), locks.hold(order, remaining):
        raise AssertionError("both hold it")
    assert len(asked) == 1


def sends_off(*instances: str, flight: InFlight, since: float = 0) -> frozenset[str]:
    """Decide to restart instances and return what was in flight by then."""
    return flight.take_off(since, lambda others: (others, instances))


def test_events_that_overlap_know_of_each_others_restarts() -> None:
    clock = Clock(100)
    flight = InFlight(clock)

    assert sends_off(ORDERS, flight=flight, since=100) == frozenset()
    assert sends_off(PAYMENTS, flight=flight, since=100) == {ORDERS}
    clock.advance(5)
    flight.land([ORDERS])

    assert sends_off(flight=flight, since=105) == {ORDERS, PAYMENTS}
    assert sends_off(flight=flight, since=106) == {PAYMENTS}


def test_what_landed_long_ago_is_forgotten() -> None:
    clock = Clock(100)
    flight = InFlight(clock)
    sends_off(ORDERS, PAYMENTS, AUDIT, flight=flight)
    flight.land([ORDERS])
    clock.advance(FORGET_AFTER_SECONDS)
    flight.land([PAYMENTS])
    assert sends_off(flight=flight) == {ORDERS, PAYMENTS, AUDIT}

    clock.advance(1)
    flight.land([])
    assert sends_off(flight=flight) == {PAYMENTS, AUDIT}


def test_a_decision_that_is_refused_sends_nothing_off() -> None:
    flight = InFlight(Clock(100))

    def refuse(_: frozenset[str]) -> tuple[None, Sequence[str]]:
        raise InstanceBusy

    with pytest.raises(InstanceBusy):
        flight.take_off(0, refuse)
    assert sends_off(flight=flight) == frozenset()

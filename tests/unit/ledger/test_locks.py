"""Locks: events of one process on the same instance run one after another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from function.ledger.locks import NamedLocks
from function.model.errors import InstanceBusy
from tests.factories import ORDERS, PAYMENTS, ids

CROSSED = [ids(10)[1], ids(10)[9]]


def no_time() -> float:
    return 0.0


def long() -> float:
    return 10.0


@pytest.mark.parametrize(
    "wanted", [[ORDERS], [PAYMENTS, ORDERS], [ORDERS, ORDERS]], ids=["same", "overlap", "twice"]
)
def test_an_instance_is_held_by_one_event_at_a_time(wanted: list[str]) -> None:
    locks = NamedLocks()
    with locks.hold([ORDERS], long), pytest.raises(InstanceBusy), locks.hold(wanted, no_time):
        raise AssertionError("both hold it")

    with locks.hold(wanted, no_time):
        pass


def test_other_instances_are_free() -> None:
    locks = NamedLocks()
    with locks.hold([ORDERS], long), locks.hold([PAYMENTS], no_time), locks.hold([], no_time):
        pass


def test_locks_taken_before_a_busy_instance_are_released() -> None:
    locks = NamedLocks()
    with (
        locks.hold([PAYMENTS], long),
        pytest.raises(InstanceBusy),
        locks.hold([ORDERS, PAYMENTS], no_time),
    ):
        raise AssertionError("both hold it")
    with locks.hold([ORDERS, PAYMENTS], no_time):
        pass


def test_locks_are_released_on_an_exception() -> None:
    locks = NamedLocks()
    with pytest.raises(ZeroDivisionError), locks.hold([ORDERS], long):
        raise ZeroDivisionError
    with locks.hold([ORDERS], no_time):
        pass


def test_no_remaining_time_raises_busy() -> None:
    locks = NamedLocks()
    with locks.hold([ORDERS], lambda: -1.0):
        pass
    with (
        locks.hold([ORDERS], long),
        pytest.raises(InstanceBusy),
        locks.hold([ORDERS], lambda: -1.0),
    ):
        raise AssertionError("both hold it")


def test_events_in_any_order_do_not_deadlock() -> None:
    locks = NamedLocks()
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
def test_locks_are_taken_in_sorted_order(order: Sequence[str]) -> None:
    locks = NamedLocks()
    asked: list[str] = []

    def remaining() -> float:
        asked.append("how long to wait for one more lock")
        return 0.0

    with locks.hold(CROSSED[:1], long), pytest.raises(InstanceBusy), locks.hold(order, remaining):
        raise AssertionError("both hold it")
    assert len(asked) == 1


def test_no_two_instances_share_a_lock() -> None:
    locks = NamedLocks()
    with ExitStack() as held:
        for instance in ids(1000):
            held.enter_context(locks.hold([instance], no_time))
        assert len(locks) == 1000


@pytest.mark.parametrize("error", [KeyboardInterrupt, InstanceBusy])
def test_unused_lock_is_removed(error: type[BaseException]) -> None:
    locks = NamedLocks()
    with pytest.raises(error), locks.hold([ORDERS, PAYMENTS], long):
        raise error("raised while it holds them")
    assert len(locks) == 0


def test_awaited_lock_is_kept() -> None:
    locks = NamedLocks()
    entered = threading.Event()

    def wait() -> None:
        with locks.hold([ORDERS], long):
            entered.set()

    waiting = threading.Thread(target=wait)
    with locks.hold([ORDERS], long):
        waiting.start()
        with pytest.raises(InstanceBusy), locks.hold([ORDERS], no_time):
            raise AssertionError("both hold it")
        assert not entered.is_set()
    waiting.join(30)
    assert entered.is_set()
    assert len(locks) == 0

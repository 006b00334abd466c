"""Every ledger: one claim at a time, remembered calls, atomic counting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from function.ledger.protocol import Claim, Ledger, Times
from function.model.errors import InstanceBusy
from function.model.sent_call import PURGE, Changes, Room, SentCall
from tests.factories import AUDIT, MINUTE, NOW, ORDERS, PAYMENTS, SECOND, ids
from tests.harness import remembered

from .conftest import Copies

AT_ONCE = Times(lambda: 0.0, lambda: 30.0)
PATIENT = Times(lambda: 20.0, lambda: 30.0)


@contextmanager
def entered(ledger: Ledger, *targets: str) -> Iterator[Claim]:
    """Enter a restart of targets at NOW, without a limit."""
    with ledger.claim(targets, AT_ONCE) as claim:
        assert claim.enter(targets, NOW, None)
        yield claim


def room(limit: int = 1, *restarting: str, now: timedelta = timedelta(0)) -> Room:
    return Room(limit, frozenset(restarting), NOW + now)


def known(ledger: Ledger) -> set[tuple[str, bool]]:
    return {(call.target, call.accepted) for call in remembered(ledger)}


def assert_busy(ledger: Ledger, *targets: str) -> None:
    with pytest.raises(InstanceBusy), ledger.claim(targets, AT_ONCE):
        raise AssertionError("both hold it")


def test_an_instance_is_claimed_by_one_event_at_a_time(copy: Copies) -> None:
    first, second = copy(), copy()
    with first.claim([ORDERS, PAYMENTS], AT_ONCE):
        assert_busy(second, ORDERS)
        assert_busy(second, AUDIT, PAYMENTS)
        with second.claim([AUDIT], AT_ONCE):
            pass
    with second.claim([ORDERS, PAYMENTS, AUDIT], AT_ONCE):
        pass


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_claim_ends_whatever_is_raised(copy: Copies, error: type[BaseException]) -> None:
    ledger = copy()
    with pytest.raises(error), ledger.claim([ORDERS], AT_ONCE):
        raise error
    with ledger.claim([ORDERS], AT_ONCE) as claim:
        pass
    assert claim.problem is None


def test_a_claim_is_waited_for(copy: Copies) -> None:
    first, second, order = copy(), copy(), list[str]()

    def wait() -> None:
        with second.claim([ORDERS], PATIENT):
            order.append("second")

    waiting = threading.Thread(target=wait)
    with first.claim([ORDERS], AT_ONCE):
        waiting.start()
        assert_busy(second, ORDERS)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]


def test_a_call_is_known_to_all_copies_before_it_is_sent(copy: Copies) -> None:
    first, second = copy(), copy()
    with entered(first, ORDERS), second.claim([PAYMENTS], AT_ONCE) as other:
        (call,) = other.calls
        assert (call.target, call.sent_at, call.accepted) == (ORDERS, NOW, False)
    assert known(second) == {(ORDERS, False)}


def test_a_call_that_was_accepted_is_dated_by_the_answer(copy: Copies) -> None:
    ledger = copy()
    with entered(ledger, ORDERS, PAYMENTS) as claim:
        accepted = {claim.call_id(ORDERS): NOW + SECOND}
        claim.learn(Changes(accepted=accepted))
        assert {call.accepted for call in claim.calls} == {True, False}

    assert {(call.target, call.sent_at, call.accepted) for call in remembered(copy())} == {
        (ORDERS, NOW + SECOND, True),
        (PAYMENTS, NOW, False),
    }


def test_a_call_that_was_certainly_not_sent_is_forgotten(copy: Copies) -> None:
    ledger = copy()
    with entered(ledger, ORDERS, PAYMENTS) as claim:
        claim.learn(Changes(dropped=frozenset({claim.call_id(ORDERS)})))
        assert [call.target for call in claim.calls] == [PAYMENTS]
    assert known(ledger) == {(PAYMENTS, False)}


def test_a_call_is_forgotten_once_its_restart_is_shown_and_over(copy: Copies) -> None:
    ledger = copy()
    with entered(ledger, ORDERS) as claim:
        id_ = claim.call_id(ORDERS)
        claim.learn(Changes(shown=frozenset({id_})))
    assert [(call.shown, call.over) for call in remembered(ledger)] == [(True, False)]

    with copy().claim([PAYMENTS], AT_ONCE) as other:
        other.learn(Changes(over=frozenset({id_})))
    assert remembered(ledger) == ()


def test_when_an_instance_was_seen_restarting_is_before_the_next_claim_begins(
    copy: Copies,
) -> None:
    ledger = copy()
    with entered(ledger, ORDERS) as claim:
        claim.learn(Changes(restarting=frozenset({claim.call_id(ORDERS)})))
    with copy().claim([PAYMENTS], AT_ONCE) as after:
        (call,) = after.calls

    assert call.restarting_at is not None
    assert call.accepted  # a call whose instance restarts has arrived, whatever the answer was
    assert claim.begun <= call.restarting_at <= after.begun


def test_changes_of_unknown_calls_are_ignored(copy: Copies) -> None:
    ledger = copy()
    with ledger.claim([ORDERS], AT_ONCE) as claim:
        claim.learn(Changes(accepted={"unknown": NOW}, shown=frozenset({"unknown"})))
        claim.learn(Changes())
    assert remembered(ledger) == ()


def test_call_beyond_the_restart_limit_is_not_entered(copy: Copies) -> None:
    ledger = copy()
    with entered(ledger, ORDERS), copy().claim([PAYMENTS], AT_ONCE) as claim:
        assert not claim.enter([PAYMENTS], NOW, room(1))
        assert [call.target for call in claim.calls] == [ORDERS]
        assert not claim.enter([PAYMENTS], NOW, room(2, AUDIT))
        assert claim.enter([PAYMENTS], NOW, room(2, ORDERS, PAYMENTS))
    assert known(ledger) == {(ORDERS, False), (PAYMENTS, False)}


def test_finished_old_and_purge_calls_do_not_count_for_the_limit(copy: Copies) -> None:
    ledger = copy()
    with entered(ledger, ORDERS) as claim:
        id_ = claim.call_id(ORDERS)
    with entered(ledger, PURGE), ledger.claim([PAYMENTS], AT_ONCE) as claim:
        assert not claim.enter([PAYMENTS], NOW, room(1, now=20 * MINUTE - SECOND))
        assert claim.enter([PAYMENTS], NOW - 20 * MINUTE, room(1, now=20 * MINUTE))
    with ledger.claim([AUDIT], AT_ONCE) as claim:
        claim.learn(Changes(over=frozenset({id_})))
        assert claim.enter([AUDIT], NOW, room(1))


def test_concurrent_events_never_exceed_the_restart_limit(copy: Copies) -> None:
    begin, taken = threading.Barrier(12), list[bool]()

    def restart(instance: str) -> None:
        with copy().claim([instance], AT_ONCE) as claim:
            begin.wait(30)
            taken.append(claim.enter([instance], NOW, room(3)))

    threads = [threading.Thread(target=restart, args=(id_,)) for id_ in ids(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(taken) == [False] * 9 + [True] * 3
    assert len(remembered(copy())) == 3


def test_claims_of_many_instances_are_all_or_nothing(copy: Copies) -> None:
    ledger, many = copy(), ids(50)
    with ExitStack() as held:
        held.enter_context(copy().claim(many[25:26], AT_ONCE))
        assert_busy(ledger, *many)
        with ledger.claim(many[:25] + many[26:], AT_ONCE):
            pass


def test_a_call_stays_as_long_as_a_rule_may_look_at_it() -> None:
    sent = SentCall("1", ORDERS, NOW)
    accepted, purge = sent._replace(accepted=True), sent._replace(target=PURGE)

    ends = [(sent, 20 * MINUTE), (accepted, timedelta(hours=24)), (purge, 60 * SECOND)]
    for call, end in ends:
        assert call.is_history(NOW + end - SECOND)
        assert not call.is_history(NOW + end)
        assert not call._replace(shown=True).is_history(NOW)

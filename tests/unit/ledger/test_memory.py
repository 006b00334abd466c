"""The ledger of one process: entries expire by the monotonic clock, and its size is bounded."""

from __future__ import annotations

import pytest

from function.ledger import memory
from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Times
from function.model.errors import LedgerUnreadable
from function.model.sent_call import Changes
from tests.factories import AUDIT, NOW, ORDERS, PAYMENTS, ids
from tests.fake_dms import Clock

AT_ONCE = Times(lambda: 0.0, lambda: 30.0)


def enter(ledger: MemoryLedger, target: str, *, accepted: bool = False) -> None:
    with ledger.claim([target], AT_ONCE) as claim:
        assert claim.enter([target], NOW, None)
        if accepted:
            claim.learn(Changes(accepted={claim.call_id(target): NOW}))


def test_calls_no_rule_needs_are_removed() -> None:
    clock = Clock(100)
    ledger = MemoryLedger(clock)
    enter(ledger, ORDERS)
    enter(ledger, PAYMENTS, accepted=True)

    clock.advance(20 * 60 - 1)
    enter(ledger, AUDIT)
    assert {call.target for call in ledger.sent_calls()} == {ORDERS, PAYMENTS, AUDIT}
    clock.advance(1)
    enter(ledger, AUDIT)
    assert {call.target for call in ledger.sent_calls()} == {PAYMENTS, AUDIT}
    clock.advance(24 * 3600)
    enter(ledger, AUDIT)
    assert [call.target for call in ledger.sent_calls()] == [AUDIT]


def test_a_claim_remembers_nothing_that_is_forgotten_though_nothing_was_entered_since() -> None:
    clock = Clock(100)
    ledger = MemoryLedger(clock)
    enter(ledger, ORDERS)

    clock.advance(20 * 60)

    with ledger.claim((), AT_ONCE) as claim:
        assert claim.calls == ()


def test_a_full_ledger_enters_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CALLS", 3)
    ledger = MemoryLedger(Clock(100))
    for instance in ids(3):
        enter(ledger, instance)

    with (
        pytest.raises(LedgerUnreadable, match="full"),
        ledger.claim([ORDERS], AT_ONCE) as claim,
    ):
        claim.enter([ORDERS], NOW, None)
    assert len(ledger.sent_calls()) == 3

"""The ledger of one process: entries expire by the monotonic clock, and its size is bounded."""

from __future__ import annotations

import pytest

from function.ledger import memory
from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Times
from function.model.errors import LedgerUnreadable
from function.model.sent_call import PURGE
from tests.factories import AUDIT, NOW, ORDERS, PAYMENTS, ids
from tests.fake_dms import Clock
from tests.harness import remembered

AT_ONCE = Times(lambda: 0.0, lambda: 30.0)


def enter(ledger: MemoryLedger, target: str) -> None:
    with ledger.claim([target], AT_ONCE) as claim:
        assert claim.enter([target], NOW, None)


def test_calls_no_rule_needs_are_removed() -> None:
    clock = Clock(100)
    ledger = MemoryLedger(clock)
    enter(ledger, ORDERS)
    enter(ledger, PURGE)

    clock.advance(60)
    assert [call.target for call in remembered(ledger)] == [ORDERS]
    clock.advance(25 * 3600 - 61)
    enter(ledger, AUDIT)
    assert {call.target for call in remembered(ledger)} == {ORDERS, AUDIT}
    clock.advance(1)
    enter(ledger, PAYMENTS)
    assert {call.target for call in remembered(ledger)} == {AUDIT, PAYMENTS}


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
    assert len(remembered(ledger)) == 3

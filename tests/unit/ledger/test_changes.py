"""What events learn of a call adds up: nothing of it is ever taken back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from function.model.sent_call import Changes, SentCall
from tests.factories import NOW, ORDERS, SECOND

CALL = SentCall("1", ORDERS, NOW)
SOME = st.sampled_from([frozenset(), frozenset({"1"}), frozenset({"2"})])
CHANGES = st.builds(
    Changes,
    shown=SOME,
    over=SOME,
    restarting=SOME,
    accepted=st.sampled_from([{}, {"1": NOW}, {"1": NOW + SECOND}, {"2": NOW}]),
    dropped=st.sampled_from([frozenset(), frozenset(), frozenset({"1"}), frozenset({"2"})]),
)


def after(call: SentCall | None, *changes: Changes) -> SentCall | None:
    for change in changes:
        call = call and change.applied_to(call, 7.0)
    return call


@given(first=CHANGES, second=CHANGES)
def test_what_is_learned_one_by_one_is_what_is_learned_together(
    first: Changes, second: Changes
) -> None:
    assert after(CALL, first | second) == after(CALL, first, second)


@given(first=CHANGES, second=CHANGES)
def test_a_flag_that_is_set_stays_set(first: Changes, second: Changes) -> None:
    before = after(CALL, first)
    later = after(before, second)
    if before is None or later is None:
        return
    assert later.shown >= before.shown
    assert later.over >= before.over
    assert later.accepted >= before.accepted
    assert before.restarting_at in {None, later.restarting_at}


def test_a_call_is_kept_until_its_restart_is_both_shown_and_over() -> None:
    one = frozenset({"1"})

    assert after(CALL, Changes(over=one)) == CALL._replace(over=True)
    assert after(CALL, Changes(shown=one)) == CALL._replace(shown=True)
    assert after(CALL, Changes(shown=one, over=one)) is None
    assert after(CALL, Changes(over=one), Changes(shown=one)) is None
    assert after(CALL, Changes(restarting=frozenset({"2"}))) == CALL

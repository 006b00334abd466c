"""Ledger and history: sent calls only make a verdict more careful."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.cloud_state import ApiResponse, InstanceState, Observation, Task
from function.model.decision import Decision, Ending, ExecutionResult, ScreenedEvent, Verdict
from function.model.event import Action, Outcome
from function.model.sent_call import PURGE, Changes, SentCall
from function.policy import decide, sent_calls
from tests.factories import (
    ALARMS,
    ALL_THREE,
    AUDIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    REQUESTS,
    SCHEDULES,
    SECOND,
    limits,
    observed,
    screened,
    state,
    task,
)


def sent(ago: timedelta = MINUTE, target: str = ORDERS, **fields: Any) -> SentCall:
    """Return a call that was sent a while ago."""
    return SentCall(f"{target} {ago}", target, NOW - ago, **fields)


def decided(
    *calls: SentCall,
    seen: Observation | None = None,
    asked: ScreenedEvent | None = None,
    **given: Any,
) -> Decision:
    seen = seen or observed(state())
    asked = asked or screened(*seen.instances)
    return decide.decide(asked, seen, source=ALARMS, limits=limits(**given), now=NOW, calls=calls)


def reasons(decision: Decision) -> dict[str, str | None]:
    return {verdict.id: verdict.reason for verdict in decision.verdicts}


def raised(ago: timedelta) -> ScreenedEvent:
    return screened(ORDERS, raised_at={ORDERS: NOW - ago})


@pytest.mark.parametrize("accepted", [True, False])
def test_sent_call_counts_as_restarting_for_twenty_minutes(accepted: bool) -> None:
    call = sent(20 * MINUTE - SECOND, accepted=accepted)
    decision = decided(call)

    assert reasons(decision) == {ORDERS: "already_restarting"}
    assert decision.notes == (
        f"A restart of {ORDERS} was sent at 2026-01-05T02:40:01Z; "
        "the cloud's history does not show it.",
    )


def test_possibly_sent_call_expires_after_twenty_minutes() -> None:
    assert decided(sent(20 * MINUTE)).call is not None


def test_accepted_call_answers_alarms_raised_before_its_end() -> None:
    call = sent(30 * MINUTE, accepted=True)
    assert reasons(decided(call, asked=raised(10 * MINUTE))) == {ORDERS: "already_answered"}
    assert reasons(decided(call, asked=raised(9 * MINUTE))) == {ORDERS: "cooldown"}


def test_a_person_is_called_when_it_did_not_help() -> None:
    for minutes, needs_human in ((40, False), (41, True)):
        call = sent(minutes * MINUTE, accepted=True)
        (verdict,) = decided(call, asked=raised(HOUR)).verdicts
        assert (verdict.reason, verdict.needs_human) == ("already_answered", needs_human)


def test_accepted_call_counts_for_24_hours() -> None:
    calls = [sent(hours * HOUR, accepted=True) for hours in (2, 3)]
    assert decided(*calls).call is not None
    third = sent(DAY - SECOND, accepted=True)
    assert reasons(decided(*calls, third)) == {ORDERS: "restart_limit"}
    assert decided(*calls, sent(DAY, accepted=True)).call is not None


def test_a_request_waits_for_what_was_sent_too() -> None:
    asked = screened(ORDERS, alarm=False, raised_at={ORDERS: None})
    given: dict[str, Any] = {"cooldown": timedelta(0), "max_restarts_per_day": 0}
    assert reasons(decided(sent(), asked=asked, **given)) == {ORDERS: "already_restarting"}
    assert decided(sent(20 * MINUTE, accepted=True), asked=asked, **given).call is not None


def test_other_instances_count_for_the_storm_limit_until_they_are_over() -> None:
    calls = [sent(target=PAYMENTS), sent(target=AUDIT, shown=True)]
    assert reasons(decided(*calls, max_restarting=2)) == {ORDERS: "storm"}
    assert decided(*calls, max_restarting=3).call is not None
    over = [calls[0], calls[1]._replace(over=True)]
    assert decided(*over, max_restarting=2).call is not None
    old = [sent(20 * MINUTE, target=PAYMENTS, accepted=True)]
    assert decided(*old, max_restarting=1).call is not None
    assert decided(sent(target=PURGE), max_restarting=1).call is not None


def test_an_instance_that_the_ledger_holds_back_makes_no_room_for_another() -> None:
    seen = observed(state(ORDERS), state(PAYMENTS))
    call = sent(30 * MINUTE, accepted=True)
    assert reasons(decided(call, seen=seen, max_restarting=1)) == {
        ORDERS: "cooldown",
        PAYMENTS: "storm",
    }


def test_the_pattern_is_warned_of_though_the_ledger_knows_the_restart() -> None:
    (warning,) = decided(sent(), seen=observed(state(status="RESTARTING"))).warnings
    assert "no task matches RESTART_TASK_PATTERN" in warning


def test_a_deletion_is_not_held_back() -> None:
    asked = screened(ORDERS, alarm=False, action=Action.DELETE)
    decision = decide.decide(
        asked, observed(state()), source=REQUESTS, limits=limits(), now=NOW, calls=(sent(),)
    )
    assert decision.call is not None


@pytest.mark.parametrize("listed", [(), (state(PAYMENTS, status="CREATEFAILED"),)])
def test_a_purge_is_sent_once_in_sixty_seconds(listed: tuple[InstanceState, ...]) -> None:
    asked = ScreenedEvent(Action.PURGE_FAILED, alarm=False)
    seen = Observation(failed_creations=listed)

    def purge(*calls: SentCall) -> Decision:
        return decide.decide(asked, seen, source=SCHEDULES, limits=limits(), now=NOW, calls=calls)

    skipped = purge(sent(60 * SECOND - SECOND, target=PURGE))
    assert (skipped.call, skipped.reason) == (None, "cooldown")
    assert [verdict.reason for verdict in skipped.verdicts] == ["cooldown"] * len(listed)
    assert skipped.notes == ("A purge was sent less than 60 seconds ago.",)
    assert purge(sent(60 * SECOND, target=PURGE)).call is not None
    assert purge(sent()).call is not None


@pytest.mark.parametrize(
    ("skew", "words"), [(61, "61 seconds ahead of"), (-61, "61 seconds behind"), (60, None)]
)
def test_a_clock_that_is_off_is_named(skew: int, words: str | None) -> None:
    notes = decided(seen=observed(state(), clock_skew_seconds=skew)).notes
    expected = f"The clock of this machine is {words} the cloud's, so the cloud's time was used."
    assert notes == (() if words is None else (expected,))


@pytest.mark.parametrize(("skew", "moved"), [(60, 0), (61, 61), (-61, -61)])
def test_cloud_time_is_used_when_our_clock_is_off_by_a_minute(skew: int, moved: int) -> None:
    seen = Observation(clock_skew_seconds=skew)
    assert seen.cloud_time(NOW) == NOW - moved * SECOND


def learned(call: SentCall, *tasks: Task, status: str = "ERROR", **fields: Any) -> Changes:
    seen = observed(state(status=status, restart_tasks=tasks), **fields)
    return sent_calls.learned((call,), seen, lists_all=True, begun=100.0)


def of(call: SentCall) -> frozenset[str]:
    return frozenset({call.id})


@pytest.mark.parametrize(
    ("status", "is_over"), [("SUCCESS", True), ("FAILED", True), ("EXECUTING", False)]
)
def test_a_call_is_shown_by_a_restart_that_began_with_it(status: str, is_over: bool) -> None:
    call = sent(10 * MINUTE)
    for early in (timedelta(0), 60 * SECOND):
        changes = learned(call, task(10 * MINUTE + early, status=status))
        assert (changes.shown, changes.over) == (of(call), of(call) if is_over else frozenset())
    assert learned(call, task(10 * MINUTE + 61 * SECOND, status=status)) == Changes()
    assert learned(call._replace(target=PAYMENTS), task(MINUTE)) == Changes()


def test_a_restart_is_over_when_it_was_seen_and_is_not_any_longer() -> None:
    other = sent(target=PAYMENTS)
    assert learned(other).over == frozenset()  # it may be yet to come
    assert learned(other._replace(restarting_at=99.0)).over == of(other)
    assert learned(other._replace(restarting_at=100.0)).over == frozenset()  # read before that
    seen = learned(other._replace(restarting_at=99.0), restarting=frozenset({PAYMENTS}))
    assert (seen.over, seen.restarting) == (frozenset(), of(other))
    # The list was read side by side with the instance, so it may lag behind it.
    shown = learned(sent()._replace(restarting_at=99.0), status="RESTARTING")
    assert (shown.over, shown.restarting) == (frozenset(), of(sent()))


def test_a_restart_is_not_over_while_another_task_of_it_goes_on() -> None:
    call = sent(10 * MINUTE)
    steps = (task(9 * MINUTE, status="SUCCESS"), task(5 * MINUTE, status="EXECUTING"))
    for tasks in (steps, steps[::-1]):
        changes = learned(call, *tasks)
        assert (changes.shown, changes.over) == (of(call), frozenset())


def test_incomplete_list_changes_no_other_calls() -> None:
    call = sent(target=PAYMENTS, restarting_at=99.0)
    seen = observed(state(status="RESTARTING"))
    assert sent_calls.learned((call,), seen, lists_all=False, begun=100.0) == Changes()
    own = sent()
    changes = sent_calls.learned((own,), seen, lists_all=False, begun=100.0)
    assert changes == Changes(restarting=of(own))


def became(outcome: Outcome | None, *, skew: int | None = None, off: int = 0) -> Changes:
    answer = ApiResponse(possibly_sent=True, clock_skew_seconds=skew)
    verdicts = (Verdict(ORDERS, outcome), Verdict(AUDIT, Outcome.SKIPPED, "cooldown"))
    execution = ExecutionResult(verdicts=verdicts, response=answer)
    seen = Observation(clock_skew_seconds=off)
    return sent_calls.learned_from_call(execution, {ORDERS: "1"}, seen, NOW)


def test_call_result_is_recorded_in_the_ledger() -> None:
    assert became(Outcome.ACCEPTED) == Changes(accepted={"1": NOW})
    assert became(Outcome.UNKNOWN) == Changes()
    for outcome in (Outcome.FAILED, Outcome.SKIPPED):
        assert became(outcome) == Changes(dropped=frozenset({"1"}))


@pytest.mark.parametrize(
    ("skew", "off", "moved"), [(300, 0, 300), (None, 300, 300), (10**6, 300, 300), (0, 300, 0)]
)
def test_a_call_is_dated_by_the_answer_or_else_by_the_reads(
    skew: int | None, off: int, moved: int
) -> None:
    changes = became(Outcome.ACCEPTED, skew=skew, off=off)
    assert changes.accepted == {"1": NOW - moved * SECOND}


def test_a_purge_is_judged_as_a_whole() -> None:
    for outcome, changes in {
        Outcome.ACCEPTED: Changes(accepted={"1": NOW}),
        Outcome.UNKNOWN: Changes(),
        Outcome.FAILED: Changes(dropped=frozenset({"1"})),
    }.items():
        execution = ExecutionResult(Ending(outcome), verdicts=(Verdict(AUDIT, Outcome.FAILED),))
        entered = {PURGE: "1"}
        assert sent_calls.learned_from_call(execution, entered, Observation(), NOW) == changes


AGO = st.timedeltas(-10 * MINUTE, 2 * DAY)
TASKS = st.lists(
    st.builds(
        task,
        AGO,
        st.timedeltas(timedelta(0), HOUR),
        status=st.sampled_from(["SUCCESS", "EXECUTING", "FAILED"]),
    ),
    max_size=4,
).map(tuple)
STATES = st.fixed_dictionaries(
    {
        id_: st.builds(
            state,
            st.just(id_),
            st.sampled_from(["ERROR", "RUNNING", "RESTARTING"]),
            restart_tasks=TASKS,
        )
        for id_ in ALL_THREE
    }
)
CALLS = st.lists(
    st.builds(
        sent,
        AGO,
        st.sampled_from((*ALL_THREE, "another")),
        accepted=st.booleans(),
        shown=st.booleans(),
        over=st.booleans(),
    ),
    max_size=6,
).map(tuple)


@given(
    states=STATES,
    calls=CALLS,
    alarm=st.booleans(),
    since=AGO,
    max_restarting=st.integers(0, 4),
)
def test_the_ledger_only_ever_makes_a_verdict_more_careful(
    states: dict[str, InstanceState],
    calls: tuple[SentCall, ...],
    alarm: bool,
    since: timedelta,
    max_restarting: int,
) -> None:
    began = dict.fromkeys(states, NOW - since if alarm else None)
    asked = screened(*states, alarm=alarm, raised_at=began)
    seen = observed(*states.values())
    with_ledger = decided(*calls, seen=seen, asked=asked, max_restarting=max_restarting)
    without = decided(seen=seen, asked=asked, max_restarting=max_restarting)

    acting = set(with_ledger.call.instances) if with_ledger.call else set()
    bolder = acting - (set(without.call.instances) if without.call else set())
    assert not bolder
    underway = {call.target for call in calls if call.is_underway(NOW)}
    assert not acting & underway - {call.target for call in calls if call.shown}
    if alarm and max_restarting and acting:
        assert len(acting | underway | seen.restarting) <= max_restarting


def test_only_the_newest_restart_of_an_instance_is_verified_and_no_purge() -> None:
    calls = [sent(MINUTE), sent(10 * MINUTE), sent(SECOND, PURGE)]
    calls += [sent(2 * HOUR, PAYMENTS)._replace(accepted=True), sent(HOUR, PAYMENTS)]

    newest = sent_calls.newest_restarts(calls, NOW)
    assert newest == {ORDERS: NOW - MINUTE, PAYMENTS: NOW - 2 * HOUR}  # the unclear one is over

"""Rules on the history of restarts: already_answered, cooldown, restart_limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.cloud_state import InstanceState, Task
from function.policy import instance_rules
from function.policy.instance_rules import RuleContext, Skip
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, limits, state, task


def context(
    *, alarm: bool = True, raised_at: datetime | None = NOW, **settings: Any
) -> RuleContext:
    return RuleContext(limits(**settings), NOW, alarm, raised_at)


def restarted(*tasks: Task, status: str = "ERROR") -> InstanceState:
    return state(status=status, restart_tasks=tasks)


@pytest.mark.parametrize(
    ("ended_ago", "raised_ago", "answered"),
    [
        (5 * MINUTE, 6 * MINUTE, True),
        (5 * MINUTE, 5 * MINUTE, True),
        (5 * MINUTE, 4 * MINUTE, False),
        (-MINUTE, timedelta(0), True),
    ],
)
def test_a_restart_answers_the_alarms_raised_before_it_ended(
    ended_ago: timedelta, raised_ago: timedelta, *, answered: bool
) -> None:
    ended = NOW - ended_ago
    one = task(10 * MINUTE, updated_at=ended)
    result = instance_rules.already_answered(restarted(one), context(raised_at=NOW - raised_ago))

    assert result == (Skip("already_answered") if answered else None)


def test_a_restart_without_an_end_ended_when_it_began() -> None:
    one = restarted(task(10 * MINUTE, updated_at=None))

    assert instance_rules.already_answered(one, context(raised_at=NOW - 11 * MINUTE)) is not None
    assert instance_rules.already_answered(one, context(raised_at=NOW - 9 * MINUTE)) is None


@pytest.mark.parametrize("status", ["CREATED", "EXECUTING"])
@pytest.mark.parametrize("raised", [NOW, NOW + 4 * MINUTE, NOW - 3 * DAY, None])
def test_a_restart_that_goes_on_ends_now_and_answers_every_alarm(
    status: str, raised: datetime | None
) -> None:
    one = restarted(task(HOUR, status=status))

    assert instance_rules.already_answered(one, context(raised_at=raised)) == Skip(
        "already_answered"
    )


def test_a_restart_that_ended_before_it_began_ended_when_it_began() -> None:
    one = restarted(task(10 * MINUTE, updated_at=NOW - DAY))

    assert instance_rules.already_answered(one, context(raised_at=NOW - 11 * MINUTE)) is not None
    assert instance_rules.already_answered(one, context(raised_at=NOW - 9 * MINUTE)) is None


def test_alarm_time_in_the_future_counts_as_now() -> None:
    just_ended = task(HOUR, updated_at=NOW)
    result = instance_rules.already_answered(restarted(just_ended), context(raised_at=NOW + MINUTE))

    assert result == Skip("already_answered")


def test_alarm_far_in_the_future_does_not_say_when_it_began() -> None:
    """A sender whose clock is hours ahead: its alarm was restarted for, hour after hour."""
    once = restarted(task(2 * HOUR, updated_at=NOW - 2 * HOUR))

    assert instance_rules.already_answered(once, context(raised_at=NOW + 3 * HOUR)) is not None


@pytest.mark.parametrize(
    ("ended_ago", "answered"), [(DAY, True), (DAY + SECOND, False), (HOUR, True)]
)
def test_alarm_without_a_start_is_answered_by_a_restart_within_a_day(
    ended_ago: timedelta, *, answered: bool
) -> None:
    one = task(2 * DAY, updated_at=NOW - ended_ago)
    result = instance_rules.already_answered(restarted(one), context(raised_at=None))

    assert (result is not None) == answered


def test_one_long_firing_gets_its_first_restart_although_it_began_days_ago() -> None:
    one = task(3 * DAY)

    assert instance_rules.already_answered(restarted(one), context(raised_at=NOW - 2 * DAY)) is None
    assert instance_rules.already_answered(restarted(), context(raised_at=None)) is None


def test_a_request_is_never_answered_already() -> None:
    one = restarted(task(MINUTE, updated_at=NOW))

    assert instance_rules.already_answered(one, context(alarm=False, raised_at=None)) is None
    assert instance_rules.already_answered(one, context(alarm=False, raised_at=NOW - HOUR)) is None


@pytest.mark.parametrize(
    ("newest", "in_vain"),
    [
        (task(30 * MINUTE, updated_at=NOW - 20 * MINUTE), False),
        (task(30 * MINUTE, updated_at=NOW - 20 * MINUTE - SECOND), True),
        (task(5 * MINUTE, status="FAILED"), True),
        (task(HOUR, status="EXECUTING"), False),
        (task(HOUR + SECOND, status="EXECUTING"), True),
        (task(HOUR + SECOND, status="CREATED"), True),
    ],
)
def test_a_person_has_to_look_where_the_answer_failed_is_long_over_or_hangs(
    newest: Task, *, in_vain: bool
) -> None:
    older = task(5 * HOUR, status="SUCCESS" if in_vain else "FAILED", updated_at=NOW - 4 * HOUR)
    alarm = context(raised_at=NOW - DAY)

    for tasks in ((newest, older), (older, newest)):
        result = instance_rules.already_answered(restarted(*tasks), alarm)
        assert result == Skip("already_answered", needs_human=in_vain)


@pytest.mark.parametrize(
    ("alarm", "began_ago", "hangs"),
    [(True, HOUR, False), (True, HOUR + SECOND, True), (False, DAY, False)],
)
def test_a_person_has_to_look_where_an_alarm_fires_and_the_restart_hangs(
    began_ago: timedelta, *, alarm: bool, hangs: bool
) -> None:
    one = restarted(task(began_ago, status="EXECUTING"), status="RESTARTING")
    over = restarted(task(DAY, status="SUCCESS"), status="RESTARTING")
    result = instance_rules.already_restarting(one, context(alarm=alarm))

    assert result == Skip("already_restarting", needs_human=hangs)
    assert instance_rules.already_restarting(over, context(alarm=alarm)) == Skip(
        "already_restarting"
    )


@pytest.mark.parametrize(
    ("ago", "too_soon"), [(HOUR, False), (HOUR - SECOND, True), (timedelta(0), True)]
)
def test_a_restart_newer_than_the_cooldown_is_not_repeated(
    ago: timedelta, *, too_soon: bool
) -> None:
    result = instance_rules.cooldown(restarted(task(ago), task(DAY)), context())

    assert result == (Skip("cooldown") if too_soon else None)


def test_the_cooldown_counts_from_the_beginning_of_the_newest_restart() -> None:
    assert (
        instance_rules.cooldown(restarted(task(61 * MINUTE, took=30 * MINUTE)), context()) is None
    )
    assert instance_rules.cooldown(restarted(task(DAY), task(MINUTE)), context()) == Skip(
        "cooldown"
    )


def test_without_restarts_there_is_nothing_to_cool_down_from_and_no_limit_reached() -> None:
    assert instance_rules.cooldown(restarted(), context()) is None
    assert instance_rules.restart_limit(restarted(), context()) is None


@pytest.mark.parametrize("off", [{"cooldown": timedelta(0)}])
def test_zero_cooldown_disables_only_its_rule(off: Any) -> None:
    busy = restarted(task(timedelta(0)), task(MINUTE), task(2 * MINUTE))

    assert instance_rules.cooldown(busy, context(**off)) is None
    assert instance_rules.restart_limit(busy, context(**off)) is not None
    assert instance_rules.already_answered(busy, context(raised_at=NOW - HOUR, **off)) is not None


@pytest.mark.parametrize(("restarts", "reached"), [(2, False), (3, True), (4, True)])
def test_as_many_restarts_in_a_day_as_the_limit_need_a_person(
    restarts: int, *, reached: bool
) -> None:
    tasks = [task(hours * HOUR) for hours in range(2, 2 + restarts)]
    result = instance_rules.restart_limit(restarted(*tasks), context())

    assert result == (Skip("restart_limit", needs_human=True) if reached else None)


def test_only_restarts_of_the_last_24_hours_count() -> None:
    in_time = task(DAY - SECOND)
    too_old = task(DAY)
    one = context(max_restarts_per_day=1)

    assert instance_rules.restarts_today(restarted(in_time, too_old), NOW) == 1
    assert instance_rules.restart_limit(restarted(too_old), one) is None
    assert instance_rules.restart_limit(restarted(in_time), one) is not None


def test_zero_limit_disables_only_its_rule() -> None:
    busy = restarted(task(MINUTE), task(2 * MINUTE), task(3 * MINUTE))

    assert instance_rules.restart_limit(busy, context(max_restarts_per_day=0)) is None
    assert instance_rules.cooldown(busy, context(max_restarts_per_day=0)) is not None


def test_the_last_restart_is_when_the_newest_one_began() -> None:
    assert (
        instance_rules.last_restart(restarted(task(DAY), task(HOUR), task(2 * HOUR))) == NOW - HOUR
    )
    assert instance_rules.last_restart(restarted()) is None


def test_a_restart_without_a_beginning_is_a_defect_and_never_an_old_restart() -> None:
    with pytest.raises(ValueError, match=r"^a restart task without created_at$"):
        instance_rules.last_restart(restarted(task(created_at=None)))


@given(
    st.lists(st.integers(0, 3 * 86400), max_size=6),
    st.integers(0, 2 * 86400),
    st.sampled_from(["SUCCESS", "FAILED", "EXECUTING", "CREATED", "A_NEW_WORD"]),
)
def test_no_alarm_older_than_the_end_of_a_restart_is_ever_left_to_act_on(
    ages: list[int], raised_ago: int, status: str
) -> None:
    tasks = tuple(task(timedelta(seconds=age), status=status) for age in ages)
    raised = NOW - timedelta(seconds=raised_ago)
    result = instance_rules.already_answered(restarted(*tasks), context(raised_at=raised))
    ends = [NOW if status in {"EXECUTING", "CREATED"} else task.updated_at for task in tasks]

    assert (result is not None) == any(end is not None and end >= raised for end in ends)

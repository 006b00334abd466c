"""Follow-up: recovered only with evidence; a person is called if the instance is down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.decision import Mode
from function.model.errors import StateUnreadable
from function.model.event import Action, Event, Intent
from function.policy import follow_up
from function.policy.follow_up import Assessment, EndedAlarm
from tests.factories import (
    AUDIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    SECOND,
    ids,
    limits,
    restart,
    state,
    task,
)

RAISED = NOW - 30 * MINUTE
ENDED = NOW - MINUTE
ALARM = EndedAlarm(RAISED, ENDED)


def ended(*instances: str, **fields: Any) -> Intent:
    """Return an alert that is over."""
    moments = {"raised_at": RAISED, "ended_at": ENDED}
    return Intent(
        Action.RESTART,
        instances or (ORDERS,),
        **{"skip": "not_firing", "ended": True, **moments, **fields},
    )


def planned(*intents: Intent, sent: datetime | None = None, **settings: Any) -> list[str]:
    return sorted(follow_up.plan(Event(intents, sent_at=sent), limits(**settings), NOW))


def judged(alarm: EndedAlarm = ALARM, **fields: Any) -> Assessment:
    shown = state(**{"status": "RUNNING", **fields})
    return follow_up.judge(shown, alarm, limits(), NOW)


def reason(alarm: EndedAlarm = ALARM, **fields: Any) -> str | None:
    return judged(alarm, **fields).verdict.reason


def test_an_ended_alarm_is_looked_at() -> None:
    assert planned(ended()) == [ORDERS]
    assert planned(ended(metric="broker_alive")) == [ORDERS]


@pytest.mark.parametrize(
    "intent",
    [
        restart(),
        ended(ended=False),
        ended(metric="broker_disk_usage"),
    ],
    ids=["it fires", "it is not said to be over, or asks for no restart", "another metric"],
)
def test_other_alarms_are_not_looked_at(intent: Intent) -> None:
    assert not planned(intent)


@pytest.mark.parametrize(
    "settings",
    [{"follow_up": False}, {"blocked": frozenset({ORDERS})}, {"allowed": frozenset({PAYMENTS})}],
    ids=["switched off", "blocked", "not allowed"],
)
def test_excluded_instances_are_not_followed_up(settings: dict[str, Any]) -> None:
    assert not planned(ended(), **settings)


def test_an_instance_with_another_alert_that_fires_has_not_recovered() -> None:
    assert planned(ended(), ended(PAYMENTS), restart(ORDERS)) == [PAYMENTS]


def test_hours_old_message_is_not_followed_up() -> None:
    assert not planned(ended(), sent=NOW - HOUR - SECOND)
    assert planned(ended(), sent=NOW - HOUR) == [ORDERS]


def test_more_instances_than_one_event_may_have_cost_too_many_calls() -> None:
    several = [ended(id_) for id_ in ids(11)]

    assert len(planned(*several[:10])) == 10
    assert not planned(*several)


def test_several_alerts_of_one_instance_are_one_alarm_from_the_first_to_the_last() -> None:
    first = ended(raised_at=RAISED, ended_at=ENDED - MINUTE)
    second = ended(raised_at=RAISED + MINUTE, ended_at=ENDED)
    plan = follow_up.plan(Event((second, first)), limits(), NOW)
    unsaid = follow_up.plan(Event((first, ended(raised_at=None, ended_at=None))), limits(), NOW)

    assert plan == {ORDERS: ALARM}
    assert unsaid == {ORDERS: EndedAlarm(None, None)}


def test_a_restart_that_ended_well_while_the_alarm_fired_is_a_recovery() -> None:
    helpful = task(20 * MINUTE, 6 * MINUTE, user_name="alice")
    followed = judged(restart_tasks=(helpful,))

    assert (followed.verdict.reason, followed.verdict.needs_human) == ("recovered", False)
    assert followed.verdict.last_restart == NOW - 20 * MINUTE
    assert followed.note == (
        f"{ORDERS} was restarted at 2026-01-05T02:40:00Z by alice and has been running since "
        "2026-01-05T02:46:00Z; its alarm ended 29 minutes after it was raised."
    )


def test_without_an_alarm_start_the_restart_time_is_used() -> None:
    followed = judged(EndedAlarm(None, ENDED), restart_tasks=(task(20 * MINUTE, 6 * MINUTE),))

    assert followed.verdict.reason == "recovered"
    assert str(followed.note).endswith("its alarm ended 19 minutes after that restart began.")


def test_without_an_alarm_end_no_duration_is_reported() -> None:
    followed = judged(EndedAlarm(RAISED, None), restart_tasks=(task(20 * MINUTE, 6 * MINUTE),))

    assert str(followed.note).endswith("has been running since 2026-01-05T02:46:00Z.")


@pytest.mark.parametrize(
    "tasks",
    [
        (),
        (task(31 * MINUTE),),
        (task(30 * SECOND, 10 * SECOND),),
        (task(20 * MINUTE, status="FAILED"),),
        (task(20 * MINUTE, status="EXECUTING"),),
        (task(20 * MINUTE, status="TIMEOUT"),),
        (task(25 * MINUTE), task(20 * MINUTE, status="FAILED")),
    ],
    ids=[
        "no restart",
        "it began before the alarm was raised",
        "it began after the alarm had ended",
        "it failed",
        "it goes on",
        "a word that is not documented",
        "the newest of two failed",
    ],
)
def test_without_a_restart_nothing_is_reported(tasks: Any) -> None:
    assert reason(restart_tasks=tasks) == "not_firing"


def test_without_an_alarm_start_a_restart_counts_for_a_day() -> None:
    unsaid = EndedAlarm(None, ENDED)

    assert reason(unsaid, restart_tasks=(task(DAY - SECOND),)) == "recovered"
    assert reason(unsaid, restart_tasks=(task(DAY),)) == "not_firing"


@pytest.mark.parametrize("status", ["ERROR", "FROZEN", "UPGRADING", "A_NEW_WORD"])
@pytest.mark.parametrize("tasks", [(), (task(20 * MINUTE),)])
def test_an_instance_that_does_not_run_calls_a_person(status: str, tasks: Any) -> None:
    followed = judged(status=status, restart_tasks=tasks)

    assert (followed.verdict.reason, followed.verdict.needs_human) == ("not_recovered", True)
    assert f"its status is {status}." in str(followed.note)
    assert ("No restart is among its tasks." in str(followed.note)) == (not tasks)


def test_an_instance_that_restarts_is_left_to_restart() -> None:
    followed = judged(status="RESTARTING", restart_tasks=(task(MINUTE, status="EXECUTING"),))

    assert followed.verdict.reason == "already_restarting"
    assert not followed.verdict.needs_human


@pytest.mark.parametrize(
    "fields",
    [
        {"status": None},
        {"engine": "rabbitmq"},
        {"tags": (("auto-remediation", "off"),), "status": "ERROR"},
        {"tags": (("auto-remediation", "off-until-2026-01-06"),), "status": "ERROR"},
    ],
    ids=["gone", "another engine", "opted out", "opted out until tomorrow"],
)
def test_other_instances_are_not_reported(fields: dict[str, Any]) -> None:
    assert reason(restart_tasks=(task(20 * MINUTE),), **fields) == "not_firing"


def test_the_default_mode_opts_out_as_well() -> None:
    shown = state(status="ERROR")
    result = follow_up.judge(shown, ALARM, limits(default_mode=Mode.OFF), NOW)

    assert result.verdict.reason == "not_firing"


def test_unreadable_instance_is_named_and_does_not_fail() -> None:
    result = follow_up.unreadable(ORDERS, StateUnreadable("the cloud answered 503"))

    assert (result.verdict.outcome, result.verdict.reason) == ("skipped", "not_firing")
    assert not result.verdict.needs_human
    assert str(result.note).endswith("the cloud answered 503.")


MOMENTS = st.integers(-2000, 10).map(lambda minutes: NOW + timedelta(minutes=minutes))
TASKS = st.builds(
    lambda begin, took, status: task(NOW - begin, timedelta(minutes=took), status=status),
    MOMENTS,
    st.integers(0, 60),
    st.sampled_from(["SUCCESS", "FAILED", "EXECUTING", "CREATED", "A_NEW_WORD"]),
)


@given(
    alarm=st.builds(EndedAlarm, st.none() | MOMENTS, st.none() | MOMENTS),
    status=st.sampled_from(["RUNNING", "ERROR", "RESTARTING", "FROZEN", None]),
    tasks=st.lists(TASKS, max_size=4),
    mode=st.sampled_from(["off", "act", "observe"]),
)
def test_recovery_requires_a_completed_restart(
    alarm: EndedAlarm, status: str | None, tasks: list[Any], mode: str
) -> None:
    shown = state(
        AUDIT,
        status,
        restart_tasks=tuple(tasks),
        tags=(("auto-remediation", mode),),
    )
    verdict = follow_up.judge(shown, alarm, limits(), NOW).verdict
    began = alarm.raised_at or NOW - DAY
    helped = [
        task
        for task in tasks
        if task.status == "SUCCESS" and began < task.created_at <= (alarm.ended_at or NOW)
    ]

    assert verdict.outcome == "skipped"
    if verdict.reason == "recovered":
        assert status == "RUNNING"
        assert helped
        assert mode != "off"
    assert verdict.needs_human == (verdict.reason == "not_recovered")
    assert (verdict.reason == "not_recovered") == (status in {"ERROR", "FROZEN"} and mode != "off")

"""Verify: restarts that hang or did not help, and when a person is called."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.errors import StateUnreadable
from function.policy import verify
from function.policy.follow_up import Assessment
from tests.factories import (
    AUDIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    ids,
    limits,
    state,
    task,
)

GOING_ON: dict[str, Any] = {"status": "EXECUTING"}


def judged(sent: timedelta | None = None, **fields: Any) -> Assessment:
    """Judge an instance that the ledger says was restarted so long ago, if it says so."""
    sent_at = None if sent is None else NOW - sent
    return verify.judge(state(**fields), sent_at, limits(), NOW)


def brief(result: Assessment) -> tuple[str, str | None, bool]:
    verdict = result.verdict
    assert verdict.outcome is not None
    return verdict.outcome.value, verdict.reason, verdict.needs_human


@pytest.mark.parametrize("status", ["RESTARTING", "ERROR"])
@pytest.mark.parametrize("word", ["CREATED", "EXECUTING"])
def test_a_restart_of_less_than_twenty_minutes_is_on_its_way(status: str, word: str) -> None:
    assessment = judged(status=status, restart_tasks=(task(20 * MINUTE, status=word),))

    assert brief(assessment) == ("passed", "restarting", False)


def test_a_restart_that_takes_longer_than_twenty_minutes_is_reported_as_hanging() -> None:
    assessment = judged(
        status="RESTARTING", restart_tasks=(task(21 * MINUTE, user_name="agency", **GOING_ON),)
    )

    assert brief(assessment) == ("failed", "hanging", True)
    assert assessment.note == (
        f"{ORDERS} was restarted at 2026-01-05T02:39:00Z by agency, "
        "and is not back after 21 minutes."
    )


def test_a_restart_that_hangs_since_yesterday_still_hangs() -> None:
    assessment = judged(status="RESTARTING", restart_tasks=(task(30 * HOUR, **GOING_ON),))

    assert brief(assessment)[:2] == ("failed", "hanging")


def test_the_status_restarting_without_a_task_is_named_with_the_setting() -> None:
    assessment = judged(status="RESTARTING")

    assert brief(assessment) == ("passed", "restarting", False)
    assert "RESTART_TASK_PATTERN" in str(assessment.note)


def test_the_ledger_knows_when_a_restart_began_that_no_task_shows() -> None:
    assert brief(judged(21 * MINUTE, status="RESTARTING")) == ("failed", "hanging", True)
    assert brief(judged(19 * MINUTE, status="RESTARTING"))[1] == "restarting"


def test_a_restart_that_was_just_sent_is_not_taken_for_the_one_before() -> None:
    before = (task(HOUR, 10 * MINUTE, status="FAILED"),)

    for status in ("RESTARTING", "ERROR"):
        assessment = judged(MINUTE, status=status, restart_tasks=before)
        assert brief(assessment) == ("passed", "restarting", False)
        assert assessment.verdict.last_restart == NOW - MINUTE
    assert brief(judged(25 * MINUTE, status="RUNNING", restart_tasks=before))[1] == "status"


def test_the_status_may_lag_behind_a_task_that_has_ended() -> None:
    over = (task(15 * MINUTE, 10 * MINUTE),)
    another_began = (task(25 * MINUTE, 10 * MINUTE),)  # since that one ended 15 minutes ago
    long_over = (task(40 * MINUTE, 10 * MINUTE),)

    assert brief(judged(status="RESTARTING", restart_tasks=over))[1] == "restarting"
    assert brief(judged(status="RESTARTING", restart_tasks=another_began))[1] == "restarting"
    assert brief(judged(status="RESTARTING", restart_tasks=long_over))[1] == "hanging"


@pytest.mark.parametrize(
    ("status", "word"),
    [("ERROR", "SUCCESS"), ("ERROR", "FAILED"), ("FROZEN", "SUCCESS"), ("RUNNING", "FAILED")],
)
def test_a_restart_that_failed_or_left_the_instance_down_did_not_help(
    status: str, word: str
) -> None:
    assessment = judged(status=status, restart_tasks=(task(10 * MINUTE, 8 * MINUTE, status=word),))

    assert brief(assessment) == ("failed", "not_recovered", True)
    assert str(assessment.note).endswith(f"and the status is {status}.")


def test_the_newest_restart_counts() -> None:
    tasks = (task(HOUR, status="FAILED"), task(10 * MINUTE, 8 * MINUTE))

    assert brief(judged(status="RUNNING", restart_tasks=tasks))[1] == "recovered"


def test_a_restart_of_yesterday_says_nothing_of_today() -> None:
    assessment = judged(status="ERROR", restart_tasks=(task(DAY, status="FAILED"),))

    assert brief(assessment) == ("passed", "status", False)


@pytest.mark.parametrize("status", ["ERROR", "FROZEN", "EXTENDING"])
def test_stopped_instance_without_a_restart_is_named_and_does_not_fail(status: str) -> None:
    assert brief(judged(status=status)) == ("passed", "status", False)


def test_a_sent_restart_that_no_task_ever_showed_did_not_help_either() -> None:
    assert brief(judged(5 * MINUTE, status="ERROR"))[1] == "restarting"
    assessment = judged(25 * MINUTE, status="ERROR")

    assert brief(assessment) == ("failed", "not_recovered", True)
    assert str(assessment.note).startswith(
        f"A restart of {ORDERS} was sent at 2026-01-05T02:35:00Z"
    )


def test_a_sent_restart_that_no_task_shows_is_no_success() -> None:
    assert brief(judged(5 * MINUTE, status="RUNNING"))[1] == "restarting"
    assert brief(judged(25 * MINUTE, status="RUNNING")) == ("passed", "status", False)


def test_a_restart_of_the_ledger_that_ended_well_is_a_recovery() -> None:
    tasks = (task(12 * MINUTE, 8 * MINUTE),)

    assert brief(judged(12 * MINUTE, status="RUNNING", restart_tasks=tasks)) == (
        "passed",
        "recovered",
        False,
    )


@pytest.mark.parametrize("word", ["A_NEW_WORD", ""])
def test_undocumented_task_status_is_no_success(word: str) -> None:
    tasks = (task(12 * MINUTE, 8 * MINUTE, status=word),)

    assert brief(judged(12 * MINUTE, status="RUNNING", restart_tasks=tasks))[1] == "status"


def test_an_instance_of_the_ledger_that_is_gone_is_named() -> None:
    assert brief(judged(HOUR, status=None)) == ("passed", "not_found", False)


@pytest.mark.parametrize(
    ("age", "called"),
    [
        (timedelta(0), True),
        (15 * MINUTE, True),
        (16 * MINUTE, True),
        (17 * MINUTE, False),
        (4 * HOUR - MINUTE, False),
        (4 * HOUR, True),
        (4 * HOUR + 15 * MINUTE, True),
        (5 * HOUR, False),
        (20 * HOUR, True),
    ],
)
def test_a_person_is_called_when_it_is_new_and_again_every_four_hours(
    age: timedelta, called: bool
) -> None:
    useless = judged(status="ERROR", restart_tasks=(task(age + MINUTE, MINUTE, status="FAILED"),))
    hanging = judged(status="RESTARTING", restart_tasks=(task(age + 21 * MINUTE, **GOING_ON),))

    assert brief(useless) == ("failed", "not_recovered", called)
    assert hanging.verdict.reason == "hanging"
    assert age + MINUTE > 16 * MINUTE or hanging.verdict.needs_human


@given(
    began=st.integers(0, 24 * 60 * 60),
    delays=st.lists(st.integers(0, 59), min_size=40, max_size=40),
    period=st.sampled_from([60, 300, 900, 3600]),
)
def test_ineffective_restart_is_reported_within_one_period(
    began: int, delays: list[int], period: int
) -> None:
    """However the schedule lies, and though each run is late by up to a minute."""
    settings = limits(verify_period=timedelta(seconds=period))
    useless = task(status="FAILED", took=timedelta(0), ago=-timedelta(seconds=began))
    runs = [NOW + timedelta(seconds=number * period + delay) for number, delay in enumerate(delays)]
    ended = useless.created_at
    assert isinstance(ended, datetime)
    due = [moment for moment in runs if ended <= moment][:2]
    if not due or due[0] - ended > timedelta(seconds=period + 59):
        return

    calls = [
        verify.judge(state(status="ERROR", restart_tasks=(useless,)), None, settings, moment)
        for moment in due
    ]

    assert calls[0].verdict.needs_human


def test_possibly_hanging_instances_are_read_first_up_to_the_limit() -> None:
    many = [state(id_, "FROZEN") for id_ in ids(40)]
    listed = {one.id: one for one in [*many, state(ORDERS, "ERROR"), state(AUDIT, "RESTARTING")]}
    listed[PAYMENTS] = state(PAYMENTS, "RUNNING")

    chosen = verify.to_read(listed, {})

    assert chosen[:2] == (AUDIT, ORDERS)
    assert len(chosen) == verify.MAX_HISTORIES
    assert PAYMENTS not in chosen
    assert verify.to_read(listed, {PAYMENTS: NOW, AUDIT: NOW})[:3] == (PAYMENTS, AUDIT, ORDERS)


def test_unread_instance_fails_only_if_a_restart_may_hang() -> None:
    assert brief(verify.unread(state(ORDERS, "FROZEN"))) == ("passed", "status", False)
    assert brief(verify.unread(state(ORDERS, "ERROR"))) == ("failed", "state_unreadable", False)


@pytest.mark.parametrize("transient", [True, False])
def test_unreadable_instance_fails_and_calls_a_person_unless_transient(transient: bool) -> None:
    assessment = verify.unreadable(ORDERS, StateUnreadable("no answer", transient=transient))

    assert brief(assessment) == ("failed", "state_unreadable", not transient)
    assert assessment.verdict.retryable == transient
    assert assessment.note == f"{ORDERS} could not be read: no answer."

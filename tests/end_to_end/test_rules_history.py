"""Rules on the history of an instance, end to end: already_answered to dry_run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import ALL_THREE, AUDIT, DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, SECOND, ids
from tests.harness import Remediator, assert_held_back, restarted


@pytest.mark.parametrize(
    ("ended", "status", "needs_human"),
    [
        (MINUTE, "SUCCESS", False),
        (MINUTE, "FAILED", True),
        (21 * MINUTE, "SUCCESS", True),
        (21 * MINUTE, "EXECUTING", False),
    ],
)
def test_already_answered_by_a_newer_restart(
    remediator: Remediator, ended: timedelta, status: str, *, needs_human: bool
) -> None:
    remediator.set(COOLDOWN_SECONDS="0")
    restarted(remediator.cloud, ended + MINUTE, status=status)

    answer = remediator.alert(raised=NOW - HOUR)
    assert_held_back(answer, "already_answered", needs_human=needs_human, cloud=remediator.cloud)


def test_already_answered_not_by_an_earlier_restart(remediator: Remediator) -> None:
    remediator.set(COOLDOWN_SECONDS="0")
    restarted(remediator.cloud, 3 * MINUTE)

    assert remediator.alert(raised=NOW - MINUTE).verdict == (200, "accepted", None)


@pytest.mark.parametrize(("ended", "answered"), [(23 * HOUR, True), (25 * HOUR, False)])
def test_already_answered_for_a_repeat_by_a_restart_within_a_day(
    remediator: Remediator, ended: timedelta, *, answered: bool
) -> None:
    restarted(remediator.cloud, ended + MINUTE)
    answer = remediator.ces_alarm(template_variable={"IsCycleTrigger": True})

    assert answer.data["reason"] == ("already_answered" if answered else None)
    assert len(remediator.cloud.posts) == (not answered)
    assert answer.data["event"] == {
        "source": "ces_alarm",
        "id": "m1",
        "time": "2026-01-05T03:00:00Z",
        "name": "kafka-broker-alive",
    }


def test_already_answered_does_not_apply_to_requests(remediator: Remediator) -> None:
    restarted(remediator.cloud, 2 * HOUR, took=2 * HOUR)

    assert remediator.restart().verdict == (200, "accepted", None)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "A_NEW_WORD"])
def test_cooldown_skips_a_recent_restart(remediator: Remediator, status: str) -> None:
    restarted(remediator.cloud, HOUR - SECOND, status=status)

    for answer in (remediator.alert(), remediator.restart()):
        assert_held_back(answer, "cooldown", needs_human=False, cloud=remediator.cloud)
        assert answer.data["instances"][0]["last_restart"] == "2026-01-05T02:00:01Z"


@pytest.mark.parametrize("status", ["CANCELLED", "DELETED"])
def test_cooldown_ignores_cancelled_restarts(remediator: Remediator, status: str) -> None:
    restarted(remediator.cloud, MINUTE, status=status)

    assert remediator.alert().verdict == (200, "accepted", None)


def test_cooldown_of_zero_is_disabled(remediator: Remediator) -> None:
    remediator.set(COOLDOWN_SECONDS="0")
    restarted(remediator.cloud, 2 * MINUTE)

    assert remediator.restart().verdict == (200, "accepted", None)


def test_restart_limit_needs_a_person_and_names_the_count(
    remediator: Remediator,
) -> None:
    for hours in (2, 5, 23):
        restarted(remediator.cloud, hours * HOUR)

    for answer in (remediator.alert(), remediator.restart()):
        assert_held_back(answer, "restart_limit", needs_human=True, cloud=remediator.cloud)
        note = f"3 restarts of {ORDERS} within 24 hours did not help."
        assert note in answer.data["message"]

    remediator.set(MAX_RESTARTS_PER_DAY="0")
    assert remediator.restart().verdict == (200, "accepted", None)


def test_storm_skips_every_instance_of_an_alarm(remediator: Remediator) -> None:
    for one in (PAYMENTS, AUDIT):
        remediator.cloud.add_instance(one, status="ERROR")
    for one in ids(60):
        remediator.cloud.add_instance(one)
    remediator.cloud.set_status(ids(60)[59], "RESTARTING")
    answer = remediator.alert(*ALL_THREE)

    assert_held_back(answer, "storm", needs_human=True, cloud=remediator.cloud)
    assert answer.reasons == dict.fromkeys(ALL_THREE, "storm")
    assert remediator.alert(ORDERS, PAYMENTS).verdict == (200, "accepted", None)


def test_storm_does_not_apply_to_requests_and_can_be_disabled(
    remediator: Remediator,
) -> None:
    for one in ids(4):
        remediator.cloud.add_instance(one)
    remediator.set(MAX_RESTARTING="1")
    assert remediator.alert(*ids(4)[:2]).data["reason"] == "storm"
    assert remediator.restart(*ids(4)[:2]).verdict == (200, "accepted", None)

    remediator.set(MAX_RESTARTING="0")
    assert remediator.alert(*ids(4)[2:]).verdict == (200, "accepted", None)


def test_dry_run_shows_the_exact_body_and_the_last_restart(
    remediator: Remediator,
) -> None:
    restarted(remediator.cloud, 2 * DAY)
    restarted(remediator.cloud, 3 * HOUR)
    remediator.set(DRY_RUN="true")
    answer = remediator.alert()

    assert answer.verdict == (200, "dry_run", "dry_run")
    assert answer.data["request"] == {"action": "restart", "instances": [ORDERS]}
    assert answer.data["instances"][0]["last_restart"] == "2026-01-05T00:00:00Z"
    assert (answer.data["dry_run"], answer.data["api"]["attempts"]) == (True, 0)
    assert not remediator.cloud.posts

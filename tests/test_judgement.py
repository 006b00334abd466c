"""Every row of the decision table, end to end: from an event at a door to one result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from .stand_in import Reply, StandIn, vendor_error
from .values import ALL_THREE, AUDIT, DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, SECOND, ids
from .world import Answered, World, ago, alerts, world

DENIED = vendor_error(403, "DMS.00403003", "canonicalRequest:host|x-auth-token:secret")


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world() as night:
        yield night


def restarted(
    cloud: StandIn, began: timedelta = HOUR, took: timedelta = MINUTE, **fields: Any
) -> None:
    """Let ORDERS have been restarted a while ago."""
    cloud.add_task(ORDERS, created_at=ago(began), updated_at=ago(began - took), **fields)


def assert_held_back(found: Answered, reason: str, *, needs_human: bool, cloud: StandIn) -> None:
    assert found.brief == (200, "skipped", reason)
    assert found.data["needs_human"] == needs_human
    assert found.event.get("needshuman", False) == needs_human
    assert (found.data["request"], found.data["api"]["attempts"]) == (None, 0)
    assert not found.data["retryable"]
    assert not cloud.posts


def test_an_alarm_restarts_its_instance_and_says_so(night: World) -> None:
    restarted(night.cloud, DAY)
    found = night.alert()
    data = found.data

    assert found.brief == (200, "accepted", None)
    assert data["message"] == "Restart of 1 instance accepted."
    assert data["request"] == {"action": "restart", "instances": [ORDERS]}
    assert data["instances"] == [
        {
            "id": ORDERS,
            "outcome": "accepted",
            "reason": None,
            "status": "ERROR",
            "last_restart": "2026-01-04T03:00:00Z",
        }
    ]
    assert (data["api"]["status"], data["api"]["attempts"]) == (200, 1)
    assert data["event"] == {"source": "alertmanager", "id": None, "time": None, "name": "Down"}
    assert (found.event["subject"], data["needs_human"]) == (ORDERS, False)
    assert [post.json for post in night.cloud.posts] == [data["request"]]


def test_a_repeated_alarm_leads_to_one_call(night: World) -> None:
    assert night.alert().brief == (200, "accepted", None)
    assert night.alert().brief == (200, "skipped", "already_restarting")
    night.clock.advance(300)
    assert night.alert().brief == (200, "skipped", "already_answered")

    assert len(night.cloud.posts) == 1


def test_rules_1_to_3_what_asks_for_nothing_costs_no_call(night: World) -> None:
    assert night.ces_alarm(alarm_status="ok").brief == (200, "skipped", "not_firing")
    assert night.ces_alarm(metric_name="disk").brief == (200, "skipped", "not_mapped")
    labels = {"alertname": "TestAlert", "instance": "Grafana"}
    button = {"version": "1", "alerts": [{"status": "firing", "labels": labels}]}
    found = night.post("/grafana", button)

    assert found.brief == (200, "skipped", "test_event")
    assert found.data["instances"] == []
    assert not night.cloud.arrivals


@pytest.mark.parametrize(
    ("sent", "reason"), [(NOW - HOUR - SECOND, "stale"), (NOW + 6 * MINUTE, "from_the_future")]
)
def test_rule_4_the_time_of_the_topic_message_counts(night: World, sent: Any, reason: str) -> None:
    found = night.ces_alarm(sent=sent)

    assert_held_back(found, reason, needs_human=False, cloud=night.cloud)
    assert not night.cloud.arrivals


def test_rule_4_an_old_request_asks_for_nothing_whatever_it_asks_for(night: World) -> None:
    night.set(ENABLED_ACTIONS="restart,purge_failed,delete")
    old = {"time": "2026-01-05T01:59:59Z"}
    delete = {"instances": [ORDERS], "confirm": [ORDERS]}

    assert night.ask(action="restart", instances=[ORDERS], **old).data["reason"] == "stale"
    assert night.ask(action="purge_failed", **old).brief == (200, "skipped", "stale")
    assert night.ask(action="delete", **delete, **old).data["reason"] == "stale"
    assert not night.cloud.arrivals


def test_rule_5_an_action_that_is_not_enabled_is_refused(night: World) -> None:
    night.set(ENABLED_ACTIONS="purge_failed")
    found = night.alert()

    assert found.brief == (403, "rejected", "action_disabled")
    assert found.data["message"] == "Rejected: restart is not in ENABLED_ACTIONS."
    assert not night.cloud.arrivals


def test_rule_6_an_alarm_skips_what_is_blocked_and_a_request_is_refused_whole(night: World) -> None:
    night.cloud.add_instance(PAYMENTS, status="ERROR")
    night.set(BLOCKED_INSTANCES=ORDERS.upper())
    assert night.restart(ORDERS, PAYMENTS).brief == (403, "rejected", "not_allowed")
    assert not night.cloud.arrivals

    found = night.alert(ORDERS, PAYMENTS)
    assert found.brief == (200, "partial", None)
    assert found.reasons == {ORDERS: "not_allowed", PAYMENTS: None}
    assert found.data["message"] == "Restart of 1 of 2 instances accepted."
    assert "subject" not in found.event


def test_rule_7_too_many_targets_are_refused_and_never_truncated(night: World) -> None:
    found = night.alert(*ids(11))

    assert found.brief == (403, "rejected", "too_many")
    assert found.data["instances"] == []
    assert not night.cloud.arrivals


@pytest.mark.parametrize("kind", ["list", "show", "tasks"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [(DENIED, 200), (vendor_error(502, "APIGW.0201"), 503), (Reply(200, "?"), 503)],
)
def test_rule_8_what_cannot_be_read_in_full_fails_and_nothing_is_sent(
    night: World, kind: str, fault: Reply, status: int
) -> None:
    night.cloud.behaviour.rows_have_tags = False
    night.cloud.fault(fault, kind=kind, times=None)
    found = night.alert()

    assert found.brief == (status, "failed", "state_unreadable")
    assert found.data["needs_human"] == (status == 200)
    assert found.data["retryable"] == (status == 503)
    assert (found.data["request"], found.data["api"]["status"]) == (None, fault.status)
    assert found.data["api"]["attempts"] == 0
    assert not night.cloud.posts


@pytest.mark.parametrize(
    ("kind", "permission"),
    [
        ("list", "dms:instance:list"),
        ("show", "dms:instance:get"),
        ("tasks", "dms:instance:getBackgroundTask"),
    ],
)
def test_rule_8_a_missing_permission_is_named_and_the_words_of_the_cloud_are_not_repeated(
    night: World, kind: str, permission: str
) -> None:
    night.cloud.behaviour.rows_have_tags = False
    night.cloud.fault(DENIED, kind=kind, times=None)
    found = night.alert()

    assert permission in found.data["message"]
    assert "secret" not in str(found.event)
    assert found.data["api"]["error_code"] == "DMS.00403003"


def test_rule_9_an_unknown_instance_is_not_found_and_needs_a_person_where_an_alarm_names_it(
    night: World,
) -> None:
    found = night.alert(AUDIT)
    assert_held_back(found, "not_found", needs_human=True, cloud=night.cloud)
    assert found.data["instances"][0]["status"] is None

    found = night.restart(AUDIT)
    assert_held_back(found, "not_found", needs_human=False, cloud=night.cloud)


def test_rule_9_only_the_code_of_the_vendor_means_not_found(night: World) -> None:
    night.cloud.fault(vendor_error(404, "APIGW.0101", "The API does not exist."), kind="show")
    found = night.restart(AUDIT)

    assert found.brief == (200, "failed", "state_unreadable")
    assert found.data["needs_human"]


def test_rule_9_another_engine_is_left_alone(night: World) -> None:
    night.cloud.add_instance(AUDIT, engine="rabbitmq", status="ERROR")

    found = night.alert(AUDIT)
    assert_held_back(found, "not_kafka", needs_human=False, cloud=night.cloud)


@pytest.mark.parametrize("value", ["off", "No", "FALSE"])
@pytest.mark.parametrize("rows_have_tags", [True, False])
def test_rule_10_the_owner_opts_out_by_a_tag(
    night: World, value: str, *, rows_have_tags: bool
) -> None:
    night.cloud.behaviour.rows_have_tags = rows_have_tags
    night.cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": value})

    for found in (night.alert(), night.restart()):
        assert_held_back(found, "opted_out", needs_human=False, cloud=night.cloud)


def test_rule_11_a_restart_by_hand_without_a_task_we_know_is_not_joined_and_warns(
    night: World, capfd: pytest.CaptureFixture[str]
) -> None:
    night.cloud.set_status(ORDERS, "RESTARTING")
    night.cloud.add_task(ORDERS, name="kafkaReboot", created_at=ago(MINUTE))
    found = night.alert()

    assert_held_back(found, "already_restarting", needs_human=False, cloud=night.cloud)
    assert "its newest task is kafkaReboot." in found.data["message"]
    assert '"severity":"WARNING"' in capfd.readouterr().err


@pytest.mark.parametrize("status", ["UPGRADING", "EXTENDEDFAILED", "FROZEN", "A_NEW_WORD"])
def test_rule_12_a_status_that_is_not_listed_is_left_alone(night: World, status: str) -> None:
    night.cloud.set_status(ORDERS, status)

    found = night.alert()
    assert_held_back(found, "status", needs_human=True, cloud=night.cloud)
    assert found.data["instances"][0]["status"] == status
    found = night.restart()
    assert_held_back(found, "status", needs_human=False, cloud=night.cloud)


@pytest.mark.parametrize(
    ("ended", "status", "needs_human"),
    [
        (MINUTE, "SUCCESS", False),
        (MINUTE, "FAILED", True),
        (21 * MINUTE, "SUCCESS", True),
        (21 * MINUTE, "EXECUTING", False),
    ],
)
def test_rule_13_an_alarm_older_than_the_newest_restart_is_answered(
    night: World, ended: timedelta, status: str, *, needs_human: bool
) -> None:
    night.set(COOLDOWN_SECONDS="0")
    restarted(night.cloud, ended + MINUTE, status=status)

    found = night.alert(raised=NOW - HOUR)
    assert_held_back(found, "already_answered", needs_human=needs_human, cloud=night.cloud)


def test_rule_13_an_alarm_raised_after_the_restart_is_not_answered(night: World) -> None:
    night.set(COOLDOWN_SECONDS="0")
    restarted(night.cloud, 3 * MINUTE)

    assert night.alert(raised=NOW - MINUTE).brief == (200, "accepted", None)


@pytest.mark.parametrize(("ended", "answered"), [(23 * HOUR, True), (25 * HOUR, False)])
def test_rule_13_a_repeat_is_answered_by_any_restart_within_a_day(
    night: World, ended: timedelta, *, answered: bool
) -> None:
    restarted(night.cloud, ended + MINUTE)
    found = night.ces_alarm(template_variable={"IsCycleTrigger": True})

    assert found.data["reason"] == ("already_answered" if answered else None)
    assert len(night.cloud.posts) == (not answered)
    assert found.data["event"] == {
        "source": "ces_alarm",
        "id": "m1",
        "time": "2026-01-05T03:00:00Z",
        "name": "kafka-broker-alive",
    }


def test_rule_13_does_not_hold_for_a_request(night: World) -> None:
    restarted(night.cloud, 2 * HOUR, took=2 * HOUR)

    assert night.restart().brief == (200, "accepted", None)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "A_NEW_WORD"])
def test_rule_14_a_restart_newer_than_the_cooldown_is_not_repeated(
    night: World, status: str
) -> None:
    restarted(night.cloud, HOUR - SECOND, status=status)

    for found in (night.alert(), night.restart()):
        assert_held_back(found, "cooldown", needs_human=False, cloud=night.cloud)
        assert found.data["instances"][0]["last_restart"] == "2026-01-05T02:00:01Z"


@pytest.mark.parametrize("status", ["CANCELLED", "DELETED"])
def test_rule_14_a_restart_that_never_was_does_not_count(night: World, status: str) -> None:
    restarted(night.cloud, MINUTE, status=status)

    assert night.alert().brief == (200, "accepted", None)


def test_rule_14_a_cooldown_of_nothing_is_none(night: World) -> None:
    night.set(COOLDOWN_SECONDS="0")
    restarted(night.cloud, 2 * MINUTE)

    assert night.restart().brief == (200, "accepted", None)


def test_rule_15_too_many_restarts_in_a_day_need_a_person_who_learns_how_many(night: World) -> None:
    for hours in (2, 5, 23):
        restarted(night.cloud, hours * HOUR)

    for found in (night.alert(), night.restart()):
        assert_held_back(found, "restart_limit", needs_human=True, cloud=night.cloud)
        said = f"3 restarts of {ORDERS} within 24 hours did not help."
        assert said in found.data["message"]

    night.set(MAX_RESTARTS_PER_DAY="0")
    assert night.restart().brief == (200, "accepted", None)


def test_rule_16_nothing_of_an_alarm_is_restarted_in_a_storm(night: World) -> None:
    for one in (PAYMENTS, AUDIT):
        night.cloud.add_instance(one, status="ERROR")
    for one in ids(60):
        night.cloud.add_instance(one)
    night.cloud.set_status(ids(60)[59], "RESTARTING")
    found = night.alert(*ALL_THREE)

    assert_held_back(found, "storm", needs_human=True, cloud=night.cloud)
    assert found.reasons == dict.fromkeys(ALL_THREE, "storm")
    assert night.alert(ORDERS, PAYMENTS).brief == (200, "accepted", None)


def test_rule_16_does_not_hold_for_a_request_and_can_be_switched_off(night: World) -> None:
    for one in ids(4):
        night.cloud.add_instance(one)
    night.set(MAX_RESTARTING="1")
    assert night.alert(*ids(4)[:2]).data["reason"] == "storm"
    assert night.restart(*ids(4)[:2]).brief == (200, "accepted", None)

    night.set(MAX_RESTARTING="0")
    assert night.alert(*ids(4)[2:]).brief == (200, "accepted", None)


def test_rule_17_a_dry_run_shows_the_exact_body_and_the_last_restart(night: World) -> None:
    restarted(night.cloud, 2 * DAY)
    restarted(night.cloud, 3 * HOUR)
    night.set(DRY_RUN="true")
    found = night.alert()

    assert found.brief == (200, "dry_run", "dry_run")
    assert found.data["request"] == {"action": "restart", "instances": [ORDERS]}
    assert found.data["instances"][0]["last_restart"] == "2026-01-05T00:00:00Z"
    assert (found.data["dry_run"], found.data["api"]["attempts"]) == (True, 0)
    assert not night.cloud.posts


def test_an_alert_that_names_no_instance_gives_its_reason_at_the_top(night: World) -> None:
    nameless = alerts("prod")
    found = night.post("/alertmanager", {**nameless, "truncatedAlerts": 2})

    assert found.brief == (200, "skipped", "not_mapped")
    assert found.data["instances"] == []
    assert found.data["message"].endswith("The sender left out 2 alerts of this group.")


def test_an_unknown_end_is_never_sent_again_and_needs_a_person(night: World) -> None:
    night.set(DEADLINE_SECONDS="1")
    night.cloud.fault(Reply(500, "?"), kind="action")
    found = night.alert()

    assert found.brief == (202, "unknown", "unclear")
    assert found.data["needs_human"]
    assert (found.data["api"]["attempts"], len(night.cloud.posts)) == (1, 1)
    assert found.data["request"] == {"action": "restart", "instances": [ORDERS]}

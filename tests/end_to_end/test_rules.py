"""The rules that need no live state, end to end, and the shape of a result."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, SECOND, ids
from tests.fake_dms import Reply
from tests.harness import Remediator, alerts, assert_held_back, restarted


def test_an_alarm_restarts_its_instance_and_says_so(remediator: Remediator) -> None:
    restarted(remediator.cloud, DAY)
    answer = remediator.alert()
    data = answer.data

    assert answer.verdict == (200, "accepted", None)
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
    assert data["event"].pop("id")  # of ours: Alertmanager gives none
    assert data["event"] == {"source": "alertmanager", "time": None, "name": "Down"}
    assert (answer.event["subject"], data["needs_human"]) == (ORDERS, False)
    assert [post.json for post in remediator.cloud.posts] == [data["request"]]


def test_a_repeated_alarm_leads_to_one_call(remediator: Remediator) -> None:
    assert remediator.alert().verdict == (200, "accepted", None)
    assert remediator.alert().verdict == (200, "skipped", "already_restarting")
    remediator.clock.advance(300)
    assert remediator.alert().verdict == (200, "skipped", "already_answered")

    assert len(remediator.cloud.posts) == 1


def test_not_firing_test_event_and_not_mapped_cost_no_call(remediator: Remediator) -> None:
    unsure = remediator.ces_alarm(alarm_status="insufficient_data")
    assert unsure.verdict == (200, "skipped", "not_firing")
    assert remediator.ces_alarm(metric_name="disk").verdict == (200, "skipped", "not_mapped")
    labels = {"alertname": "TestAlert", "instance": "Grafana"}
    button = {"version": "1", "alerts": [{"status": "firing", "labels": labels}]}
    answer = remediator.post("/grafana", button)

    assert answer.verdict == (200, "skipped", "test_event")
    assert answer.data["instances"] == []
    assert not remediator.cloud.requests


@pytest.mark.parametrize(
    ("sent", "reason"), [(NOW - HOUR - SECOND, "stale"), (NOW + 6 * MINUTE, "from_the_future")]
)
def test_stale_is_decided_by_the_time_of_the_topic_message(
    remediator: Remediator, sent: Any, reason: str
) -> None:
    answer = remediator.ces_alarm(sent=sent)

    assert_held_back(answer, reason, needs_human=False, cloud=remediator.cloud)
    assert not remediator.cloud.requests


def test_stale_applies_to_every_action(
    remediator: Remediator,
) -> None:
    remediator.set(ENABLED_ACTIONS="restart,purge_failed,delete")
    old = {"time": "2026-01-05T01:59:59Z"}
    delete = {"instances": [ORDERS], "confirm": [ORDERS]}

    assert remediator.ask(action="restart", instances=[ORDERS], **old).data["reason"] == "stale"
    assert remediator.ask(action="purge_failed", **old).verdict == (200, "skipped", "stale")
    assert remediator.ask(action="delete", **delete, **old).data["reason"] == "stale"
    assert not remediator.cloud.requests


def test_action_disabled_rejects_the_event(remediator: Remediator) -> None:
    remediator.set(ENABLED_ACTIONS="purge_failed")
    answer = remediator.alert()

    assert answer.verdict == (403, "rejected", "action_disabled")
    assert answer.data["message"] == "Rejected: restart is not in ENABLED_ACTIONS."
    assert not remediator.cloud.requests


def test_not_allowed_skips_for_alarms_and_rejects_requests(
    remediator: Remediator,
) -> None:
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    remediator.set(BLOCKED_INSTANCES=ORDERS.upper())
    assert remediator.restart(ORDERS, PAYMENTS).verdict == (403, "rejected", "not_allowed")
    assert not remediator.cloud.requests

    answer = remediator.alert(ORDERS, PAYMENTS)
    assert answer.verdict == (200, "partial", None)
    assert answer.reasons == {ORDERS: "not_allowed", PAYMENTS: None}
    assert answer.data["message"] == "Restart of 1 of 2 instances accepted."
    assert "subject" not in answer.event


def test_too_many_rejects_and_never_truncates(remediator: Remediator) -> None:
    answer = remediator.alert(*ids(11))

    assert answer.verdict == (403, "rejected", "too_many")
    assert answer.data["instances"] == []
    assert not remediator.cloud.requests


def test_an_alert_that_names_no_instance_gives_its_reason_at_the_top(
    remediator: Remediator,
) -> None:
    nameless = alerts("prod")
    answer = remediator.post("/alertmanager", {**nameless, "truncatedAlerts": 2})

    assert answer.verdict == (200, "skipped", "not_mapped")
    assert answer.data["instances"] == []
    assert answer.data["message"].endswith(
        "The sender left out 2 alerts of this group. "
        "1 alert asks for a restart, but has no instance id in the label kafka_instance_id."
    )


def test_an_alert_that_names_no_instance_leaves_its_trace_beside_one_that_does(
    remediator: Remediator,
) -> None:
    answer = remediator.post("/alertmanager", alerts(ORDERS, "prod"))

    assert answer.verdict == (200, "accepted", None)
    assert answer.data["message"] == (
        "Restart of 1 instance accepted. "
        "1 alert asks for a restart, but has no instance id in the label kafka_instance_id."
    )


def test_alerts_that_were_left_out_are_named_where_nothing_could_be_read(
    remediator: Remediator,
) -> None:
    remediator.cloud.fault(Reply(403, "{}"), kind="list", times=None)
    found = remediator.alert(ORDERS, truncatedAlerts=2)

    assert found.verdict == (200, "failed", "state_unreadable")
    assert found.data["message"].endswith("The sender left out 2 alerts of this group.")


def test_unknown_outcome_is_not_retried_and_needs_a_person(remediator: Remediator) -> None:
    remediator.set(DEADLINE_SECONDS="1")
    remediator.cloud.fault(Reply(500, "?"), kind="action")
    answer = remediator.alert()

    assert answer.verdict == (202, "unknown", "unclear")
    assert answer.data["needs_human"]
    assert (answer.data["api"]["attempts"], len(remediator.cloud.posts)) == (1, 1)
    assert answer.data["request"] == {"action": "restart", "instances": [ORDERS]}

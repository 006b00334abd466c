"""Follow-up of resolved alarms: two reads, nothing sent, and it never fails the event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from function.lib.timestamps import text
from tests.factories import HOUR, MINUTE, NOW, ORDERS, PAYMENTS, ids
from tests.fake_dms import Behaviour, Close, Hold, throttled, vendor_error
from tests.harness import EventReply, Remediator, open_remediator, restarted

RAISED = NOW - 30 * MINUTE


def resolved(
    *instances: str, raised: datetime = RAISED, ended: datetime = NOW, **labels: str
) -> dict[str, Any]:
    """Return a notification with a resolved alert for each instance."""
    listed = [
        {
            "status": "resolved",
            "labels": {"remediation": "restart", "kafka_instance_id": instance, **labels},
            "startsAt": text(raised),
            "endsAt": text(ended),
        }
        for instance in instances or (ORDERS,)
    ]
    return {"version": "4", "status": "resolved", "alerts": listed}


def end(remediator: Remediator, *instances: str, **fields: Any) -> EventReply:
    """Send that alarms have ended."""
    return remediator.post("/alertmanager", resolved(*instances, **fields))


def recover(remediator: Remediator) -> None:
    """Let ORDERS have been restarted while its alarm fired, and run since."""
    restarted(remediator.cloud, began=20 * MINUTE, took=6 * MINUTE, user_name="alice")
    remediator.cloud.set_status(ORDERS, "RUNNING")


def calls(remediator: Remediator) -> list[str]:
    return [arrival.kind for arrival in remediator.cloud.requests]


def test_recovery_is_reported_with_time_user_and_duration(
    remediator: Remediator,
) -> None:
    recover(remediator)

    result = end(remediator)

    assert result.verdict == (200, "skipped", "recovered")
    assert result.data["message"] == (
        "1 instance recovered: restarted, and running since. "
        f"{ORDERS} was restarted at 2026-01-05T02:40:00Z by alice and has been running since "
        "2026-01-05T02:46:00Z; its alarm ended 30 minutes after it was raised."
    )
    assert result.data["instances"] == [
        {
            "id": ORDERS,
            "outcome": "skipped",
            "reason": "recovered",
            "status": "RUNNING",
            "last_restart": "2026-01-05T02:40:00Z",
        }
    ]
    assert not result.data["needs_human"]
    assert calls(remediator) == ["show", "tasks"]


def test_the_whole_loop_from_the_alarm_to_the_recovery(remediator: Remediator) -> None:
    assert remediator.alert(ORDERS).data["outcome"] == "accepted"
    remediator.clock.advance(200)

    ended = datetime.fromtimestamp(remediator.clock(), NOW.tzinfo)
    result = end(remediator, raised=NOW - MINUTE, ended=ended)

    assert result.verdict == (200, "skipped", "recovered")
    assert "its alarm ended 4 minutes after it was raised." in result.data["message"]


def test_an_instance_that_is_still_down_calls_a_person(remediator: Remediator) -> None:
    restarted(remediator.cloud, began=20 * MINUTE)

    result = end(remediator)

    assert result.verdict == (200, "skipped", "not_recovered")
    assert result.event["needshuman"] is True
    assert result.data["message"].startswith("1 instance not recovered: not running, although")
    assert f"The alarm of {ORDERS} has ended, but its status is ERROR." in result.data["message"]


def test_an_alarm_that_ended_by_itself_is_no_recovery(remediator: Remediator) -> None:
    remediator.cloud.set_status(ORDERS, "RUNNING")

    assert end(remediator).verdict == (200, "skipped", "not_firing")
    assert calls(remediator) == ["show", "tasks"]


def test_restarting_instance_is_reported_as_restarting(remediator: Remediator) -> None:
    remediator.alert(ORDERS)

    assert end(remediator, raised=NOW - MINUTE).verdict == (200, "skipped", "already_restarting")


def test_end_of_a_cloud_eye_alarm_is_followed_up(remediator: Remediator) -> None:
    recover(remediator)

    result = remediator.ces_alarm(alarm_status="ok")

    assert result.verdict == (200, "skipped", "recovered")
    assert "its alarm ended 20 minutes after that restart began." in result.data["message"]


@pytest.mark.parametrize(
    "changes",
    [{"alarm_status": "insufficient_data"}, {"alarm_status": "ok", "metric_name": "broker_disk"}],
)
def test_other_resolved_alarms_cost_no_call(
    remediator: Remediator, changes: dict[str, str]
) -> None:
    recover(remediator)

    assert remediator.ces_alarm(**changes).data["reason"] in {"not_firing", "not_mapped"}
    assert not calls(remediator)


def test_an_alert_that_asks_for_no_restart_costs_no_call(remediator: Remediator) -> None:
    assert end(remediator, remediation="page").verdict == (200, "skipped", "not_firing")
    assert not calls(remediator)


def test_a_rule_without_data_says_nothing_of_the_instance(remediator: Remediator) -> None:
    recover(remediator)
    group = resolved()
    group["alerts"][0]["annotations"] = {"grafana_state_reason": "MissingSeries"}

    result = remediator.post("/grafana", {**group, "version": "1"})

    assert result.verdict == (200, "skipped", "not_firing")
    assert not calls(remediator)


def test_following_up_can_be_switched_off(remediator: Remediator) -> None:
    recover(remediator)
    remediator.set(FOLLOW_UP="false")

    assert end(remediator).verdict == (200, "skipped", "not_firing")
    assert not calls(remediator)


def test_a_blocked_instance_is_left_alone(remediator: Remediator) -> None:
    remediator.set(BLOCKED_INSTANCES=ORDERS)

    assert end(remediator).verdict == (200, "skipped", "not_firing")
    assert not calls(remediator)


def test_deleted_and_opted_out_instances_are_not_reported(remediator: Remediator) -> None:
    remediator.cloud.add_instance(PAYMENTS, status="ERROR", tags={"auto-remediation": "off"})

    result = end(remediator, PAYMENTS, ids(1)[0])

    assert result.verdict == (200, "skipped", "not_firing")
    assert not result.data["needs_human"]


@pytest.mark.parametrize("kind", ["show", "tasks"])
@pytest.mark.parametrize(
    "fault",
    [vendor_error(503, "APIGW.0201"), throttled(), vendor_error(403, "DMS.00403003"), Close()],
    ids=["unavailable", "throttled", "no permission", "no answer"],
)
def test_unreadable_follow_up_is_named_and_does_not_fail(
    remediator: Remediator, kind: str, fault: Any
) -> None:
    recover(remediator)
    remediator.cloud.fault(fault, kind, times=None)

    result = end(remediator)

    assert result.verdict == (200, "skipped", "not_firing")
    assert not result.data["retryable"]
    assert not result.data["needs_human"]
    assert f"Whether {ORDERS} recovered could not be read:" in result.data["message"]
    assert len(calls(remediator)) <= 2


def test_a_cloud_that_hangs_ends_with_the_event(remediator: Remediator) -> None:
    remediator.set(DEADLINE_SECONDS="1")
    remediator.cloud.fault(Hold(), "show")

    assert end(remediator).verdict == (200, "skipped", "not_firing")


def test_without_credentials_nothing_is_read_and_nothing_fails(remediator: Remediator) -> None:
    settings = remediator.runtime.settings._replace(credentials=None)
    remediator.runtime = remediator.runtime._replace(settings=settings)

    assert end(remediator).verdict == (200, "skipped", "not_firing")


def test_a_group_with_both_kinds_restarts_first_and_looks_then(remediator: Remediator) -> None:
    recover(remediator)
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    group = resolved()
    firing = resolved(PAYMENTS, raised=NOW)["alerts"][0]
    group["alerts"].append({**firing, "status": "firing"})

    result = remediator.post("/alertmanager", group)

    assert result.data["outcome"] == "partial"
    assert result.reasons == {ORDERS: "recovered", PAYMENTS: None}
    assert [post.json["instances"] for post in remediator.cloud.posts] == [[PAYMENTS]]
    last_post = calls(remediator).index("action")
    assert calls(remediator)[:last_post].count("tasks") == 1


def test_too_many_resolved_alarms_are_not_followed_up(remediator: Remediator) -> None:
    assert end(remediator, *ids(11)).verdict == (200, "skipped", "not_firing")
    assert not calls(remediator)


def test_recovery_is_published_only_if_configured(remediator: Remediator) -> None:
    topic = {
        "NOTIFY_TOPIC_URN": remediator.cloud.account.topic_urn,
        "SMN_ENDPOINT": remediator.cloud.url,
    }
    recover(remediator)
    remediator.set(**topic)
    end(remediator)
    assert not remediator.cloud.published

    remediator.set(NOTIFY_ON="recovered")
    end(remediator)

    (published,) = remediator.cloud.published
    assert published.subject == (
        "Kafka: For information. 1 instance recovered: restarted, and running since"
    )
    assert "was restarted at 2026-01-05T02:40:00Z by alice" in published.message


def test_a_restart_that_did_not_help_is_named_although_its_task_ended_well() -> None:
    with open_remediator(Behaviour(restart_outcome="does_not_help")) as remediator:
        remediator.alert(ORDERS)
        remediator.clock.advance(HOUR.total_seconds())

        assert end(remediator, raised=NOW - MINUTE).data["reason"] == "not_recovered"

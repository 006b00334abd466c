"""Verify on a schedule: restarts that hang or did not help call a person."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from function.lib import strict_json
from tests.factories import AUDIT, DAY, HOUR, MINUTE, ORDERS, PAYMENTS, ids
from tests.fake_dms import Behaviour, Close, Reply, vendor_error
from tests.harness import EventReply, Remediator, ago, open_remediator, restarted
from tests.redis_process import redis_process


def verify(remediator: Remediator) -> EventReply:
    return remediator.ask(action="verify")


def calls(remediator: Remediator) -> list[str]:
    return [arrival.kind for arrival in remediator.cloud.requests]


def test_a_project_that_runs_costs_one_call(remediator: Remediator) -> None:
    remediator.cloud.set_status(ORDERS, "RUNNING")

    result = verify(remediator)

    assert result.verdict == (200, "passed", None)
    assert result.data["action"] == "verify"
    assert result.data["message"] == (
        "Verification passed: nothing to look after among 1 instance."
    )
    assert calls(remediator) == ["list"]


def test_each_stopped_instance_costs_one_more_call(remediator: Remediator) -> None:
    for instance in ids(3):
        remediator.cloud.add_instance(instance, status="ERROR")
    remediator.cloud.add_instance(PAYMENTS)

    result = verify(remediator)

    assert sorted(calls(remediator)) == ["list", *["tasks"] * 4]
    assert result.verdict == (200, "passed", "status")
    assert set(result.reasons) == {ORDERS, *ids(3)}


def test_a_restart_that_hangs_calls_a_person(remediator: Remediator) -> None:
    remediator.cloud.set_status(ORDERS, "RESTARTING")
    restarted(remediator.cloud, began=25 * MINUTE, status="EXECUTING", user_name="alice")

    result = verify(remediator)

    assert result.verdict == (200, "failed", "hanging")
    assert result.event["needshuman"] is True
    assert result.data["message"] == (
        "Verification of 1 instance failed: the restart takes longer than 20 minutes. "
        f"{ORDERS} was restarted at 2026-01-05T02:35:00Z by alice, "
        "and is not back after 25 minutes."
    )


@pytest.mark.parametrize("outcome", ["fails", "does_not_help"])
def test_ineffective_restart_is_reported_by_the_next_verify(outcome: Any) -> None:
    with open_remediator(Behaviour(restart_outcome=outcome)) as remediator:
        assert remediator.alert(ORDERS).data["outcome"] == "accepted"
        assert verify(remediator).verdict == (200, "passed", "restarting")
        remediator.clock.advance(10 * 60)

        result = verify(remediator)

        assert result.verdict == (200, "failed", "not_recovered")
        assert result.data["needs_human"]


def test_a_schedule_does_not_call_every_quarter_of_an_hour(remediator: Remediator) -> None:
    restarted(remediator.cloud, began=HOUR, took=MINUTE)
    calls_for_a_person = []
    for _ in range(20):
        result = verify(remediator)
        assert result.verdict == (200, "failed", "not_recovered")
        calls_for_a_person.append(result.data["needs_human"])
        remediator.clock.advance(900)

    # 59 minutes old at the beginning: not new any more, and called again after four hours.
    assert [number for number, called in enumerate(calls_for_a_person) if called] == [13]


def test_the_period_of_the_schedule_can_be_another(remediator: Remediator) -> None:
    restarted(remediator.cloud, began=HOUR, took=MINUTE)
    remediator.set(VERIFY_PERIOD_SECONDS="3600")

    assert verify(remediator).data["needs_human"]


def test_an_instance_in_error_without_a_restart_is_named_and_fails_nothing(
    remediator: Remediator,
) -> None:
    restarted(remediator.cloud, began=DAY + HOUR)

    result = verify(remediator)

    assert result.verdict == (200, "passed", "status")
    assert result.data["instances"][0]["status"] == "ERROR"
    assert not result.data["needs_human"]


def test_an_instance_whose_history_cannot_be_read_fails_and_stops_no_other(
    remediator: Remediator,
) -> None:
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    for instance in (ORDERS, PAYMENTS):
        began = ago(10 * MINUTE)
        remediator.cloud.add_task(instance, created_at=began, updated_at=began + 60)
    remediator.cloud.fault(vendor_error(403, "DMS.00403003"), "tasks")

    result = verify(remediator)

    assert result.verdict == (200, "failed", None)
    assert sorted(map(str, result.reasons.values())) == ["not_recovered", "state_unreadable"]
    assert result.data["needs_human"]
    assert "lack dms:instance:getBackgroundTask" in result.data["message"]
    assert result.data["api"]["error_code"] == "DMS.00403003"


def test_transient_history_failure_calls_no_person(remediator: Remediator) -> None:
    remediator.cloud.fault(Close(), "tasks", times=None)

    result = verify(remediator)

    assert result.verdict == (200, "failed", "state_unreadable")
    assert (result.data["retryable"], result.data["needs_human"]) == (True, False)


@pytest.mark.parametrize(
    ("fault", "needs_human"),
    [(vendor_error(403, "DMS.00403003"), True), (vendor_error(503, "APIGW.0201"), False)],
)
def test_without_the_list_nothing_is_verified(
    remediator: Remediator, fault: Any, needs_human: bool
) -> None:
    remediator.cloud.fault(fault, "list", times=None)

    result = verify(remediator)

    assert result.verdict == (200, "failed", "state_unreadable")
    assert result.data["needs_human"] == needs_human


def test_incomplete_list_fails_the_verify(remediator: Remediator) -> None:
    short = {"instances": [], "instance_num": 3}
    headers = (("Content-Type", "application/json"),)
    remediator.cloud.fault(Reply(200, short, headers), "list", times=None)

    result = verify(remediator)

    assert result.verdict == (200, "failed", "state_unreadable")
    assert "The list of instances is not complete." in result.data["message"]
    assert result.data["retryable"]


def test_a_restart_that_shows_nowhere_is_known_from_the_ledger() -> None:
    with open_remediator(Behaviour(keeps_tasks=False, restart_outcome="fails")) as remediator:
        assert remediator.alert(ORDERS).data["outcome"] == "accepted"
        remediator.clock.advance(30 * 60)

        result = verify(remediator)

        assert result.verdict == (200, "failed", "not_recovered")
        assert f"A restart of {ORDERS} was sent at" in result.data["message"]


@pytest.mark.parametrize("ledger", ["of the process", "that copies share"])
def test_recovery_is_reported_once(ledger: str) -> None:
    with ExitStack() as stack:
        shared = stack.enter_context(redis_process()) if ledger == "that copies share" else None
        settings: dict[str, Any] = {"LEDGER_URL": shared.url} if shared else {}
        remediator = stack.enter_context(open_remediator(**settings))
        remediator.alert(ORDERS)
        remediator.clock.advance(10 * 60)

        assert verify(remediator).verdict == (200, "passed", "recovered")
        assert verify(remediator).verdict == (200, "passed", None)


def test_a_ledger_that_does_not_answer_fails_the_verify_and_the_log_says_why(
    remediator: Remediator, out: Any
) -> None:
    remediator.set(LEDGER_URL="redis://127.0.0.1:9/0")

    assert verify(remediator).verdict == (200, "failed", "ledger_unreadable")
    (line,) = out()[1]
    assert line["message"].startswith("Nothing was verified: the ledger cannot be reached;")


def test_instances_are_read_a_page_at_a_time(remediator: Remediator) -> None:
    for instance in ids(120):
        remediator.cloud.add_instance(instance)
    remediator.cloud.set_status(ORDERS, "RUNNING")

    assert verify(remediator).data["outcome"] == "passed"
    assert calls(remediator) == ["list"] * 3


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("schedule", {"action": "verify"}),
        (
            "timer",
            {
                "version": "v1.0",
                "time": "2026-01-05T03:00:00Z",
                "trigger_type": "TIMER",
                "trigger_name": "verify",
                "user_event": '{"action":"verify"}',
            },
        ),
        (
            "cloudevents",
            {
                "specversion": "1.0",
                "id": "1",
                "source": "urn:example:schedule",
                "type": "dev.kafka-remediator.request.v1",
                "data": {"action": "verify"},
            },
        ),
    ],
)
def test_every_schedule_may_verify(
    remediator: Remediator, source: str, event: dict[str, Any]
) -> None:
    result = remediator.trigger(event)

    assert result.data["event"]["source"] == source
    assert result.data["outcome"] == "passed"


def test_a_schedule_gets_a_result_that_is_longer_than_any_event(remediator: Remediator) -> None:
    for instance in ids(2500):
        remediator.cloud.add_instance(instance, status="FROZEN")

    result = remediator.trigger({"action": "verify"})

    assert result.verdict == (200, "passed", "status")
    assert len(strict_json.dumps(result.event)) > strict_json.LIMIT


def test_topic_may_not_verify(remediator: Remediator) -> None:
    smn = {"topic_urn": "urn:smn:eu-de:0:alarms", "message": '{"action":"verify"}'}
    event = {"record": [{"event_source": "smn", "smn": smn}]}

    result = remediator.trigger(event)

    assert result.data["reason"] == "action_not_for_source"


def test_a_verify_that_waited_for_hours_is_not_made_up_for(remediator: Remediator) -> None:
    result = remediator.ask(action="verify", time="2026-01-05T01:00:00Z")

    assert result.verdict == (200, "skipped", "stale")
    assert not calls(remediator)


def test_verify_rejects_instances(remediator: Remediator) -> None:
    assert remediator.ask(action="verify", instances=[AUDIT]).data["reason"] == "schema"


def test_without_credentials_the_settings_are_named(remediator: Remediator) -> None:
    settings = remediator.runtime.settings._replace(credentials=None)
    remediator.runtime = remediator.runtime._replace(settings=settings)

    assert verify(remediator).verdict == (500, "failed", "settings")


def test_a_task_without_a_readable_time_is_unreadable(remediator: Remediator) -> None:
    remediator.cloud.add_task(ORDERS, created_at="soon", updated_at="later")

    assert verify(remediator).data["reason"] == "state_unreadable"


def test_times_are_those_of_the_cloud(remediator: Remediator) -> None:
    remediator.cloud.set_status(ORDERS, "RESTARTING")
    remediator.cloud.add_task(
        ORDERS, created_at=ago(25 * MINUTE), updated_at=ago(25 * MINUTE), status="EXECUTING"
    )

    assert verify(remediator).data["reason"] == "hanging"

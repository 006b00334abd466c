"""The scenarios that call a person, and those that do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, ids
from tests.fake_dms import Close, throttled, vendor_error
from tests.harness import EventReply, Remediator, alerts, ces_alarm, restarted

Scenario = Callable[[Remediator], EventReply]


def _restarts(times: int) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        for number in range(times):
            restarted(remediator.cloud, began=(2 + number) * HOUR, id=f"restart-{number}")
        return remediator.alert(ORDERS)

    return scenario


def _answered(**task: Any) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        restarted(remediator.cloud, **task)
        return remediator.alert(ORDERS, raised=NOW - HOUR)

    return scenario


def _lately(remediator: Remediator) -> EventReply:
    restarted(remediator.cloud, began=30 * MINUTE)
    return remediator.alert(ORDERS)


def _with(fault: Any, kind: str) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        remediator.cloud.fault(fault, kind, times=None)
        return remediator.alert(ORDERS)

    return scenario


def _storm(remediator: Remediator) -> EventReply:
    for instance in ids(9):
        remediator.cloud.add_instance(instance, status="ERROR")
    return remediator.alert(*ids(9))


def _unclear(remediator: Remediator) -> EventReply:
    remediator.set(DEADLINE_SECONDS="1")
    remediator.cloud.behaviour.status_lag = remediator.cloud.behaviour.task_lag = 3600
    remediator.cloud.fault(Close(at="done"), "action")
    return remediator.alert(ORDERS)


def _ended(status: str) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        restarted(remediator.cloud, began=20 * MINUTE)
        remediator.cloud.set_status(ORDERS, status)
        group = alerts(ORDERS, raised=NOW - HOUR)
        group["alerts"][0]["status"] = "resolved"
        return remediator.post("/alertmanager", group)

    return scenario


def _asked(action: str, fault: Any = None) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        if fault is not None:
            remediator.cloud.fault(fault, "tasks", times=None)
        return remediator.ask(action=action)

    return scenario


def _of_status(status: str, *, alarm: bool) -> Scenario:
    def scenario(remediator: Remediator) -> EventReply:
        remediator.cloud.set_status(ORDERS, status)
        return remediator.alert(ORDERS) if alarm else remediator.restart(ORDERS)

    return scenario


def _trigger(change: Callable[[dict[str, Any]], Any]) -> Scenario:
    """Send a malformed event of FunctionGraph's SMN trigger."""

    def scenario(remediator: Remediator) -> EventReply:
        event = ces_alarm()
        return remediator.trigger(change(event["record"][0]["smn"]) or event)

    return scenario


def _as_records_of_another_name(smn: dict[str, Any]) -> dict[str, Any]:
    return {"record": [{"SMN": smn}]}


def _too_large(smn: dict[str, Any]) -> None:
    smn["message"] = smn["message"].replace("{", '{"sms_content":"' + "x" * 300_000 + '",', 1)


CALLS: dict[str, tuple[Scenario, str | None]] = {
    "too many restarts today": (_restarts(3), "restart_limit"),
    "the restart that answered the alarm failed": (
        _answered(began=10 * MINUTE, status="FAILED"),
        "already_answered",
    ),
    "that restart is over for long": (_answered(began=30 * MINUTE), "already_answered"),
    "a storm": (_storm, "storm"),
    "a permission is missing": (_with(vendor_error(403, "DMS.00403003"), "action"), "permission"),
    "the cloud refuses": (_with(vendor_error(400, "DMS.00400064"), "action"), "refused"),
    "the right to read is missing": (
        _with(vendor_error(403, "DMS.00403003"), "list"),
        "state_unreadable",
    ),
    "it may have been done": (_unclear, "unclear"),
    "an alarm of an instance that is gone": (lambda it: it.alert(PAYMENTS), "not_found"),
    "an alarm of an instance in another status": (_of_status("FROZEN", alarm=True), "status"),
    "the alarm is over, the instance is down": (_ended("ERROR"), "not_recovered"),
    "the time of an alarm's message is odd": (
        _trigger(lambda smn: smn.update(timestamp="2026-01-05 03:00:00")),
        "schema",
    ),
    "an alarm is no text": (
        _trigger(lambda smn: smn.update(message=json.loads(smn["message"]))),
        "schema",
    ),
    "an alarm is JSON in JSON": (
        _trigger(lambda smn: smn.update(message=json.dumps(smn["message"]))),
        "schema",
    ),
    "an alarm is too large": (_trigger(_too_large), "too_large"),
    "an alarm has an unknown envelope": (_trigger(_as_records_of_another_name), "schema"),
    "an alarm has no envelope": (_trigger(lambda smn: json.loads(smn["message"])), "schema"),
    "a check fails": (_asked("check", vendor_error(403, "DMS.00403003")), None),
    "a verify cannot read": (
        _asked("verify", vendor_error(403, "DMS.00403003")),
        "state_unreadable",
    ),
}
CALLS_NOBODY: dict[str, tuple[Scenario, str | None]] = {
    "a trigger brings what nothing reads": (_trigger(lambda _: {"lts": {"data": ""}}), "schema"),
    "another text has an odd time": (
        _trigger(
            lambda smn: smn.update(message="Maintenance at noon.", timestamp="noon", subject="")
        ),
        "schema",
    ),
    "it acts": (lambda it: it.alert(ORDERS), None),
    "one restart less": (_restarts(2), None),
    "a restart that has just answered": (_answered(began=5 * MINUTE), "already_answered"),
    "too soon": (_lately, "cooldown"),
    "the cloud throttles": (_with(throttled(), "action"), "throttled"),
    "the cloud is busy": (_with(vendor_error(400, "DMS.00400026"), "action"), "busy"),
    "the cloud is unavailable": (
        _with(vendor_error(503, "APIGW.0201"), "list"),
        "state_unreadable",
    ),
    "a request for an instance that is gone": (lambda it: it.restart(PAYMENTS), "not_found"),
    "a request in another status": (_of_status("FROZEN", alarm=False), "status"),
    "it restarts": (_of_status("RESTARTING", alarm=True), "already_restarting"),
    "it recovered": (_ended("RUNNING"), "recovered"),
    "a verify finds a stopped instance without a restart": (_asked("verify"), "status"),
    "a message of yesterday": (
        lambda it: it.ces_alarm(sent=NOW - DAY, raised=NOW - DAY),
        "stale",
    ),
}


def check(
    remediator: Remediator, scenario: Scenario, reason: str | None, *, needs_human: bool
) -> None:
    result = scenario(remediator)

    reasons = {result.data["reason"], *result.reasons.values()}
    assert reason in reasons
    assert result.data["needs_human"] is needs_human
    assert ("needshuman" in result.event) is needs_human


@pytest.mark.parametrize("name", CALLS)
def test_this_result_calls_a_person(remediator: Remediator, name: str) -> None:
    check(remediator, *CALLS[name], needs_human=True)


@pytest.mark.parametrize("name", CALLS_NOBODY)
def test_this_result_calls_no_person(remediator: Remediator, name: str) -> None:
    check(remediator, *CALLS_NOBODY[name], needs_human=False)

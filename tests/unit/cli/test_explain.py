"""The command `explain`: its text, its JSON, its exit status."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from function.cli import _explain
from function.cli._explain import Options
from function.cli._explanation import Explanation
from function.cli._files import UsageError
from function.lib import schemas
from function.lib.timestamps import text
from function.model.errors import SettingsInvalid
from tests.factories import AUDIT, DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS
from tests.harness import alerts, ces_alarm
from tests.signed_requests import smn
from tests.unit.cli.explained import AT, REQUEST, explained, row, tagged

SCHEMAS = schemas.load()


def restarted(ago: timedelta, took: timedelta = 10 * MINUTE, **fields: Any) -> dict[str, Any]:
    """Return a restart as GET /instances/{id}/tasks answers."""
    begun = {"created_at": text(NOW - ago), "updated_at": text(NOW - ago + took)}
    return {"id": str(ago), "name": "kafkaRestart", "status": "SUCCESS", **begun, **fields}


def deciding(explanation: Explanation) -> tuple[str, str]:
    """Return the rule that decides the only instance, and why; every rule before said no."""
    (instance,) = explanation.instances
    *before, last = instance.rules
    assert last.applies
    assert not any(rule.applies for rule in before)
    assert last.rule == (instance.reason or explanation.reason)
    return last.rule, last.why


def test_without_a_state_file_the_instance_is_assumed_running() -> None:
    explanation = explained(alerts())

    assert any("running Kafka instance" in sentence for sentence in explanation.assumptions)
    assert [rule.rule for rule in explanation.instances[0].rules][-3:] == [
        "storm",
        "observed",
        "dry_run",
    ]


@pytest.mark.parametrize(
    ("live", "tasks", "settings", "rule", "why"),
    [
        (row(AUDIT), [], {}, "not_found", "no such instance"),
        (row(engine="rabbitmq"), [], {}, "not_kafka", "rabbitmq"),
        (row(tags=tagged("off")), [], {}, "opted_out", "mode off, by its tag"),
        (row(tags=tagged("?")), [], {}, "opted_out", "not one of act, observe and off"),
        (row(), [], {"DEFAULT_MODE": "off"}, "opted_out", "by DEFAULT_MODE"),
        (row(status="RESTARTING"), [], {}, "already_restarting", "RESTARTING"),
        (row(status="UPGRADING"), [], {}, "status", "UPGRADING is not in RESTART_STATUSES"),
        (row(), [restarted(5 * MINUTE)], {}, "already_answered", "the alarm was raised at"),
        (row(), [restarted(HOUR / 2)], {}, "cooldown", "less than COOLDOWN_SECONDS (3600) ago"),
        (row(), [restarted(n * HOUR) for n in (2, 3, 4)], {}, "restart_limit", "3 restarts"),
        (row(tags=tagged("observe")), [], {}, "observed", "left out of the call"),
        (row(tags="odd"), [], {}, "state_unreadable", "odd tags"),
        (row(), [], {"BLOCKED_INSTANCES": ORDERS}, "not_allowed", "in BLOCKED_INSTANCES"),
        (row(), [], {"ALLOWED_INSTANCES": AUDIT}, "not_allowed", "not in ALLOWED_INSTANCES"),
        (row(), [], {"ENABLED_ACTIONS": "delete"}, "action_disabled", "not in ENABLED_ACTIONS"),
        (row(), [restarted(2 * HOUR)], {}, "dry_run", "DRY_RUN=false"),
    ],
)
def test_alarm_explanation_names_the_deciding_rule_and_its_facts(
    live: dict[str, Any], tasks: list[Any], settings: dict[str, str], rule: str, why: str
) -> None:
    explanation = explained(
        alerts(raised=NOW - 5 * MINUTE if rule == "already_answered" else NOW),
        live,
        tasks={ORDERS: tasks},
        **settings,
    )

    assert deciding(explanation)[0] == rule
    assert why in deciding(explanation)[1]


@pytest.mark.parametrize(
    ("payload", "rule", "why"),
    [
        (ces_alarm(alarm_status="ok"), "not_firing", "the alarm is not firing"),
        (ces_alarm(metric_name="disk"), "not_mapped", "the metric disk is not in ALARM_METRICS"),
        (ces_alarm(namespace="SYS.ECS"), "not_mapped", "no Kafka instance of DMS"),
        (ces_alarm(sent=NOW - DAY), "stale", "--at explains it at another time"),
        (ces_alarm(raised=NOW - 31 * DAY), "stale", "raised at 2025-12-05T03:00:00Z, more than 30"),
        (ces_alarm(sent=NOW + HOUR), "from_the_future", "more than 5 minutes ahead"),
    ],
)
def test_alarm_without_a_restart_label_is_explained(payload: Any, rule: str, why: str) -> None:
    explanation = explained(payload, FOLLOW_UP="false")

    assert explanation.outcome == "skipped"
    assert deciding(explanation)[0] == rule
    assert why in deciding(explanation)[1]


def test_test_messages_and_other_labels_are_explained() -> None:
    alert = alerts()["alerts"][0]
    test = {**alert, "labels": {**alert["labels"], "alertname": "TestAlert", "instance": "Grafana"}}
    unlabelled = {**alert, "labels": {"kafka_instance_id": ORDERS, "alertname": "a"}}

    assert deciding(explained({"version": "1", "alerts": [test]}))[0] == "test_event"
    rule, why = deciding(explained({"version": "4", "alerts": [unlabelled]}))
    assert rule == "not_mapped"
    assert 'its labels ask for no restart: that takes remediation="restart"' in why


def test_disabled_rules_are_marked_and_alarm_rules_skip_requests() -> None:
    off = {"COOLDOWN_SECONDS": "0", "MAX_RESTARTS_PER_DAY": "0", "MAX_RESTARTING": "0"}
    alarm = explained(alerts(raised=NOW), row(), **off).instances[0]
    request = explained(REQUEST, row()).instances[0]

    switched_off = {rule.rule for rule in alarm.rules if "switches this off" in rule.why}
    assert switched_off == {"cooldown", "restart_limit", "storm"}
    as_request = {rule.rule for rule in request.rules if "this is a request" in rule.why}
    assert as_request == {"not_firing", "already_answered", "storm"}


def test_request_in_time_is_explained_with_its_send_time() -> None:
    rules = {rule.rule: rule for rule in explained({**REQUEST, "time": AT}).instances[0].rules}

    assert "not more than MAX_EVENT_AGE_SECONDS (3600) ago" in rules["stale"].why
    assert "not more than 5 minutes ahead" in rules["from_the_future"].why


def test_storm_limit_is_explained_for_every_instance() -> None:
    explanation = explained(
        alerts(ORDERS, PAYMENTS), row(), row(PAYMENTS), row(AUDIT, "RESTARTING"), MAX_RESTARTING="2"
    )

    assert (explanation.outcome, explanation.reason) == ("skipped", "storm")
    for instance in explanation.instances:
        assert instance.rules[-1].rule == "storm"
        assert instance.rules[-1].why.startswith("more than MAX_RESTARTING (2)")


def test_too_many_instances_are_rejected_for_each_of_them() -> None:
    explanation = explained(alerts(ORDERS, PAYMENTS), MAX_INSTANCES="1")

    assert (explanation.outcome, explanation.reason) == ("rejected", "too_many")
    assert [instance.id for instance in explanation.instances] == [ORDERS, PAYMENTS]
    assert {instance.rules[-1].why for instance in explanation.instances} == {
        "the event names 2: more than MAX_INSTANCES (1)"
    }


def test_disallowed_action_is_named_in_the_rejection() -> None:
    deletion = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}
    explanation = explained(deletion, source="schedule")

    assert (explanation.outcome, explanation.reason) == ("rejected", "action_not_for_source")
    assert explanation.instances[0].rules[-1].rule == "action_not_for_source"
    assert "may not ask for delete" in explanation.instances[0].rules[-1].why


@pytest.mark.parametrize(
    ("payload", "source", "path", "rule"),
    [
        ({"version": "4", "alerts": {}}, "alertmanager", "$.alerts", "type"),
        ({"action": "restart"}, "direct", "$", "required"),
        (b"{", None, "$", "json"),
        ([], None, "$", None),
    ],
)
def test_schema_violation_shows_path_and_rule(
    payload: Any, source: str | None, path: str, rule: str | None
) -> None:
    explanation = explained(payload)

    assert explanation.outcome == "rejected"
    assert explanation.schema is not None
    assert (explanation.source or None) == source
    assert str(explanation.schema["path"]).startswith(path)
    assert rule in {None, explanation.schema["rule"]}
    assert explanation.schema["problem"]


def test_a_purge_is_explained_with_what_it_would_remove() -> None:
    explanation = explained({"action": "purge_failed"}, row(AUDIT, "CREATEFAILED"))

    assert explanation.request == {"action": "delete", "all_failure": "kafka"}
    assert [(instance.id, instance.outcome) for instance in explanation.instances] == [
        (AUDIT, "dry_run")
    ]


def test_smn_message_is_explained_by_its_payload() -> None:
    explanation = explained(smn(timestamp=AT))

    assert (explanation.source, explanation.outcome) == ("ces_alarm", "dry_run")


def test_a_message_of_smn_about_the_subscription_is_explained_without_its_link() -> None:
    link = "https://smn.example/confirm?token=x"
    notice = smn(type="SubscriptionConfirmation", subscribe_url=link, subject=None)
    explanation = explained({key: value for key, value in notice.items() if value is not None})

    assert (explanation.outcome, explanation.reason) == ("skipped", "subscription_confirmation")
    assert link not in str(explanation)


def test_a_message_of_smn_with_a_broken_envelope_says_where() -> None:
    broken = {key: value for key, value in smn().items() if key != "message_id"}
    explanation = explained(broken)

    assert (explanation.source, explanation.reason) == ("smn", "schema")
    assert explanation.schema is not None
    assert "message_id" in str(explanation.schema["problem"])


def test_a_trigger_with_a_broken_envelope_says_where() -> None:
    broken = ces_alarm()
    del broken["record"][0]["smn"]["message"]

    explanation = explained(broken)

    assert (explanation.source, explanation.reason) == ("smn", "schema")
    assert explanation.schema is not None
    assert "message" in str(explanation.schema["problem"])


def test_a_payload_that_is_too_large_is_rejected_without_being_read() -> None:
    explanation = explained(b'{"action": "' + b"x" * 300_000 + b'"}', source="direct")

    assert (explanation.outcome, explanation.reason) == ("rejected", "too_large")
    assert explanation.message == "Rejected: the body is larger than 256 KiB."


def test_our_own_result_is_no_event() -> None:
    (result,) = SCHEMAS.schema("result")["examples"][:1]

    explanation = explained(result)

    assert (explanation.outcome, explanation.reason) == ("skipped", None)
    assert "not an event" in explanation.message


def test_check_request_is_explained_without_running_it() -> None:
    explanation = explained({"action": "check"})

    assert (explanation.source, explanation.outcome) == ("direct", "dry_run")
    assert "python -m function check" in explanation.message


def test_each_record_gets_its_own_explanation() -> None:
    records = [ces_alarm()["record"][0], ces_alarm(alarm_status="ok")["record"][0]]
    body = json.dumps({"record": records}).encode()

    both = _explain.explanations(body, Options(at=AT), {})

    assert [one.outcome for one in both] == ["dry_run", "skipped"]


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (7, "state_unreadable"),
        ({}, "state_unreadable"),
        ({"id": "1", "name": "restart", "created_at": ["x"]}, "state_unreadable"),
        ({"id": "1", "created_at": ["x"]}, "dry_run"),
    ],
)
def test_an_odd_task_of_a_state_is_read_as_one_of_the_cloud(task: Any, reason: str) -> None:
    assert explained(REQUEST, row(), tasks={ORDERS: [task]}).reason == reason


def test_a_gateway_event_for_another_path_is_named() -> None:
    with pytest.raises(UsageError, match=r"no route$"):
        explained({"httpMethod": "POST", "path": "/elsewhere", "body": ""})
    with pytest.raises(UsageError, match=r"no route; did you mean /smn\?$"):
        explained({"httpMethod": "POST", "path": "/prod/smn", "body": ""})
    with pytest.raises(UsageError, match="is no POST"):
        explained({"httpMethod": "GET", "path": "/", "body": ""})


def test_a_payload_like_no_source_is_explained_with_the_option_that_names_one() -> None:
    explanation = explained({"trigger": "Kafka down", "severity": "high"})

    assert explanation.source is None
    assert explanation.assumptions[0].startswith("It is like no source; --source takes it for one")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"status": "resolved"}, "it has ended"),
        ({"annotations": {"grafana_state_reason": "NoData"}}, "missing data"),
    ],
)
def test_an_alarm_that_does_not_fire_is_explained(fields: dict[str, Any], why: str) -> None:
    group = alerts(raised=NOW)
    group["alerts"][0].update(fields)
    (instance,) = explained(group).instances

    assert why in instance.rules[0].why


def test_invalid_limit_is_named_and_set_limits_are_listed() -> None:
    with pytest.raises(SettingsInvalid, match="MAX_INSTANCES"):
        explained(REQUEST, MAX_INSTANCES="many")

    assumptions = explained(
        REQUEST, MAX_INSTANCES="2", LEDGER_URL="redis://127.0.0.1:9"
    ).assumptions
    assert any("MAX_INSTANCES" in sentence for sentence in assumptions)
    assert not any("LEDGER_URL" in sentence for sentence in assumptions)

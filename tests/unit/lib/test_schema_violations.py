"""Violations: a broken rule is reported with its path, without quoting the document."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from function.lib import schemas

SCHEMAS = schemas.load()
FOLDERS = ("events", "envelopes", "requests")
NAMES = [f"{folder}/{name}" for folder in FOLDERS for name in SCHEMAS.names(folder)] + ["result"]
A, B = "54602a9d-5e22-4239-9123-77e350df4a34", "7166cdea-dbad-4d79-9610-7163e6f8b640"
CANARY = "canary8f1d"
TEXT_OF_SMN = {"message": "text"}


def changed(name: str, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {**SCHEMAS.schema(name)["examples"][0], **changes}
    return document


def restart(*instances: str, **more: Any) -> dict[str, Any]:
    return {"action": "restart", "instances": list(instances), **more}


def purge(**more: Any) -> dict[str, Any]:
    return {"action": "purge_failed", **more}


def telling(name: str, document: object) -> str:
    """Return the text of the violation, or an empty text."""
    try:
        SCHEMAS.check(name, document)
    except schemas.Violation as broken:
        return f"{broken!r} {broken.path} {broken.rule} {broken.problem} {broken.__context__}"
    return ""


BROKEN: dict[str, list[tuple[Any, str, str]]] = {
    "events/direct": [
        ([], "$", "type"),
        ({}, "$", "required"),
        ({"action": "reboot"}, "$.action", "enum"),
        ({"action": "restart"}, "$", "required"),
        (restart(), "$.instances", "minItems"),
        (restart(*[A] * 51), "$.instances", "maxItems"),
        (restart("*"), "$.instances[0]", "pattern"),
        (restart(A, A + "\n"), "$.instances[1]", "maxLength"),
        (restart(A[:-1] + "\n"), "$.instances[0]", "pattern"),
        (restart(A[:-1] + "\u0663"), "$.instances[0]", "pattern"),
        (restart(A, confirm=[A]), "$.confirm", "not"),
        (purge(instances=[A]), "$.instances", "not"),
        ({"action": "delete", "instances": [A]}, "$", "required"),
        (purge(force=True), "$", "additionalProperties"),
        (purge(time="noon"), "$.time", "format"),
        (purge(id=""), "$.id", "minLength"),
        (purge(id="x" * 257), "$.id", "maxLength"),
        (purge(reason="x" * 201), "$.reason", "maxLength"),
    ],
    "events/schedule": [({"action": "reboot"}, "$.action", "enum")],
    "events/topic_request": [({}, "$", "required")],
    "events/cloudevents": [
        (changed("events/cloudevents", type="com.example"), "$.type", "enum"),
        (changed("events/cloudevents", id=""), "$.id", "minLength"),
        (changed("events/cloudevents", data={}), "$.data", "required"),
        (changed("events/cloudevents", data_base64="e30="), "$.data_base64", "not"),
        (changed("events/cloudevents", Tenant="x"), "$.*", "not"),
        (changed("events/cloudevents", **{"a\n": "x"}), "$.*", "not"),
        (changed("events/cloudevents", tenant=[]), "$.*", "type"),
    ],
    "events/timer": [
        (changed("events/timer", trigger_type="CTS"), "$.trigger_type", "const"),
        (changed("events/timer", user_event={}), "$.user_event", "type"),
        (changed("events/timer", user_event="{'a':1}"), "$.user_event", "contentMediaType"),
        (
            changed("events/timer", user_event=json.dumps(restart())),
            "$.user_event.instances",
            "minItems",
        ),
    ],
    "events/alertmanager": [
        (changed("events/grafana"), "$.version", "not"),
        ({"version": "4"}, "$", "required"),
        ({"version": "4", "alerts": [{}] * 1001}, "$.alerts", "maxItems"),
        ({"version": "4", "alerts": {}}, "$.alerts", "type"),
    ],
    "events/grafana": [(changed("events/alertmanager"), "$.version", "not")],
    "events/ces_alarm": [
        ({}, "$", "required"),
        ({"alarm_status": None}, "$.alarm_status", "type"),
        ({"version": "v1", "data": []}, "$.data", "type"),
        ({"version": "v1", "data": {"MetricName": "Broker Alive"}}, "$.data", "required"),
        ({"version": "v1", "data": {"IsAlarm": None}}, "$.data.IsAlarm", "enum"),
    ],
    "envelopes/smn": [
        (changed("envelopes/smn", type="Alarm"), "$.type", "enum"),
        (changed("envelopes/smn", type="SubscriptionConfirmation"), "$", "required"),
    ],
    "envelopes/functiongraph_smn": [
        ({}, "$", "required"),
        ({"record": []}, "$.record", "minItems"),
        ({"record": [{"event_source": "cts", "smn": {}}]}, "$.record[0].event_source", "const"),
        ({"record": [{"smn": TEXT_OF_SMN}], "records": [{"smn": TEXT_OF_SMN}]}, "$.record", "not"),
    ],
    "envelopes/sns": [({"Records": [{"EventSource": "aws:s3"}]}, "$.Records[0]", "required")],
    "requests/restart": [
        (restart(), "$.instances", "minItems"),
        (restart(A, A), "$.instances", "uniqueItems"),
        (restart(A.upper()), "$.instances[0]", "pattern"),
        (restart(A, all_failure="kafka"), "$", "additionalProperties"),
    ],
    "requests/delete": [
        ({"action": "delete", "all_failure": "kafka"}, "$", "required"),
        (restart(B), "$.action", "const"),
        (
            {"action": "delete", "instances": [B], "force_delete": True},
            "$",
            "additionalProperties",
        ),
    ],
    "requests/purge_failed": [
        ({"action": "delete"}, "$", "required"),
        ({"action": "restart", "all_failure": "kafka"}, "$.action", "const"),
    ],
}


@pytest.mark.parametrize(
    ("name", "document", "path", "rule"),
    [(name, *case) for name, cases in BROKEN.items() for case in cases],
)
def test_a_violation_names_path_and_rule(name: str, document: Any, path: str, rule: str) -> None:
    with pytest.raises(schemas.Violation) as caught:
        SCHEMAS.check(name, document)

    broken = caught.value
    assert (broken.path, broken.rule) == (path, rule)
    assert broken.problem.startswith(f"{path} breaks the rule {rule}")
    assert broken.problem.endswith(f": see schemas/{name}.json")


@pytest.mark.parametrize(
    ("name", "document", "detail"),
    [
        ("events/direct", {"action": "delete", "instances": [A]}, "required (confirm)"),
        ("events/direct", restart(*[A] * 51), "maxItems (50)"),
        ("events/direct", purge(confirm=[A]), "not (it must be absent)"),
        (
            "events/direct",
            purge(x=1),
            "(known are action, confirm, id, instances, probe, reason, time)",
        ),
        ("events/direct", purge(labels=1), "(known are action, confirm, id,"),
        (
            "events/direct",
            {"action": "restart", "Instances": [A]},
            "(`Instances` is not known; did you mean `instances`?)",
        ),
        ("events/direct", purge(instanceIds=[A]), "did you mean `instances`?"),
        (
            "events/cloudevents",
            changed("events/cloudevents", data=purge(subject="x")),
            "belong here",
        ),
        (
            "events/direct",
            {"Action": "restart", "instances": [A]},
            "required (action; `Action` is not known, did you mean `action`?)",
        ),
        ("events/direct", restart("orders"), "pattern (an instance id, a UUID)"),
        ("events/direct", restart(A + "0"), "maxLength (an instance id, a UUID)"),
        ("events/direct", purge(id="x" * 257), "maxLength (256)"),
        ("events/direct", purge(time="noon"), "such as 2026-01-05T02:15:00Z"),
        (
            "events/timer",
            changed("events/timer", user_event="no JSON"),
            "contentMediaType (the text is not well-formed JSON at line 1, column 1)",
        ),
    ],
)
def test_a_violation_says_what_would_be_right(name: str, document: Any, detail: str) -> None:
    assert detail in telling(name, document)


def test_unusual_keys_are_never_named() -> None:
    for key in ("instances\n", "instances ", "instances" * 5, "`instances`", "7instances"):
        assert key not in telling("events/direct", purge(**{key: 1}))


def test_a_document_of_many_unknown_keys_is_compared_only_in_part() -> None:
    many = {f"instance{number}": 1 for number in range(21, 60_000)}

    assert "`instance21` is not known" in telling("events/direct", purge(**many))
    far = {f"zz{number}": 1 for number in range(60_000)}
    assert "known are" in telling("events/direct", purge(**far, Instances=[A]))


words = st.sampled_from([CANARY, "action", "instances", "alerts", "labels", "status", "data"])
leaves = st.sampled_from([CANARY, A, None, True, 7, "restart", "purge_failed"])
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(NAMES), values, st.booleans())
@example("events/alertmanager", {"alerts": [{"status": "", "labels": {CANARY: 1}}]}, True)
@example("events/cloudevents", {CANARY: {}}, True)
@example("events/timer", {"user_event": CANARY}, True)
def test_a_violation_never_quotes_the_document(name: str, value: Any, merged: bool) -> None:
    document = changed(name, **value) if merged and isinstance(value, dict) else value

    assert CANARY not in telling(name, document)


@given(values)
@example({"action": "purge_failed"})
@example({"action": "restart", "instances": [A]})
def test_a_timer_is_as_strict_as_a_direct_request(value: Any) -> None:
    timer = changed("events/timer", user_event=json.dumps(value))

    assert bool(telling("events/timer", timer)) == bool(telling("events/direct", value))

"""Validation: strict JSON, then the schema of the source that a payload belongs to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from function.intake import validate
from function.lib import schemas
from function.model.errors import EventRejected, InvalidJson, OwnResultEvent, SchemaViolated
from function.model.event import Document, UnwrappedEvent
from tests.signed_requests import RESTART, alarm, alarm_template

SCHEMAS = schemas.load()
EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "data": RESTART}
OURS = "dev.kafka-remediator.result.v1"
NOT_STRICT = {
    "a key twice": b'{"action":"restart","action":"delete"}',
    "NaN": b'{"action":NaN}',
    "an infinity": b'{"action":1e999}',
    "UTF-16": '{"action":"purge_failed"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"action":"purge_failed"}',
    "a lone surrogate": b'{"action":"\\ud800"}',
    "33 levels": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "a huge number": b'{"action":' + b"9" * 5000 + b"}",
    "too many bytes": b'{"action":"' + b"x" * 262144 + b'"}',
    "not even JSON": b"action=restart",
    "nothing": b"",
}


def topic(payload: Any, **fields: Any) -> Document:
    """Validate the message of a topic."""
    return accepted(payload, None, is_topic_message=True, **fields)


def accepted(payload: Any, source: str | None = "direct", **fields: Any) -> Document:
    text = payload if isinstance(payload, bytes | str) else json.dumps(payload)
    return validate.validate(UnwrappedEvent(source, text, (), **fields), SCHEMAS)


def test_a_payload_that_its_schema_accepts_is_a_document() -> None:
    assert accepted(RESTART) == Document("direct", RESTART)


@pytest.mark.parametrize("body", NOT_STRICT.values(), ids=NOT_STRICT)
def test_invalid_json_is_rejected_without_a_quotation(body: bytes) -> None:
    with pytest.raises(InvalidJson) as refusal:
        accepted(body)

    assert refusal.value.reason == "invalid_json"
    assert len(str(refusal.value)) < 100


def test_a_text_that_holds_json_is_said_to_be_encoded_twice() -> None:
    with pytest.raises(SchemaViolated, match="JSON that was encoded twice"):
        accepted(json.dumps(json.dumps(RESTART)))


def test_a_plain_text_on_a_topic_is_rejected_with_what_a_topic_brings() -> None:
    with pytest.raises(InvalidJson, match="a topic brings alarms of Cloud Eye"):
        topic("The broker is down.")


@pytest.mark.parametrize("document", [{}, [], None, True, 7, {"action": "rm -rf"}])
def test_schema_violation_is_rejected_without_a_quotation(document: object) -> None:
    with pytest.raises(SchemaViolated) as refusal:
        accepted(document)

    assert "schemas/events/direct.json" in str(refusal.value)
    assert "rm -rf" not in str(refusal.value)


def test_a_topic_carries_alarms_of_both_forms_and_requests() -> None:
    assert topic(alarm()).source == "ces_alarm"
    assert topic(alarm_template()).source == "ces_alarm"
    assert topic(RESTART).source == "topic_request"


@pytest.mark.parametrize("message", ["[]", "7", '"restart"', "null", "{}", '{"data":{}}'])
def test_any_other_message_of_a_topic_is_rejected_as_an_alarm(message: str) -> None:
    with pytest.raises(SchemaViolated, match=r"schemas/events/ces_alarm\.json") as refusal:
        topic(message)

    assert "; a topic brings alarms of Cloud Eye and request documents" in str(refusal.value)
    assert not refusal.value.needs_human


UNREADABLE_ALARMS = {
    "without IsAlarm": alarm_template(IsAlarm=None),
    "IsAlarm of another type": alarm_template(IsAlarm=2),
    "a template of version 2": '{"version":"v2","data":{"AlarmRecordID":"ah1","Status":"alarm"}}',
    "without a status": '{"alarm_id":"al1","metric_name":"broker_alive"}',
    "a numeric status": alarm(alarm_status=1),
    "only its type": '{"message_type":"alarm"}',
    "a key twice": '{"alarm_status":"alarm","alarm_status":"ok"}',
    "cut off": alarm()[:-20],
    "text for people": "[eu-de][Critical Alarm]Dear example: the broker is down.",
    "a restart beside it": '{"action":"restart","alarm_status":"alarm"}',
}


@pytest.mark.parametrize("message", UNREADABLE_ALARMS.values(), ids=UNREADABLE_ALARMS)
def test_an_alarm_on_a_topic_that_cannot_be_read_calls_a_person(message: str) -> None:
    with pytest.raises(EventRejected) as refusal:
        topic(message)

    assert refusal.value.needs_human


def test_the_subject_of_cloud_eye_marks_a_text_as_an_alarm() -> None:
    with pytest.raises(InvalidJson) as refusal:
        topic("The broker is down.", name="[Critical Alarm]From Cloud Eye: Broker Alive")

    assert refusal.value.needs_human


@pytest.mark.parametrize(
    "message",
    ["The maintenance window starts at noon.", '{"hello":"world"}', '{"action":"reboot"}', "[7]"],
)
def test_other_messages_on_a_topic_call_no_person(message: str) -> None:
    with pytest.raises(EventRejected) as refusal:
        topic(message, name="Maintenance")

    assert not refusal.value.needs_human


def test_an_unreadable_alarm_calls_a_person_only_from_a_topic() -> None:
    with pytest.raises(SchemaViolated, match="an alarm of Cloud Eye, which belongs in") as refusal:
        accepted(alarm(), "direct")

    assert not refusal.value.needs_human


def test_event_of_another_service_gets_a_hint() -> None:
    with pytest.raises(SchemaViolated, match="messages of SMN and SNS, timers, CloudEvents"):
        accepted({"Records": [{"eventSource": "aws:s3"}]}, None)


GROUP = {"version": "4", "alerts": "none"}
MISDIRECTED: dict[str, tuple[Any, str | None, str]] = {
    "Grafana on Alertmanager's route": (
        {"version": "1", "orgId": 1, "alerts": []},
        "alertmanager",
        "alerts of Grafana, which belong on POST /grafana",
    ),
    "Alertmanager on Grafana's route": (
        {"version": "4", "alerts": []},
        "grafana",
        "alerts of Alertmanager, which belong on POST /alertmanager",
    ),
    "alerts for /direct": (
        {"version": "4", "alerts": []},
        "direct",
        "alerts of Alertmanager, which belong on POST /alertmanager",
    ),
    "alerts for a trigger": (
        {"version": "4", "alerts": []},
        None,
        "alerts of Alertmanager, which belong on POST /alertmanager",
    ),
    "SMN for a trigger": (
        {"topic_urn": "urn", "message": "{}"},
        None,
        "a message of SMN, which belongs on POST /smn",
    ),
    "SNS for a trigger": ({"TopicArn": "arn", "Message": "{}"}, None, "a bare message of SNS"),
    "a CloudEvent for /direct": (EVENT, "direct", "a CloudEvent, which belongs on POST /"),
    "a request for /alertmanager": (
        RESTART,
        "alertmanager",
        "a request document, which belongs on POST /direct",
    ),
}


@pytest.mark.parametrize(("value", "source", "words"), MISDIRECTED.values(), ids=MISDIRECTED)
def test_document_sent_to_a_wrong_route_is_recognized(
    value: Any, source: str | None, words: str
) -> None:
    with pytest.raises(SchemaViolated) as refusal:
        accepted(value, source)

    assert str(refusal.value).endswith(f"; it looks like {words}")


def test_alerts_in_a_topic_are_recognized_and_call_no_person() -> None:
    with pytest.raises(SchemaViolated, match="alerts of Alertmanager") as refusal:
        topic({"version": "4", "alerts": []})

    assert not refusal.value.needs_human


def test_a_broken_document_on_its_own_route_is_not_taken_for_another() -> None:
    for value, source in ((GROUP, "alertmanager"), ({"action": "reboot"}, "schedule")):
        with pytest.raises(SchemaViolated) as refusal:
            accepted(value, source)
        assert "looks like" not in str(refusal.value)


def test_attributes_and_data_of_a_binary_event_make_one_document() -> None:
    kind = "dev.knative.sources.ping"
    attributes = {**EVENT, "type": kind, "data": "of a header", "sampledrate": "7", "x": "%41"}

    document = accepted(RESTART, "cloudevents", attributes=attributes)

    own = {"type": kind, "data": RESTART, "sampledrate": "7", "x": "A"}
    assert document.value == {**EVENT, **own}


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_a_cloudevent_without_a_required_attribute_is_rejected(missing: str) -> None:
    event = {**EVENT, "type": "dev.knative.sources.ping"}
    kept = {name: value for name, value in event.items() if name != missing}

    assert accepted(event, "cloudevents").value == event
    with pytest.raises(SchemaViolated, match=missing):
        accepted(kept, "cloudevents")
    attributes = {name: value for name, value in kept.items() if name != "data"}
    with pytest.raises(SchemaViolated, match=missing):
        accepted(RESTART, "cloudevents", attributes=attributes)


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"source": ""},
        {"time": "today"},
        {"time": ""},
        {"time": 0},
        {"type": None},
        {"Upper": "case"},
        {"with-dash": "x"},
        {"data_base64": "e30="},
        {"data_base64": 7},
        {"data": None},
        {"extension": {"nested": 1}},
    ],
    ids=str,
)
def test_a_cloudevent_that_is_not_one_of_ours_is_rejected(change: dict[str, Any]) -> None:
    event = {**EVENT, "type": "dev.knative.sources.ping", **change}

    with pytest.raises(SchemaViolated, match=r"schemas/events/cloudevents\.json"):
        accepted(event, "cloudevents")


def test_a_null_attribute_is_unset() -> None:
    event = {**EVENT, "type": "dev.knative.sources.ping"}

    document = accepted({**event, "time": None, "subject": None, "extension": None}, "cloudevents")

    assert document.value == event


def test_a_result_of_ours_that_comes_back_is_no_event() -> None:
    with pytest.raises(OwnResultEvent):
        accepted({**EVENT, "type": OURS}, "cloudevents")
    attributes = {"specversion": "1.0", "id": "1", "source": "/test", "type": OURS}
    with pytest.raises(OwnResultEvent):
        accepted({"outcome": "accepted"}, "cloudevents", attributes=attributes)


def test_a_cloudevent_of_another_type_is_named_as_one_without_a_quotation() -> None:
    with pytest.raises(SchemaViolated, match="a CloudEvent of another type than dev") as refusal:
        accepted({**EVENT, "type": "com.example.other"}, "cloudevents")

    assert "example" not in str(refusal.value)


def test_data_in_base64_is_the_same_data() -> None:
    encoded = base64.b64encode(json.dumps(RESTART).encode()).decode()
    event = {**EVENT, "type": "dev.knative.sources.ping"}
    binary = {name: value for name, value in event.items() if name != "data"}

    assert accepted({**binary, "data_base64": encoded}, "cloudevents").value == event


def test_data_that_is_null_is_not_looked_for_in_base64() -> None:
    encoded = base64.b64encode(json.dumps(RESTART).encode()).decode()
    event = {**EVENT, "type": "dev.knative.sources.ping", "data": None, "data_base64": encoded}

    with pytest.raises(SchemaViolated, match=r"schemas/events/cloudevents\.json"):
        accepted(event, "cloudevents")


@pytest.mark.parametrize("data", ["", "!", "e30", base64.b64encode(b"{").decode(), "e30=\n"])
def test_data_in_broken_base64_or_of_broken_json_is_rejected(data: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/test", "data_base64": data}

    with pytest.raises(SchemaViolated, match="not Base64 of JSON"):
        accepted({**event, "type": "dev.knative.sources.ping"}, "cloudevents")


@pytest.mark.parametrize("source", ["direct", "alertmanager", None])
def test_a_result_of_ours_is_no_event_of_any_other_source(source: str | None) -> None:
    with pytest.raises(OwnResultEvent):
        accepted({**EVENT, "type": OURS}, source)


def test_only_a_cloudevent_is_a_result_of_ours() -> None:
    with pytest.raises(SchemaViolated):
        accepted({"type": OURS}, "direct")
    with pytest.raises(SchemaViolated):
        accepted([OURS], "cloudevents")

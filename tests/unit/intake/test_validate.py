"""Validation: strict JSON, then the schema of the source that a payload belongs to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from function.intake import validate
from function.lib import schemas
from function.model.errors import InvalidJson, OwnResultEvent, SchemaViolated
from function.model.event import Document, UnwrappedEvent
from tests.signed_requests import RESTART, alarm

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


def accepted(payload: Any, source: str | None = "direct", **fields: Any) -> Document:
    text = payload if isinstance(payload, bytes | str) else json.dumps(payload)
    return validate.validate(UnwrappedEvent(source, text, (), **fields), SCHEMAS)


def test_a_payload_that_its_schema_accepts_is_a_document() -> None:
    assert accepted(RESTART) == Document("direct", RESTART)


@pytest.mark.parametrize("body", NOT_STRICT.values(), ids=NOT_STRICT)
def test_what_is_not_strict_json_is_refused_without_a_quotation(body: bytes) -> None:
    with pytest.raises(InvalidJson) as refusal:
        accepted(body)

    assert refusal.value.reason == "invalid_json"
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize("document", [{}, [], None, True, 7, {"action": "rm -rf"}])
def test_what_breaks_the_schema_is_refused_without_a_quotation(document: object) -> None:
    with pytest.raises(SchemaViolated) as refusal:
        accepted(document)

    assert "schemas/events/direct.json" in str(refusal.value)
    assert "rm -rf" not in str(refusal.value)


def test_a_topic_carries_an_alarm_or_a_request() -> None:
    assert accepted(alarm(), None).source == "ces_alarm"
    assert accepted(RESTART, None).source == "topic_request"


@pytest.mark.parametrize("message", ["[]", "7", '"restart"', "null", "{}"])
def test_any_other_message_of_a_topic_is_refused_as_an_alarm(message: str) -> None:
    with pytest.raises(SchemaViolated, match=r"schemas/events/ces_alarm\.json"):
        accepted(message, None)


def test_a_plain_text_message_of_a_topic_is_no_json() -> None:
    with pytest.raises(InvalidJson):
        accepted("The maintenance window starts at noon.", None)


def test_what_nobody_reads_is_refused_by_its_name() -> None:
    with pytest.raises(SchemaViolated, match="this is an Amazon S3 event, which nothing here"):
        accepted({"action": "restart"}, None, looks_like="an Amazon S3 event")


def test_attributes_and_data_of_a_binary_event_make_one_document() -> None:
    kind = "dev.knative.sources.ping"
    attributes = {**EVENT, "type": kind, "data": "of a header", "sampledrate": "7", "x": "%41"}

    document = accepted(RESTART, "cloudevents", attributes=attributes)

    own = {"type": kind, "data": RESTART, "sampledrate": "7", "x": "A"}
    assert document.value == {**EVENT, **own}


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_a_cloudevent_without_a_required_attribute_is_refused(missing: str) -> None:
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
def test_a_cloudevent_that_is_not_one_of_ours_is_refused(change: dict[str, Any]) -> None:
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


@pytest.mark.parametrize("data", ["", "!", "e30", base64.b64encode(b"{").decode(), "e30=\n"])
def test_data_in_broken_base64_or_of_broken_json_is_refused(data: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/test", "data_base64": data}

    with pytest.raises(SchemaViolated, match="not Base64 of JSON"):
        accepted({**event, "type": "dev.knative.sources.ping"}, "cloudevents")


def test_only_a_cloudevent_is_a_result_of_ours() -> None:
    with pytest.raises(SchemaViolated):
        accepted({**EVENT, "type": OURS}, "direct")
    with pytest.raises(SchemaViolated):
        accepted([OURS], "cloudevents")

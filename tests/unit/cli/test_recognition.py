"""The source of a payload is detected by its shape."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from function.cli._files import UsageError
from function.cli._recognition import Recognized, Recognizer
from function.entrypoints import startup
from tests.factories import NOW, ORDERS
from tests.harness import alerts, ces_alarm
from tests.signed_requests import smn

PARTS = startup.components()
REQUEST = {"action": "restart", "instances": [ORDERS]}


def recognized(document: Any, source: str | None = None) -> Recognized:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Recognizer(PARTS.sources, PARTS.schemas).recognize(body, NOW, source=source)


def gateway(path: str, body: bytes, **headers: str) -> dict[str, Any]:
    """Return a request as an API gateway delivers it."""
    encoded = base64.b64encode(body).decode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    event = {"httpMethod": "POST", "path": path, "headers": headers}
    return {**event, "body": encoded, "isBase64Encoded": True}


@pytest.mark.parametrize("source", sorted(PARTS.sources))
def test_every_example_is_recognized_as_its_source_or_as_one_that_takes_it(source: str) -> None:
    for example in PARTS.schemas.schema(f"events/{source}").get("examples", []):
        recognition = recognized(example)
        assert recognition.source is not None
        PARTS.schemas.check(f"events/{recognition.source}", example)
        assert recognition.source == source or recognition.assumption is not None


def test_request_document_defaults_to_the_direct_source() -> None:
    recognition = recognized(REQUEST)

    assert (recognition.source, recognition.raw_events[0].channel) == ("direct", "trigger/direct")
    assert recognition.assumption is not None
    assert "schedule" in recognition.assumption
    assert recognized(REQUEST, "schedule") == Recognized(
        (recognition.raw_events[0]._replace(channel="trigger/schedule"),), "schedule"
    )


def test_invalid_document_is_assigned_to_the_nearest_schema() -> None:
    recognition = recognized({**alerts(), "alerts": {}})

    assert recognition.source == "alertmanager"
    assert recognition.assumption is not None
    assert "--source overrides" in recognition.assumption


@pytest.mark.parametrize("document", [b"{", [], {}, {"foo": 1}, 5])
def test_unrecognizable_document_has_no_source(document: Any) -> None:
    recognition = recognized(document)

    assert (recognition.source, recognition.raw_events[0].channel) == (None, "trigger/unknown")
    assert recognized(document, "grafana").source == "grafana"


def test_messages_of_topics_keep_their_envelope_whatever_source_is_named() -> None:
    assert recognized(smn(), "direct").raw_events[0].channel == "smn"
    assert recognized(ces_alarm(), "direct").raw_events[0].channel == "trigger/smn"
    assert recognized(REQUEST, "smn") == recognized(REQUEST)
    odd = {"type": ["Notification"], "topic_urn": "u"}
    assert recognized(odd).raw_events[0].channel != "smn"


def test_a_request_to_a_gateway_is_recognized_by_its_route() -> None:
    body = json.dumps(REQUEST).encode()

    recognition = recognized(gateway("/alertmanager", body, content_type="application/json"))
    assert (recognition.source, recognition.raw_events[0].body) == ("alertmanager", body)
    assert recognized(gateway("/smn", body)).raw_events[0].channel == "smn"
    with pytest.raises(UsageError):
        recognized(gateway("/nowhere", body))


def test_a_cloudevent_in_binary_mode_gets_its_attributes_from_the_headers() -> None:
    attributes = {"ce_specversion": "1.0", "ce_id": "7", "ce_source": "/s"}
    kind = {"ce_type": "dev.kafka-remediator.request.v1", "content_type": "application/json"}

    recognition = recognized(gateway("/", json.dumps(REQUEST).encode(), **attributes, **kind))

    event = json.loads(recognition.raw_events[0].body)
    assert (event["id"], event["data"]) == ("7", REQUEST)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {"content_type": "application/json"}),
        (b"{}", {"content_type": "application/json", "ce_id": "%ff"}),
        (b"{}", {"content_type": "text/plain"}),
    ],
)
def test_a_request_with_wrong_headers_is_explained_by_its_body(
    body: bytes, headers: dict[str, str]
) -> None:
    assert recognized(gateway("/", body, **headers)).raw_events[0].body == body


def test_a_payload_that_is_too_large_is_marked_and_not_parsed() -> None:
    (raw_event,) = recognized(b"[" + b"1," * 200_000 + b"1]", "direct").raw_events

    assert raw_event.too_large

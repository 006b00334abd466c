"""Unwrapping: media types, CloudEvents to the letter of their HTTP binding, envelopes of topics."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import cloudevents.http
import pytest
from cloudevents.conversion import to_binary, to_structured
from hypothesis import given
from hypothesis import strategies as st

from function import sources
from function.intake import cloudevents_http, unwrap
from function.lib import schemas
from function.model.errors import (
    EventRejected,
    InvalidJson,
    SchemaViolated,
    TooLarge,
    UnsupportedMediaType,
)
from function.model.event import AuthMethod, RawEvent, UnwrappedEvent
from tests.factories import NOW
from tests.signed_requests import LINK, RESTART, TOPIC, alarm, smn

SCHEMAS = schemas.load()
SOURCES = sources.discover(SCHEMAS.names("events"))
BODY = json.dumps(RESTART).encode()
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/test",
    "ce-type": "dev.kafka-remediator.request.v1",
}
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "1",
    "source": "/test",
    "type": "dev.kafka-remediator.request.v1",
    "datacontenttype": "application/json",
}
TRIGGER = {"record": [{"event_source": "smn", "smn": {"message": alarm()}}]}
READ = (
    "",
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json; charset=us-ascii; q=1",
    "application/vnd.example.v1+json",
)
NOT_READ = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/json; charset=utf-16",
    "application/json; charset=latin1",
    "application/cloudevents",
    "application/cloudevents+xml",
    "application/cloudevents-batch+json",
    "application/cloudevents-batch+json; charset=utf-8",
    "application/ json",
    "multipart/form-data; boundary=json",
)


def opened(channel: str, body: bytes = BODY, **fields: Any) -> UnwrappedEvent:
    return unwrap.unwrap(RawEvent(channel, body, NOW, **fields), SOURCES, SCHEMAS)


def binary(**headers: str) -> dict[str, Any]:
    """Return the attributes of a binary event, whose headers are named with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = opened("cloudevents", headers={**BINARY, **named}).attributes or {}
    event = cloudevents_http.from_binary_mode(raw, RESTART)
    assert event.pop("data") == RESTART
    return event


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("channel", ["alertmanager", "grafana", "direct", "cloudevents"])
def test_json_is_read_under_its_names(channel: str, kind: str) -> None:
    headers = {**BINARY, "content-type": kind, "content-encoding": "identity"}

    assert opened(channel, headers=headers).payload == BODY


@pytest.mark.parametrize("kind", NOT_READ)
@pytest.mark.parametrize("channel", ["alertmanager", "grafana", "direct", "cloudevents"])
def test_other_media_types_are_rejected(channel: str, kind: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        opened(channel, headers={**BINARY, "content-type": kind})


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "gzip, identity", "aws-chunked"])
@pytest.mark.parametrize("channel", ["smn", "alertmanager", "grafana", "direct", "cloudevents"])
def test_an_encoded_body_is_rejected_on_every_route(channel: str, encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        opened(channel, headers={**BINARY, "content-encoding": encoding})


@pytest.mark.parametrize("channel", ["smn", "direct", "trigger/smn", "trigger/unknown"])
def test_a_body_that_is_too_large_is_rejected_before_anything_else(channel: str) -> None:
    with pytest.raises(TooLarge):
        opened(channel, b"", too_large=True)


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=gbk", "application/json", ""])
def test_smn_may_send_any_media_type(kind: str) -> None:
    message = smn()

    unwrapped = opened("smn", json.dumps(message).encode(), headers={"content-type": kind})

    assert (unwrapped.payload, unwrapped.source) == (message["message"], None)
    assert (unwrapped.id, unwrapped.name) == ("m1", "An alarm")
    assert unwrapped.sent_at == message["timestamp"]
    assert unwrapped.auth_methods == (AuthMethod.SMN,)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("SubscriptionConfirmation", "subscription_confirmation"),
        ("UnsubscribeConfirmation", "unsubscribe_confirmation"),
    ],
)
def test_a_confirmation_is_a_notice_with_its_link(kind: str, reason: str) -> None:
    message = smn(type=kind, subscribe_url=LINK, subject=None)

    notice = opened("smn", json.dumps(message).encode()).notice

    assert notice is not None
    assert (notice.reason, notice.link) == (reason, LINK)


@pytest.mark.parametrize("signed", ["subscribe_url", "unsubscribe_url"])
def test_the_end_of_a_subscription_may_be_signed_over_either_link(signed: str) -> None:
    links: dict[str, Any] = {signed: LINK}
    message = smn(type="UnsubscribeConfirmation", subject=None, **links)

    signature = opened("smn", json.dumps(message).encode()).signature

    assert signature is not None
    assert any(f"\n{signed}\n{LINK}\n".encode() in text for text in signature.texts)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Other"},
        {"type": "SubscriptionConfirmation"},
        {"message": None},
        {"message_id": ""},
        {"topic_urn": None},
        {"timestamp": "yesterday"},
        {"timestamp": 1},
        {"signature": None},
        {"signature_version": None},
    ],
)
def test_an_smn_envelope_with_other_members_is_rejected(changes: dict[str, Any]) -> None:
    whole = {**smn(), **changes}
    message = {name: value for name, value in whole.items() if value is not None}

    with pytest.raises(SchemaViolated):
        opened("smn", json.dumps(message).encode())


@pytest.mark.parametrize(
    "unused",
    [
        {"subject": None},
        {"signing_cert_url": None, "subscribe_url": None, "unsubscribe_url": None},
        {"signing_cert_url": 7, "region": ["new"]},
    ],
)
def test_null_counts_as_left_out_and_what_smn_adds_is_not_looked_at(
    unused: dict[str, Any],
) -> None:
    assert opened("smn", json.dumps({**smn(), **unused}).encode()).id == "m1"

    record = {"event_source": "smn", "event_version": None, "event_subscription_urn": None}
    fields = {"message": alarm(), "message_id": None, "timestamp": None, "type": None, **unused}
    body = json.dumps({"record": [{**record, "smn": fields}]}).encode()
    assert opened("trigger/smn", body).payload == alarm()


def test_a_confirmation_needs_its_link() -> None:
    message = {**smn(type="SubscriptionConfirmation"), "subscribe_url": None}

    with pytest.raises(SchemaViolated):
        opened("smn", json.dumps(message).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b'{"type":1,"type":2}', b"\xff\xfe{\x00"])
def test_an_envelope_that_is_not_strict_json_is_rejected(body: bytes) -> None:
    for channel in ("smn", "trigger/smn", "trigger/sns"):
        with pytest.raises(InvalidJson):
            opened(channel, body)


def test_a_record_of_the_topic_trigger_needs_its_message_only() -> None:
    event = {"record": [{"event_source": "smn", "smn": {"message": alarm()}}]}

    unwrapped = opened("trigger/smn", json.dumps(event).encode())

    assert (unwrapped.payload, unwrapped.source) == (alarm(), None)
    assert (unwrapped.id, unwrapped.sent_at, unwrapped.name) == (None, None, None)
    assert unwrapped.auth_methods == (AuthMethod.PLATFORM,)


def test_a_record_of_sns_brings_its_id_and_time() -> None:
    message = {"Message": "{}", "MessageId": "m1", "Timestamp": "2026-01-05T03:00:00Z"}
    event = {"Records": [{"EventSource": "aws:sns", "Sns": {**message, "Subject": "A request"}}]}

    unwrapped = opened("trigger/sns", json.dumps(event).encode())

    assert (unwrapped.payload, unwrapped.source, unwrapped.id) == ("{}", None, "m1")
    assert (unwrapped.sent_at, unwrapped.name) == ("2026-01-05T03:00:00Z", "A request")


def test_the_attributes_of_a_binary_event_stand_in_its_headers() -> None:
    assert binary() == ATTRIBUTES
    assert binary(host="example", traceparent="00-x") == ATTRIBUTES
    assert binary(ce_sampledrate="7") == {**ATTRIBUTES, "sampledrate": "7"}
    assert binary(ce_datacontenttype="text/xml") == ATTRIBUTES
    assert "datacontenttype" not in binary(content_type="", ce_datacontenttype="text/xml")


def test_a_time_is_never_invented() -> None:
    assert "time" not in binary()
    assert binary(ce_time="2026-01-05T03:00:00Z")["time"] == "2026-01-05T03:00:00Z"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € \U0001f600"),
        ("%e2%82%ac", "€"),
        ("%41%2D", "A-"),
        ("100%2525", "100%25"),
        ("50%", "50%"),
        ("%zz", "%zz"),
        ("  padded  ", "padded"),
        ('"two words"', "two words"),
        (r'"a \"quoted\" \\ word"', r'a "quoted" \ word'),
        ('"Euro%20%E2%82%AC"', "Euro €"),
        (r'"\%41"', "A"),
        ('"open', '"open'),
        ('not "quoted" as a whole', 'not "quoted" as a whole'),
        ('""', ""),
        ("a+b", "a+b"),
    ],
)
def test_a_header_is_unquoted_first_and_percent_decoded_once(header: str, value: str) -> None:
    assert binary(ce_subject=header)["subject"] == value


def test_a_header_is_not_decoded_before_its_sender_is_authenticated() -> None:
    raw = opened("cloudevents", headers={**BINARY, "ce-subject": "%FF"}).attributes

    assert raw is not None
    assert raw["subject"] == "%FF"


@pytest.mark.parametrize("header", ["%C0%A0", "%ED%A0%80", "%FF", "%E2%82", '"%80"', "\ud800"])
def test_non_utf_8_body_is_rejected(header: str) -> None:
    with pytest.raises(SchemaViolated):
        binary(ce_subject=header)


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_comes_through_percent_encoding(value: str) -> None:
    assert binary(ce_subject=quote(value))["subject"] == value


@pytest.mark.parametrize(
    "kind", ["application/cloudevents+json", "application/cloudevents+json; charset=UTF-8"]
)
def test_a_structured_event_is_its_body(kind: str) -> None:
    unwrapped = opened("cloudevents", headers={**BINARY, "content-type": kind})

    assert (unwrapped.attributes, unwrapped.payload) == (None, BODY)


attribute = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"%'), min_size=1
)


@given(identity=attribute, source=attribute, extension=attribute)
def test_events_of_the_cloudevents_package_are_read_as_it_means_them(
    identity: str, source: str, extension: str
) -> None:
    kind = "dev.kafka-remediator.request.v1"
    given = {"type": kind, "source": source, "id": identity, "sampledrate": extension}
    event = cloudevents.http.CloudEvent({**given, "datacontenttype": "application/json"}, RESTART)

    headers, body = to_binary(event)
    unwrapped = opened("cloudevents", body, headers={n.lower(): v for n, v in headers.items()})
    assert unwrapped.attributes == event.get_attributes()
    assert json.loads(unwrapped.payload) == event.data

    headers, body = to_structured(event)
    unwrapped = opened("cloudevents", body, headers={n.lower(): v for n, v in headers.items()})
    assert json.loads(unwrapped.payload) == {**event.get_attributes(), "data": event.data}


def test_the_cloudevents_package_reads_a_binary_event_alike() -> None:
    headers = {**BINARY, "ce-time": "2026-01-05T03:00:00Z", "ce-sampledrate": "7"}

    theirs = cloudevents.http.from_http(headers, BODY)

    attributes = opened("cloudevents", headers=headers).attributes
    assert attributes is not None
    assert {**attributes} == {**theirs.get_attributes(), "datacontenttype": "application/json"}


def test_a_trigger_without_an_envelope_is_its_own_payload() -> None:
    for name in ("timer", "schedule", "cloudevents"):
        unwrapped = opened(f"trigger/{name}")
        assert (unwrapped.source, unwrapped.payload) == (name, BODY)
        assert unwrapped.auth_methods == (AuthMethod.PLATFORM,)


def test_an_unknown_event_of_a_trigger_has_no_source() -> None:
    unwrapped = opened("trigger/unknown")

    assert (unwrapped.source, unwrapped.is_topic_message) == (None, False)
    assert opened("trigger/smn", json.dumps(TRIGGER).encode()).is_topic_message


def test_a_refusal_never_quotes_what_arrived() -> None:
    body = json.dumps({**smn(), "type": "hidden-value", "topic_urn": TOPIC}).encode()

    for channel, fields in (("smn", {}), ("direct", {"headers": {"content-type": "hidden-value"}})):
        with pytest.raises(EventRejected) as refusal:
            opened(channel, body, **fields)
        assert "hidden-value" not in str(refusal.value)

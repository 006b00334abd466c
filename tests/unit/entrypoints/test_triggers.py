"""Triggers: the kind of a platform event is detected by its shape."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.entrypoints import triggers
from function.entrypoints.routes import HttpRequest
from function.lib import strict_json
from function.model.event import RawEvent
from tests.factories import NOW
from tests.gateway_events import gateway_events
from tests.signed_requests import RESTART, alarm

TIMER = {"trigger_type": "TIMER", "trigger_name": "nightly", "time": "2026-01-05T03:00:00Z"}
SNS = {"EventSource": "aws:sns", "Sns": {"Message": "{}", "MessageId": "1"}}
SMN = {"event_source": "smn", "smn": {"message": alarm()}}
CHANNELS: tuple[tuple[Any, list[str]], ...] = (
    ({"record": [SMN]}, ["smn"]),
    ({"records": [SMN]}, ["smn"]),
    ({"record": [SMN, SMN, SMN]}, ["smn"] * 3),
    ({"record": [SMN, {"smn": None}, {"other": 1}]}, ["smn"] * 3),
    ({"record": [SMN, "junk", None]}, ["smn"] * 3),
    ({"record": [SMN], "records": [SMN, SMN]}, ["smn"] * 3),
    ({"Records": [SNS, SNS]}, ["sns"] * 2),
    ({"record": [SMN], "Records": [SNS, 7]}, ["smn", "sns", "sns"]),
    (TIMER, ["timer"]),
    ({"specversion": "1.0", "id": "1"}, ["cloudevents"]),
    ({"specversion": "1.0", "action": "restart"}, ["cloudevents"]),
    (RESTART, ["schedule"]),
    ({"record": [], "action": "restart"}, ["schedule"]),
    ({"record": [1]}, ["unknown"]),
    ({}, ["unknown"]),
    ([RESTART], ["unknown"]),
    (None, ["unknown"]),
    ({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, ["unknown"]),
    ({"trigger_type": "KAFKA", "records": [{"messages": ["x"]}]}, ["unknown"]),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    """record records Records smn Sns specversion action trigger_type httpMethod path headers body
    isBase64Encoded requestContext rawPath http method eventSource""".split()
)


def received(event: Any) -> tuple[RawEvent, ...]:
    return triggers.received(event, NOW)


def request(event: Any) -> HttpRequest:
    parsed = triggers.http_request(event)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(("event", "channels"), CHANNELS, ids=str)
def test_the_kind_of_an_event_is_detected_by_its_shape(event: Any, channels: list[str]) -> None:
    assert [one.channel for one in received(event)] == [f"trigger/{name}" for name in channels]
    assert all(one.received_at == NOW and not one.headers for one in received(event))


def test_every_record_is_an_event_of_its_own() -> None:
    first, second = ({"smn": {"message": text}} for text in ("1", "2"))

    for key in ("record", "records"):
        bodies = [one.body for one in received({key: [first, second], "requestId": "x"})]
        assert [json.loads(body) for body in bodies] == [{"record": [first]}, {"record": [second]}]


def test_an_event_that_is_not_strict_json_has_no_body() -> None:
    for event in ({"action": float("nan")}, {"action": b"bytes"}, {"action": object()}, {(): 1}):
        (one,) = received(event)
        assert one.body == b""


def test_an_event_that_is_too_large_is_marked() -> None:
    room = strict_json.LIMIT - len('{"record":[{"smn":{"message":""}}]}')
    full, large = ({"smn": {"message": "x" * length}} for length in (room, room + 1))
    events = received({"record": [SMN, full, large]})

    assert [event.too_large for event in events] == [False, False, True]
    assert len(events[1].body) == strict_json.LIMIT


@pytest.mark.parametrize("name", ["api_gateway", "function_url"])
def test_the_examples_of_gateways_are_requests(name: str) -> None:
    for example in gateway_events(name):
        parsed = request(example)
        http = example.get("requestContext", {}).get("http", {})
        assert parsed.method == http.get("method", example.get("httpMethod"))
        assert parsed.path == example.get("rawPath", example.get("path"))
        assert all(header == header.lower() for header in parsed.headers)


@pytest.mark.parametrize("flag", [True, "true", None])
def test_a_body_is_decoded_as_its_flag_says(flag: object) -> None:
    event = {"httpMethod": "POST", "path": "/direct", "headers": {"Content-TYPE": "a/b"}}
    encoded = base64.b64encode("{ä}".encode()).decode()

    assert request({**event, "body": encoded, "isBase64Encoded": flag}).body == "{ä}".encode()
    assert request({**event, "body": "{ä}", "isBase64Encoded": False}).body == "{ä}".encode()
    assert request({**event, "body": "{ä}", "isBase64Encoded": "false"}).body == "{ä}".encode()
    assert request({**event, "body": encoded}).headers == {"content-type": "a/b"}


@pytest.mark.parametrize("missing", [{}, {"isBase64Encoded": None}], ids=str)
def test_a_body_without_a_flag_is_base64_or_else_plain_text(missing: dict[str, Any]) -> None:
    event = {"httpMethod": "POST", "path": "/direct", **missing}
    plain = json.dumps(RESTART)
    encoded = base64.b64encode(plain.encode()).decode()

    for body in (plain, f" {plain}\n", encoded):
        assert json.loads(request({**event, "body": body}).body) == RESTART
    assert request({**event, "body": "{ä}"}).body == "{ä}".encode()
    assert request({**event, "body": "\ud800"}).body == b""
    assert request({**event, "body": None}).body == b""


@pytest.mark.parametrize("body", ["!", "e30", "e3 0=", "ä", "\ud800", None, "", 0])
def test_a_body_of_broken_base64_is_empty(body: object) -> None:
    event = {"httpMethod": "POST", "path": "/direct", "headers": None, "body": body}

    assert request({**event, "isBase64Encoded": True}).body == b""


def test_a_large_body_is_not_kept() -> None:
    event = {"httpMethod": "POST", "path": "/direct", "isBase64Encoded": False}

    parsed = request({**event, "body": "x" * (strict_json.LIMIT + 1)})

    assert (parsed.body, parsed.too_large) == (b"", True)
    assert not request({**event, "body": "x" * strict_json.LIMIT}).too_large


@pytest.mark.parametrize(
    "event",
    [
        *(event for event, _ in CHANNELS),
        {"httpMethod": "GET"},
        {"path": "/"},
        {"httpMethod": 1, "path": "/"},
        {"httpMethod": "GET", "path": None},
        {"rawPath": "/", "requestContext": {"http": {}}},
        {"rawPath": "/", "requestContext": {"http": {"method": None}}},
        {"requestContext": {"http": {"method": "GET"}}},
        None,
        [],
    ],
    ids=str,
)
def test_event_without_method_and_path_is_no_http_request(event: Any) -> None:
    assert triggers.http_request(event) is None


@given(event=ANY_JSON | st.dictionaries(KEYS, ANY_JSON | st.dictionaries(KEYS, ANY_JSON)))
def test_any_invocation_yields_at_least_one_event(event: Any) -> None:
    assert received(event)
    parsed = triggers.http_request(event)
    assert parsed is None or isinstance(parsed.body, bytes)

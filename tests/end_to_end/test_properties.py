"""For any input: an answer, at most one result, and no action without authentication."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.entrypoints import container
from function.entrypoints.invocation import RetryableFailure, invoke
from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from tests.factories import NOW
from tests.harness import SCHEMAS, Remediator, alerts, open_remediator
from tests.signed_requests import (
    RESTART,
    SECRET,
    alarm,
    alarm_template,
    bearer,
    grafana,
    smn,
    smn_settings,
    webhook,
)

NAMES = sorted(
    {
        *("authorization", "content-type", "content-encoding", "traceparent", "host"),
        *("webhook-id", "webhook-timestamp", "webhook-signature", "webhook-request-origin"),
        *("svix-id", "svix-timestamp", "svix-signature"),
        *("x-grafana-alerting-signature", "x-cff-request-id", "x-cff-security-access-key"),
        *("ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "ce-data", "ce-"),
    }
)
PATHS = (
    "/smn",
    "/smn/",
    "/prod/direct",
    "/alertmanager",
    "/grafana",
    "/direct",
    "/",
    "/health",
    "/init",
    "/invoke",
)
WORDS = (
    *("Bearer", "Bearer ", "v1,", "v1,====", "%ff", '"\\"', "null", "gzip", "*", "1.0", "\ud800"),
    *("application/json", "application/cloudevents+json", "text/plain; charset=utf-8", "é", "\0"),
    *("dev.knative.sources.ping", "dev.kafka-remediator.result.v1", str(int(NOW.timestamp()))),
)
EVENT = {"specversion": "1.0", "id": "1", "source": "/t", "type": "dev.knative.sources.ping"}
SNS = {"Message": alarm(), "MessageId": "1", "Timestamp": "2026-01-05T03:00:00Z"}
TIMER = {"trigger_type": "TIMER", "trigger_name": "t", "time": "2026-01-05T03:00:00Z"}
ODD_ALERTS: list[Any] = [
    {"status": "firing"},
    {"status": "firing", "labels": None},
    {"status": "firing", "labels": {"kafka_instance_id": 7, "remediation": None, "port": 9092}},
    "firing",
]
NO_DATA = {**alerts()["alerts"][0], "annotations": {"grafana_state_reason": "KeepLast, NoData"}}
MESSAGES: tuple[dict[str, Any], ...] = (
    json.loads(alarm(template_variable={"IsCycleTrigger": True})),
    json.loads(alarm_template()),
    json.loads(alarm_template(IsAlarm=False, ResourceId=7, AlarmTime="now")),
    RESTART,
    alerts(),
)
DOCUMENTS: tuple[dict[str, Any], ...] = (
    RESTART,
    {"action": "purge_failed"},
    {**EVENT, "data": RESTART},
    alerts(),
    {**alerts(), "version": "1"},
    {**alerts(), "version": "3", "groupKey": 7, "truncatedAlerts": None},
    {**alerts(), "alerts": [*ODD_ALERTS, *alerts()["alerts"]]},
    {"version": "1", "orgId": None, "alerts": [NO_DATA, *ODD_ALERTS]},
    smn(),
    smn(message=alarm_template()),
    smn(message=json.dumps(RESTART), subject=""),
    {"record": [{"event_source": "smn", "smn": {"message": alarm()}}]},
    {"Records": [{"EventSource": "aws:sns", "Sns": SNS}]},
    {**TIMER, "user_event": '{"action":"purge_failed"}'},
    {"httpMethod": "POST", "path": "/direct", "headers": bearer(), "body": "e30="},
    {"httpMethod": "POST", "path": "/grafana/", "headers": bearer(), "body": json.dumps(alerts())},
    *MESSAGES,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
words = st.sampled_from(WORDS) | st.text(max_size=12)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
headers = st.dictionaries(st.sampled_from(NAMES), words, max_size=6)


@st.composite
def documents(draw: st.DrawFn, of: tuple[dict[str, Any], ...] = DOCUMENTS) -> Any:
    """Return something near an event: one of ours with one member changed, or taken away."""
    document = json.loads(json.dumps(draw(st.sampled_from(of))))
    if draw(st.booleans()):
        place = document
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
            if not isinstance(place[key], dict | list) or draw(st.booleans()):
                place[key] = draw(anything)
                break
            place = place[key]
    return draw(anything) if draw(st.integers(0, 9)) == 0 else document


@st.composite
def records(draw: st.DrawFn) -> Any:
    """Return events of the topic trigger: messages near those of a topic, or cut off."""
    messages = draw(st.lists(documents(MESSAGES), min_size=1, max_size=2))
    texts = [json.dumps(message) for message in messages]
    cut = draw(st.sampled_from([None, None, None, -1, 20]))
    return {"record": [{"event_source": "smn", "smn": {"message": text[:cut]}} for text in texts]}


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


bodies = st.binary(max_size=60) | documents().map(_bytes)


@pytest.fixture
def remediator(tmp_path: Path) -> Iterator[Remediator]:
    """The function with every route open, acting."""
    with open_remediator(None, **smn_settings(tmp_path), MAX_RESTARTS_PER_DAY="0") as remediator:
        yield remediator


def observed(printed: str) -> list[dict[str, Any]]:
    """Return the results that were printed, each of which keeps its schema."""
    events = [json.loads(line) for line in printed.splitlines()]
    for event in events:
        SCHEMAS.check("result", event)
        assert event["data"]["reason"] != "internal"
    return events


def ask(
    request: HttpRequest, open_remediator: Remediator, *, inside: bool = False
) -> tuple[HttpResponse, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
        reply = (container.handle_request if inside else handle_request)(
            request, open_remediator.runtime
        )
    return reply, out.getvalue()


def is_one_result(reply: HttpResponse, printed: str) -> bool:
    """Tell whether an answer is an event; each is printed once, and anything else not at all."""
    events = observed(printed)
    if reply.headers.get("Content-Type") != "application/cloudevents+json":
        assert events == []
        return False
    (printed_event,) = events  # the result event, and what makes it a line of the log
    assert {**printed_event, **json.loads(reply.body)} == printed_event
    return True


@given(
    method=st.sampled_from(["POST", "GET", "OPTIONS", "X"]),
    path=st.sampled_from(PATHS) | words,
    given_headers=headers,
    body=bodies,
)
def test_no_unauthenticated_request_acts_or_breaks(
    method: str, path: str, given_headers: dict[str, str], body: bytes, remediator: Remediator
) -> None:
    body = body.replace(b"signature", b"no_signature")

    reply, printed = ask(HttpRequest(method, path, given_headers, body), remediator)

    assert 200 <= reply.status < 500
    if is_one_result(reply, printed):
        assert reply.status in {400, 401, 413, 415}
        assert set(json.loads(reply.body)["data"]) == {"outcome", "reason"}
    assert remediator.cloud.requests == ()


@given(
    path=st.sampled_from(PATHS),
    body=bodies,
    given_headers=headers,
    credentials=st.sampled_from([bearer, webhook, grafana]),
    kind=st.sampled_from(["", "cloudevents+"]),
)
def test_no_authenticated_request_breaks(
    path: str,
    body: bytes,
    given_headers: dict[str, str],
    credentials: Any,
    kind: str,
    remediator: Remediator,
) -> None:
    authenticated = credentials() if credentials is bearer else credentials(body)
    media = {"content-type": f"application/{kind}json"}

    request = HttpRequest("POST", path, {**given_headers, **media, **authenticated}, body)
    reply, printed = ask(request, remediator)

    assert reply.status in {200, 204, 202, 400, 401, 403, 404, 405, 415}
    is_one_result(reply, printed)
    assert all(post.body in _allowed() for post in remediator.cloud.posts)


def _allowed() -> set[bytes]:
    """Return the bodies that the events of these tests may lead to."""
    bodies_sent = (RESTART, {"action": "delete", "all_failure": "kafka"})
    return {json.dumps(body, separators=(",", ":")).encode() for body in bodies_sent}


@given(event=documents() | records())
def test_no_event_breaks_the_handler(event: Any, remediator: Remediator) -> None:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
        try:
            returned = invoke(event, remediator.runtime, credentials=None, remaining=None)
        except RetryableFailure as again:
            returned = json.loads(str(again))

    events = observed(out.getvalue())
    if isinstance(returned, dict) and "statusCode" in returned:
        assert returned["statusCode"] < 500
        return
    results = returned if isinstance(returned, list) else [returned] if returned else []
    assert [event["id"] for event in events] == [result["id"] for result in results]
    assert all(post.body in _allowed() for post in remediator.cloud.posts)


@given(event=records())
def test_no_alarm_on_a_topic_is_rejected_without_calling_a_person(
    event: Any, remediator: Remediator
) -> None:
    """An unreadable alarm would otherwise be an unnoticed outage."""
    marks = ("alarm_status", "IsAlarm", "AlarmRuleName")
    with (
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()),
        suppress(RetryableFailure),
    ):
        invoke(event, remediator.runtime, credentials=None, remaining=None)

    for record, result in zip(event["record"], observed(out.getvalue()), strict=True):
        marked = any(f'"{mark}"' in record["smn"]["message"] for mark in marks)
        if marked and result["data"]["reason"] in {"schema", "invalid_json"}:
            assert result["data"]["needs_human"]


@given(body=bodies, given_headers=headers, path=st.sampled_from(["/init", "/invoke"]))
def test_no_invocation_breaks_the_container(
    path: str, body: bytes, given_headers: dict[str, str], remediator: Remediator
) -> None:
    remediator.cloud.forget()

    reply, printed = ask(HttpRequest("POST", path, given_headers, body), remediator, inside=True)

    events = observed(printed)
    assert reply.status in {200, 403}
    if "x-cff-request-id" not in given_headers:
        assert remediator.cloud.requests == ()
        assert len(events) == (path == "/invoke")


@given(raw=st.text(max_size=30), flag=st.sampled_from([True, False, None, "true", 0]))
def test_no_body_of_a_gateway_breaks_the_handler(
    raw: str, flag: Any, remediator: Remediator
) -> None:
    secret = {"Authorization": f"Bearer {SECRET}", "CONTENT-Type": "application/json"}
    event = {"httpMethod": "POST", "path": "/direct", "headers": secret}
    text = base64.b64encode(raw.encode("utf-8", "replace")).decode() if flag is True else raw

    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
        reply = invoke(
            {**event, "body": text, "isBase64Encoded": flag},
            remediator.runtime,
            credentials=None,
            remaining=None,
        )

    assert reply["statusCode"] == 400
    assert len(observed(out.getvalue())) == 1
    assert remediator.cloud.requests == ()

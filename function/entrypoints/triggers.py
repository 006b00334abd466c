"""Triggers: an event of a cloud platform, told apart by its shape, to runs of the path."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..lib import strict_json
from ..model.event import RawEvent
from .routes import HttpRequest

_ENCODED = "isBase64Encoded"
_SERVICES = {
    "aws:s3": "an Amazon S3 event",
    "aws:sqs": "an Amazon SQS event",
    "aws:kinesis": "an Amazon Kinesis event",
    "aws:dynamodb": "an Amazon DynamoDB event",
    "aws:kafka": "an event of a Kafka trigger",
    "OBS": "an event of the Object Storage Service",
    "dds": "an event of the Document Database Service",
}
_TRIGGERS = {
    "KAFKA": "an event of FunctionGraph's Kafka trigger",
    "RABBITMQ": "an event of FunctionGraph's RabbitMQ trigger",
}
_KEYS = {
    "trigger_type": "an event of another FunctionGraph trigger than TIMER and SMN",
    "detail-type": "an Amazon EventBridge event without a request document as its input",
    "awslogs": "a CloudWatch Logs event",
    "cts": "a Cloud Trace Service event",
    "lts": "a Log Tank Service event",
    "StreamName": "an event of the Data Ingestion Service",
    "TopicArn": "a bare SNS message",
    "topic_urn": "a bare SMN message, which belongs on POST /smn",
    "Records": "a list of records of another service",
    "records": "a list of records of another service",
    "record": "a list of records of another service",
    "messages": "a list of messages of another service",
    "alerts": "a group of alerts, which belongs on a webhook route",
}


def _body(event: Any) -> bytes:
    """Return an event that a platform has parsed as the bytes of strict JSON, or none."""
    try:
        return strict_json.dumps(event).encode()
    except (TypeError, ValueError, RecursionError):
        return b""


def _records(event: dict[str, Any], *keys: str) -> list[Any]:
    """Return the records of an event under all of these keys, whatever they look like."""
    return [one for key in keys if isinstance(event.get(key), list) for one in event[key]]


def _records_with(event: dict[str, Any], part: str, *keys: str) -> list[Any]:
    """Return every record under these keys, one by one, where one has this part; else none."""
    records = _records(event, *keys)
    ours = any(isinstance(one, dict) and part in one for one in records)
    return [{keys[0]: [one]} for one in records] if ours else []


def _stranger(event: Any) -> str:
    """Say what an event is that none of the sources reads."""
    if not isinstance(event, dict):
        return "no JSON object"
    records = _records(event, "Records", "records", "record")
    for one in (event, *(one for one in records if isinstance(one, dict))):
        service = str(one.get("eventSource") or one.get("event_source"))
        if service in _SERVICES:
            return _SERVICES[service]
    trigger = str(event.get("trigger_type"))
    known = next((words for key, words in _KEYS.items() if key in event), "an unknown event")
    return _TRIGGERS.get(trigger, known)


def _messages(event: Any) -> list[tuple[str, Any]]:
    """Return the channel of every event in one invocation, and the event itself."""
    if not isinstance(event, dict):
        return []
    messages = [("trigger/smn", one) for one in _records_with(event, "smn", "record", "records")]
    messages += [("trigger/sns", one) for one in _records_with(event, "Sns", "Records")]
    if messages:
        return messages
    if event.get("trigger_type") == "TIMER":
        return [("trigger/timer", event)]
    if "specversion" in event:
        return [("trigger/cloudevents", event)]
    return [("trigger/schedule", event)] if "action" in event else []


def received(event: Any, at: datetime) -> tuple[RawEvent, ...]:
    """Return every event in one invocation of an event function."""
    parts = _messages(event) or [("trigger/unknown", event)]
    looks_like = None if _messages(event) else _stranger(event)
    return tuple(
        RawEvent(
            channel=channel,
            body=body,
            received_at=at,
            too_large=len(body) > strict_json.LIMIT,
            looks_like=looks_like,
        )
        for channel, part in parts
        for body in [_body(part)]
    )


def _flag(value: Any) -> bool:
    """Return a flag that is a boolean, or its word; without one the body is Base64."""
    return str(value).lower() != "false"


def _http_body(event: Mapping[str, Any]) -> bytes:
    """Return the body of a gateway event, or nothing where its Base64 is broken."""
    text = str(event.get("body") or "")
    try:
        encoded = text.encode()
        return base64.b64decode(encoded, validate=True) if _flag(event.get(_ENCODED)) else encoded
    except ValueError:
        return b""


def _method_and_path(event: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return method and path of a gateway event; a function URL has them elsewhere."""
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    if isinstance(http, dict):
        return http.get("method"), event.get("rawPath")
    return event.get("httpMethod"), event.get("path")


def http_request(event: Any) -> HttpRequest | None:
    """Return the HTTP request in an event of an API gateway or a function URL, or None."""
    if not isinstance(event, dict):
        return None
    method, path = _method_and_path(event)
    if not isinstance(method, str) or not isinstance(path, str):
        return None
    given = event.get("headers")
    listed = given.items() if isinstance(given, dict) else ()
    headers = {str(name).lower(): str(value) for name, value in listed}
    body = _http_body(event)
    too_large = len(body) > strict_json.LIMIT
    return HttpRequest(method, path, headers, b"" if too_large else body, too_large)

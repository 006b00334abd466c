"""Triggers: an event of a cloud platform, told apart by its shape, to runs of the path."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import strict_json
from .model import Received
from .routes import HttpRequest

_STRANGERS = (
    ("Records", "aws:s3", "an Amazon S3 event"),
    ("Records", "aws:sqs", "an Amazon SQS event"),
    ("Records", "aws:kinesis", "an Amazon Kinesis event"),
    ("Records", "aws:dynamodb", "an Amazon DynamoDB event"),
)
_STRANGE_KEYS = {
    "detail-type": "an Amazon EventBridge event without a request document as its input",
    "awslogs": "a CloudWatch Logs event",
    "cts": "a Cloud Trace Service event",
    "lts": "a Log Tank Service event",
    "eventSource": "an event of a Kafka trigger",
    "Message": "a bare SNS message",
    "Records": "a list of records of another service",
    "messages": "a list of messages of another service",
    "alerts": "a group of alerts, which belongs on a webhook route",
}


def _body(event: Any) -> bytes:
    """Return an event that a platform has parsed as the bytes of strict JSON, or none."""
    try:
        return strict_json.dumps(event).encode()
    except (TypeError, ValueError, RecursionError):
        return b""


def _records(event: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the records of an event under one of these keys, if they look like records."""
    for key in keys:
        records = event.get(key)
        if isinstance(records, list) and records and all(isinstance(one, dict) for one in records):
            return records
    return []


def _stranger(event: Any) -> str:
    """Say what an event is that none of the sources reads."""
    if not isinstance(event, dict):
        return "no JSON object"
    for key, service, words in _STRANGERS:
        sources = {str(one.get("eventSource")) for one in _records(event, key)}
        if service in sources:
            return words
    if "trigger_type" in event:
        return "an event of another FunctionGraph trigger than TIMER and SMN"
    return next((words for key, words in _STRANGE_KEYS.items() if key in event), "an unknown event")


def _parts(event: Any) -> list[tuple[str, Any]]:
    """Return the channel of every event in one invocation, and the event itself."""
    if not isinstance(event, dict):
        return []
    records = _records(event, "record", "records")
    if records and all("smn" in one for one in records):
        return [("trigger/smn", {"record": [one]}) for one in records]
    records = _records(event, "Records")
    if records and all("Sns" in one for one in records):
        return [("trigger/sns", {"Records": [one]}) for one in records]
    if event.get("trigger_type") == "TIMER":
        return [("trigger/timer", event)]
    if "specversion" in event:
        return [("trigger/cloudevents", event)]
    return [("trigger/schedule", event)] if "action" in event else []


def received(event: Any, at: datetime) -> tuple[Received, ...]:
    """Return every event in one invocation of an event function."""
    parts = _parts(event) or [("trigger/unknown", event)]
    looks_like = None if _parts(event) else _stranger(event)
    return tuple(
        Received(
            channel=channel,
            body=body,
            at=at,
            too_large=len(body) > strict_json.LIMIT,
            looks_like=looks_like,
        )
        for channel, part in parts
        for body in [_body(part)]
    )


def _http_body(event: Mapping[str, Any]) -> bytes | None:
    """Return the body of a gateway event, or None where its base64 is broken."""
    text = event.get("body") or ""
    try:
        encoded = str(text).encode()
        return base64.b64decode(encoded, validate=True) if event.get("isBase64Encoded") else encoded
    except (binascii.Error, ValueError):
        return None


def http_request(event: Any) -> HttpRequest | None:
    """Return the HTTP request in an event of an API gateway or a function URL, or None."""
    if not isinstance(event, dict) or not isinstance(event.get("headers"), dict):
        return None
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method, path = event.get("httpMethod"), event.get("path")
    if isinstance(http, dict):
        method, path = http.get("method"), event.get("rawPath")
    if not isinstance(method, str) or not isinstance(path, str):
        return None
    headers = {str(name).lower(): str(value) for name, value in event["headers"].items()}
    body = _http_body(event)
    too_large = body is not None and len(body) > strict_json.LIMIT
    kept = b"" if body is None or too_large else body
    return HttpRequest(method, path, headers, kept, too_large)

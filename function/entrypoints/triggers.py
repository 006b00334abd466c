"""Detect the kind of a platform event by its shape.

An invocation of the event function becomes one raw event for each message in it, or the HTTP
request that an API gateway has put into it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..lib import strict_json
from ..model.event import RawEvent
from .routes import HttpRequest

_ENCODED = "isBase64Encoded"


def _body(event: Any) -> bytes:
    """Return an event that the platform has parsed as the bytes of strict JSON, or none."""
    try:
        return strict_json.dumps(event).encode()
    except (TypeError, ValueError, RecursionError):
        return b""


def _records_with(event: dict[str, Any], part: str, *keys: str) -> list[Any]:
    """Return each record under these keys as a separate event, if any record has this part."""
    listed = (event[key] for key in keys if isinstance(event.get(key), list))
    records = [record for records in listed for record in records]
    matches = any(isinstance(record, dict) and part in record for record in records)
    return [{keys[0]: [record]} for record in records] if matches else []


def _messages(event: Any) -> list[tuple[str, Any]]:
    """Return every event in one invocation, each with its channel."""
    if not isinstance(event, dict):
        return [("trigger/unknown", event)]
    smn_records = _records_with(event, "smn", "record", "records")
    messages = [("trigger/smn", record) for record in smn_records]
    messages += [("trigger/sns", record) for record in _records_with(event, "Sns", "Records")]
    if messages:
        return messages
    # After the records: a message may bring fields of these names, a timer brings no records.
    if event.get("trigger_type") == "TIMER":
        return [("trigger/timer", event)]
    if "specversion" in event:
        return [("trigger/cloudevents", event)]
    return [("trigger/schedule" if "action" in event else "trigger/unknown", event)]


def received(event: Any, at: datetime) -> tuple[RawEvent, ...]:
    """Return every event in one invocation of an event function."""
    return tuple(
        RawEvent(channel, body, at, too_large=len(body) > strict_json.LIMIT)
        for channel, message in _messages(event)
        for body in [_body(message)]
    )


def _http_body(event: Mapping[str, Any]) -> bytes:
    """Return the body of a gateway event, or nothing where its Base64 is broken.

    Where the gateway does not say whether it is Base64, that is tried before plain text: JSON
    objects begin with a character that Base64 does not have, so they cannot be confused.
    """
    text, flag = str(event.get("body") or ""), event.get(_ENCODED)
    try:
        plain = text.encode()
        if str(flag).lower() == "false":
            return plain
        return base64.b64decode(plain, validate=True)
    except UnicodeError:  # a lone surrogate
        return b""
    except ValueError:
        return plain if flag is None else b""


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
    # Gateways differ in the case of header names, and leave `headers` out where there are none.
    headers = event.get("headers")
    named = headers.items() if isinstance(headers, dict) else ()
    lowered = {str(name).lower(): str(value) for name, value in named}
    body = _http_body(event)
    too_large = len(body) > strict_json.LIMIT
    return HttpRequest(method, path, lowered, b"" if too_large else body, too_large)

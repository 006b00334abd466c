"""Bring CloudEvents 1.0 over HTTP, in binary and structured mode, into one form (pure)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from ..lib import strict_json
from ..model.errors import SchemaViolated

# PingSource of Knative cannot choose its type; our own type is for all other producers.
REQUEST_TYPES = ("dev.knative.sources.ping", "dev.kafka-remediator.request.v1")
_QUOTED = r'(?s)"((?:[^"\\]|\\.)*)"'


def _attribute(header: str) -> str:
    """Return the attribute in a header: first unquoted, then percent-decoded once.

    See section 3.1.3.2 of the HTTP binding of CloudEvents.
    """
    quoted = re.fullmatch(_QUOTED, header.strip())
    text = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else header.strip()
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise SchemaViolated("a ce- header is not percent-encoded UTF-8") from None


def from_binary_mode(attributes: Mapping[str, str], data: Any) -> dict[str, Any]:
    """Return an event whose attributes came in headers, or raise SchemaViolated."""
    return {**{name: _attribute(value) for name, value in attributes.items()}, "data": data}


def _with_data(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event whose JSON data may have come as Base64, see section 3.1.1 of the format."""
    encoded = event.get("data_base64")
    if "data" in event or not isinstance(encoded, str):
        return event
    try:
        data = strict_json.loads(base64.b64decode(encoded, validate=True))
    except ValueError:
        raise SchemaViolated("$.data_base64 is not Base64 of JSON") from None
    return {**{name: event[name] for name in event.keys() - {"data_base64"}}, "data": data}


def normalize(event: Any) -> Any:
    """Return an event without unset attributes and with its data in `data`; else as it is.

    JSON null is how the JSON format may say that an attribute is unset (section 2.2). Raises
    SchemaViolated for an event of another type.
    """
    if not isinstance(event, dict):
        return event
    kind = event.get("type")
    if isinstance(kind, str) and kind not in REQUEST_TYPES:
        raise SchemaViolated(
            f"this is a CloudEvent of another type than {', '.join(REQUEST_TYPES)}"
        )
    # `data` keeps its null: in JSON that is a value, and the schema then says what is wrong.
    attributes = {
        name: value for name, value in event.items() if value is not None or name == "data"
    }
    return _with_data(attributes)

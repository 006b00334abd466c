"""Validate: an envelope's payload, parsed strictly, into a document that its schema accepts."""

from __future__ import annotations

from typing import Any

from . import strict_json
from .errors import InvalidJson, OwnResult, SchemaViolated
from .model import Document, Enveloped
from .schemas import Schemas, Violation

RESULT_TYPE = "dev.kafka-remediator.result.v1"


def _parsed(enveloped: Enveloped) -> Any:
    try:
        return strict_json.loads(enveloped.payload)
    except strict_json.InvalidJSON as error:
        raise InvalidJson(error.problem) from None


def _source(enveloped: Enveloped, value: Any) -> str:
    """Return the source of a payload; a topic carries alarms and, for operators, requests."""
    if enveloped.looks_like is not None:
        raise SchemaViolated(f"this is {enveloped.looks_like}, which nothing here reads")
    if enveloped.source is not None:
        return enveloped.source
    return "topic_request" if isinstance(value, dict) and "action" in value else "ces_alarm"


def _cloudevent(event: Any) -> Any:
    """Return a CloudEvent without unset attributes, or raise OwnResult for a result of ours.

    JSON null is how the JSON format may say that an attribute is unset (section 2.2).
    """
    if not isinstance(event, dict):
        return event
    if event.get("type") == RESULT_TYPE:
        raise OwnResult
    return {name: value for name, value in event.items() if value is not None or name == "data"}


def accept(enveloped: Enveloped, schemas: Schemas) -> Document:
    """Return the document of an event, or raise InvalidJson, SchemaViolated or OwnResult."""
    value = _parsed(enveloped)
    if enveloped.attributes is not None:
        value = {**enveloped.attributes, "data": value}
    source = _source(enveloped, value)
    if source == "cloudevents":
        value = _cloudevent(value)
    try:
        schemas.check(f"events/{source}", value)
    except Violation as error:
        raise SchemaViolated(error.problem) from None
    return Document(source, value)

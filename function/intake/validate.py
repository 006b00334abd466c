"""Validate: an envelope's payload, parsed strictly, into a document that its schema accepts."""

from __future__ import annotations

from typing import Any

from ..lib import strict_json
from ..lib.schemas import Schemas, Violation
from ..model.errors import InvalidJson, SchemaViolated
from ..model.event import Document, UnwrappedEvent
from . import cloudevents_http


def _parsed(unwrapped: UnwrappedEvent) -> Any:
    try:
        return strict_json.loads(unwrapped.payload)
    except strict_json.InvalidJSON as error:
        raise InvalidJson(error.problem) from None


def _source(unwrapped: UnwrappedEvent, value: Any) -> str:
    """Return the source of a payload; a topic carries alarms and, for operators, requests."""
    if unwrapped.looks_like is not None:
        raise SchemaViolated(f"this is {unwrapped.looks_like}, which nothing here reads")
    if unwrapped.source is not None:
        return unwrapped.source
    return "topic_request" if isinstance(value, dict) and "action" in value else "ces_alarm"


def validate(unwrapped: UnwrappedEvent, schemas: Schemas) -> Document:
    """Return the document of an event, or raise InvalidJson, SchemaViolated or OwnResult."""
    value = _parsed(unwrapped)
    if unwrapped.attributes is not None:
        value = cloudevents_http.from_binary_mode(unwrapped.attributes, value)
    source = _source(unwrapped, value)
    if source == "cloudevents":
        value = cloudevents_http.normalize(value)
    try:
        schemas.check(f"events/{source}", value)
    except Violation as error:
        raise SchemaViolated(error.problem, path=error.path, rule=error.rule) from None
    return Document(source, value)

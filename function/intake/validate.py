"""Validate: an envelope's payload, parsed strictly, into a document that its schema accepts."""

from __future__ import annotations

from typing import Any

from ..lib import strict_json
from ..lib.schemas import Schemas, Violation
from ..model.errors import InvalidJson, SchemaViolated
from ..model.event import Document, Enveloped
from . import cloudevents_http


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


def accept(enveloped: Enveloped, schemas: Schemas) -> Document:
    """Return the document of an event, or raise InvalidJson, SchemaViolated or OwnResult."""
    value = _parsed(enveloped)
    if enveloped.attributes is not None:
        value = cloudevents_http.from_binary_mode(enveloped.attributes, value)
    source = _source(enveloped, value)
    if source == "cloudevents":
        value = cloudevents_http.folded(value)
    try:
        schemas.check(f"events/{source}", value)
    except Violation as error:
        raise SchemaViolated(error.problem) from None
    return Document(source, value)

"""Validate: an envelope's payload, parsed strictly, into a document that its schema accepts."""

from __future__ import annotations

from typing import Any

from ..lib import strict_json
from ..lib.schemas import Schemas, Violation
from ..model.errors import EventRejected, InvalidJson, OwnResultEvent, SchemaViolated
from ..model.event import Document, UnwrappedEvent
from ..model.result import RESULT_TYPE

# What may stand in a topic's message, see _source.
TOPIC_SOURCES = frozenset({"ces_alarm", "topic_request"})
READ_HERE = (
    "no source reads this event: triggers deliver messages of SMN and SNS, timers, "
    "CloudEvents and request documents with an `action`"
)


def _is_of_topic(unwrapped: UnwrappedEvent) -> bool:
    """Tell whether a payload is a topic's message, also where it is explained without its topic."""
    return unwrapped.is_topic_message or unwrapped.source in TOPIC_SOURCES


def _rejected(
    rejection: EventRejected, unwrapped: UnwrappedEvent, value: Any = None
) -> EventRejected:
    """Return a rejection that calls a person where it seems to be of an alarm of Cloud Eye.

    Those come over topics; a trigger whose event nothing here reads may bring one all the same.
    """
    from . import recognize  # noqa: PLC0415 - costs cold start, and few events are rejected

    may_be_alarm = _is_of_topic(unwrapped) or unwrapped.source is None
    rejection.needs_human = may_be_alarm and recognize.has_alarm_marks(
        value, unwrapped.payload, unwrapped.name
    )
    return rejection


def _parsed(unwrapped: UnwrappedEvent) -> Any:
    try:
        return strict_json.loads(unwrapped.payload)
    except strict_json.InvalidJSON as error:
        problem = _explained(error.problem, None, unwrapped)
        raise _rejected(InvalidJson(problem), unwrapped) from None


def _source(unwrapped: UnwrappedEvent, value: Any) -> str:
    """Return the source of a payload; a topic carries alarms and, for operators, requests."""
    if unwrapped.is_topic_message:
        return "topic_request" if isinstance(value, dict) and "action" in value else "ces_alarm"
    if unwrapped.source is None:
        # Without its value: whichever envelope this is, the marks stand somewhere inside it.
        raise _rejected(SchemaViolated(_explained(READ_HERE, value, unwrapped)), unwrapped)
    return unwrapped.source


def _explained(
    problem: str, value: Any, unwrapped: UnwrappedEvent, source: str | None = None
) -> str:
    """Add to a problem whose document this looks like, or what a topic may bring, if it is none."""
    from . import recognize  # noqa: PLC0415 - as above

    if sender := recognize.other_sender(value, source):
        return f"{problem}; it looks like {sender}"
    if _is_of_topic(unwrapped) and recognize.other_sender(value, None) is None:
        problem = f"{problem}; a topic brings alarms of Cloud Eye and request documents"
    if isinstance(value, str):
        problem = f"{problem}; it is one text, as of JSON that was encoded twice"
    return problem


def validate(unwrapped: UnwrappedEvent, schemas: Schemas) -> Document:
    """Return the document of an event, or raise InvalidJson, SchemaViolated or OwnResultEvent."""
    value = _parsed(unwrapped)
    if unwrapped.attributes is not None:
        from . import cloudevents_http  # noqa: PLC0415 - costs cold start, and no alarm is one

        value = cloudevents_http.from_binary_mode(unwrapped.attributes, value)
    if isinstance(value, dict) and "specversion" in value and value.get("type") == RESULT_TYPE:
        raise OwnResultEvent  # on any route: its result would be the next one to come back
    source = _source(unwrapped, value)
    if source == "cloudevents":
        from . import cloudevents_http  # noqa: PLC0415 - as above

        value = cloudevents_http.normalize(value)
    try:
        schemas.check(f"events/{source}", value)
    except Violation as error:
        problem = _explained(error.problem, value, unwrapped, source)
        violated = SchemaViolated(problem, path=error.path, rule=error.rule)
        raise _rejected(violated, unwrapped, value) from None
    return Document(source, value)

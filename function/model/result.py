"""The types of the result: how far an event got, the summary of it, and the result event."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..lib import timestamps
from .cloud_state import ApiResponse
from .decision import Decision, Ending, Verdict
from .event import Event, RawEvent, UnwrappedEvent

if TYPE_CHECKING:
    from .check import Check

RESULT_TYPE = "dev.kafka-remediator.result.v1"
Receiver = Literal["sink", "topic"]
"""Receivers of a result in addition to its sender and the log."""


class EventContext(NamedTuple):
    """What is known of one event so far; each step adds to it."""

    raw_event: RawEvent
    project_id: str
    authenticated: bool = False
    source: str | None = None
    event: Event | None = None
    decision: Decision | None = None


class Summary(NamedTuple):
    """The content of the result event, before it is built."""

    ending: Ending
    message: str
    status: int
    verdicts: tuple[Verdict, ...] = ()
    request: Mapping[str, Any] | None = None
    response: ApiResponse | None = None
    attempts: int = 0
    checks: "tuple[Check, ...] | None" = None


class ResultEvent(NamedTuple):
    """The result event, with the status and headers of the HTTP response that carries it."""

    event: Mapping[str, Any]
    status: int
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def data(self) -> Mapping[str, Any]:
        """The `data` of the result event."""
        data: Mapping[str, Any] = self.event["data"]
        return data

    @property
    def event_id(self) -> str:
        """The id of the event in the log: its own, or else that of the result."""
        id_: str | None = self.data.get("event", {}).get("id")
        return id_ or str(self.event["id"])


def with_envelope_fields(event: Event, unwrapped: UnwrappedEvent) -> Event:
    """Add what the envelope says: an id and a name where the event has none, and when it was sent.

    That moment is signed, or the platform's: it counts before one that the sender wrote inside.
    """
    return event._replace(
        id=event.id or unwrapped.id,
        sent_at=timestamps.parse(unwrapped.sent_at) or event.sent_at,
        name=event.name or unwrapped.name,
    )


def notification_mark(result_id: str) -> str:
    """Return the last line of every message to people: where the log is, and that it is ours."""
    return f"Log: result {result_id} of kafka-remediator"


def is_notification(text: str) -> bool:
    """Tell whether a text is a notification of this function, sent by any process.

    Without this, a function that is subscribed to the topic of its own messages would answer each
    with another. The mark is a whole line, which no JSON document has: an alarm stays an alarm,
    whatever its name says.

    >>> is_notification("Kafka\\n" + notification_mark("0" * 32) + "\\r\\n")
    True
    >>> is_notification('{"alarm_name": "' + notification_mark("0" * 32) + '"}')
    False
    """
    mark = re.compile("Log: result [0-9a-f]{32} of kafka-remediator")
    return any(mark.fullmatch(line.strip()) for line in text.split("\n"))

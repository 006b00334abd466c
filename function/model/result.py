"""The nouns of the report: how far an event has come, and the result event that says so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..lib import timestamps
from .cloud_state import ApiResponse
from .decision import Decision, Verdict
from .event import Event, Outcome, RawEvent, UnwrappedEvent

RESULT_TYPE = "dev.kafka-remediator.result.v1"


class EventContext(NamedTuple):
    """Every value of the path of one event, as far as it has come."""

    raw_event: RawEvent
    project_id: str
    authenticated: bool = False
    source: str | None = None
    event: Event | None = None
    decision: Decision | None = None


class Summary(NamedTuple):
    """What the result event is to say of a trail."""

    outcome: Outcome
    reason: str | None
    message: str
    status: int
    verdicts: tuple[Verdict, ...] = ()
    request: Mapping[str, Any] | None = None
    response: ApiResponse | None = None
    attempts: int = 0
    retryable: bool = False
    needs_human: bool = False


class ResultEvent(NamedTuple):
    """The result event, and the HTTP answer that carries it."""

    event: Mapping[str, Any]
    status: int
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def data(self) -> Mapping[str, Any]:
        """The `data` of the result event."""
        data: Mapping[str, Any] = self.event["data"]
        return data


def with_envelope_fields(event: Event, unwrapped: UnwrappedEvent) -> Event:
    """Add what the envelope says: an id and a name where the event has none, and when it was sent.

    That moment is signed, or the platform's: it counts before one that the sender wrote inside.
    """
    return event._replace(
        id=event.id or unwrapped.id,
        sent_at=timestamps.parse(unwrapped.sent_at) or event.sent_at,
        name=event.name or unwrapped.name,
    )

"""The nouns of the report: how far an event has come, and the result event that says so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..lib import timestamps
from .cloud_state import ApiReply
from .decision import Decision, Verdict
from .event import Enveloped, Event, Outcome, Received


class Trail(NamedTuple):
    """Every value of the path of one event, as far as it has come."""

    received: Received
    project_id: str
    proven: bool = False
    source: str | None = None
    event: Event | None = None
    decision: Decision | None = None


class Findings(NamedTuple):
    """What the result event is to say of a trail."""

    outcome: Outcome
    reason: str | None
    message: str
    status: int
    verdicts: tuple[Verdict, ...] = ()
    request: Mapping[str, Any] | None = None
    reply: ApiReply | None = None
    attempts: int = 0
    retryable: bool = False
    needs_human: bool = False


class Result(NamedTuple):
    """The result event, and the HTTP answer that carries it."""

    event: Mapping[str, Any]
    status: int
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def data(self) -> Mapping[str, Any]:
        """The `data` of the result event."""
        data: Mapping[str, Any] = self.event["data"]
        return data


def completed(event: Event, enveloped: Enveloped) -> Event:
    """Add what the envelope says: an id and a name where the event has none, and when it was sent.

    That moment is signed, or the platform's: it counts before one that the sender wrote inside.
    """
    return event._replace(
        id=event.id or enveloped.id,
        sent=timestamps.parse(enveloped.sent) or event.sent,
        name=event.name or enveloped.name,
    )

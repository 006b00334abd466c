"""The nouns of the report: how far an event has come, and the result event that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .live_state import ApiReply
from .model import Event, Notice, Outcome, Received
from .verdict import Decision, Execution, Verdict


@dataclass(frozen=True, slots=True)
class Trail:
    """Every value of the path of one event so far; `problem` is what ended it early."""

    received: Received
    project_id: str
    proven: bool = False
    source: str | None = None
    notice: Notice | None = None
    event: Event | None = None
    decision: Decision | None = None
    execution: Execution | None = None


@dataclass(frozen=True, slots=True)
class Findings:
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


@dataclass(frozen=True, slots=True)
class Result:
    """The result event, and the HTTP answer that carries it."""

    event: Mapping[str, Any]
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Mapping[str, Any]:
        """The `data` of the result event."""
        data: Mapping[str, Any] = self.event["data"]
        return data

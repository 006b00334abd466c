"""The nouns of judgement: a verdict per instance, the call it leads to, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from .cloud_state import ApiResponse, InstanceState
from .event import Action, Outcome


class Mode(str, Enum):
    """What may be done with an instance: everything, nothing but saying so, or nothing."""

    ACT = "act"
    OBSERVE = "observe"
    OFF = "off"


class Verdict(NamedTuple):
    """What is decided for one instance, and later what became of it; `outcome` None means act."""

    id: str
    outcome: Outcome | None = None
    reason: str | None = None
    status: str | None = None
    last_restart: datetime | None = None
    needs_human: bool = False
    retryable: bool = False


class ScreenedEvent(NamedTuple):
    """The part of a decision that needs no live state: what is left to look at, what is not."""

    action: Action
    alarm: bool
    targets: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    raised_at: Mapping[str, datetime | None] = MappingProxyType({})
    reason: str | None = None
    notes: tuple[str, ...] = ()
    needs_human: bool = False

    @property
    def needs_live_state(self) -> bool:
        """Whether anything is left that the live state decides."""
        return bool(self.targets) or (self.action is Action.PURGE_FAILED and self.reason is None)


class ActionCall(NamedTuple):
    """The one call that changes anything: its body, the ids it names, and what it is for."""

    action: Action
    body: Mapping[str, Any]
    instances: tuple[str, ...] = ()


class Decision(NamedTuple):
    """A verdict for every instance and, if anything is to be done, the call that does it."""

    action: Action
    verdicts: tuple[Verdict, ...] = ()
    call: ActionCall | None = None
    dry_run: bool = False
    reason: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    needs_human: bool = False


class ExecutionResult(NamedTuple):
    """What the call did: a final verdict per instance, the last answer, what to say besides.

    `states` are the instances as they were last read after the call.
    """

    outcome: Outcome | None = None
    reason: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    response: ApiResponse | None = None
    attempts: int = 0
    retryable: bool = False
    needs_human: bool = False
    states: Mapping[str, InstanceState] = MappingProxyType({})

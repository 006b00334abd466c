"""The types of a decision: a verdict per instance, the call it leads to, the result of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from .cloud_state import ApiResponse, InstanceState
from .event import Action, Outcome


class Mode(str, Enum):
    """What may be done with an instance: act, only report what would be done, or nothing."""

    ACT = "act"
    OBSERVE = "observe"
    OFF = "off"


class Ending(NamedTuple):
    """How an event, or one instance of it, ended, and what follows from that.

    `retryable`: nothing was done, and the same event may be sent again. `needs_human`: waiting and
    sending again do not help.
    """

    outcome: Outcome
    reason: str | None = None
    retryable: bool = False
    needs_human: bool = False


class Verdict(NamedTuple):
    """The decision on one instance, and later its result; `outcome` None means: act.

    Its fields from `outcome` on are those of an Ending.
    """

    id: str
    outcome: Outcome | None = None
    reason: str | None = None
    status: str | None = None
    last_restart: datetime | None = None
    retryable: bool = False
    needs_human: bool = False

    def ended(self, ending: Ending) -> "Verdict":
        """Return the verdict with this ending."""
        return self._replace(**ending._asdict())


class ScreenedEvent(NamedTuple):
    """An event after the rules that need no live state; `targets` are the instances left over."""

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
        """Whether anything is left to decide by the live state."""
        # A purge names no targets; where it is skipped, there is a reason.
        return bool(self.targets) or (self.action is Action.PURGE_FAILED and self.reason is None)


class ActionCall(NamedTuple):
    """The changing call: its action, its body, and the ids in it."""

    action: Action
    body: Mapping[str, Any]
    instances: tuple[str, ...] = ()


class Decision(NamedTuple):
    """A verdict for every instance and, where one is to act, the call."""

    action: Action
    verdicts: tuple[Verdict, ...] = ()
    call: ActionCall | None = None
    dry_run: bool = False
    reason: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    needs_human: bool = False


class ExecutionResult(NamedTuple):
    """The result of the call: a final verdict per instance, and the last response.

    `ending` is that of the call as a whole, None where none was sent.
    `states` are the instances as they were last read after the call.
    """

    ending: Ending | None = None
    verdicts: tuple[Verdict, ...] = ()
    response: ApiResponse | None = None
    attempts: int = 0
    states: Mapping[str, InstanceState] = MappingProxyType({})

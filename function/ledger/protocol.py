"""The ledger protocol: claims on instances, and the calls that were sent."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from ..model.sent_call import Changes, Room, SentCall


class Times(NamedTuple):
    """How long a claim may be waited for, and when its event ends; both in seconds left."""

    to_obtain: Callable[[], float]
    to_end: Callable[[], float]


class Claim(Protocol):
    """The right of one event to act on its targets, and the calls of the project as of now."""

    begun: float
    """When it was obtained, on the clock of the ledger: before anything was read."""

    problem: str | None
    """Why the claim could not be given up, once it has ended; it expires by itself then."""

    @property
    def calls(self) -> tuple[SentCall, ...]:
        """The calls of the project, with what this event has learned of them."""

    def learn(self, changes: Changes) -> None:
        """Keep what the event has learned; at the latest when the claim ends."""

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        """Enter a call before it is sent; False, and nothing entered, where there is no room.

        Counting and entering are one step, so two events never take the same room. Where it is
        False, `calls` is what stood in the way. Raise LedgerUnreadable where the claim was lost.
        """

    def call_id(self, target: str) -> str:
        """Return the id of the call that this event entered for a target."""


class Ledger(Protocol):
    """The calls of one project, and the claims on its instances."""

    def claim(self, targets: Sequence[str], times: Times) -> AbstractContextManager[Claim]:
        """Claim targets together, one event at a time; the claim ends with the block.

        Raise InstanceBusy when they are not obtained in time, LedgerUnreadable when the ledger
        cannot be read.
        """

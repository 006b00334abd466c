"""The entries of the ledger: calls that were sent, or may have been, and what is known of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

# What purges are filed under: they name no instance, and one is sent at a time.
PURGE = "purge"
# The vendor documents 3 to 15 minutes; what the cloud does not show is over after this.
MAX_RESTART_TIME = timedelta(minutes=20)
COUNT_ACCEPTED = timedelta(hours=24)  # as far as MAX_RESTARTS_PER_DAY looks back
# Covers redeliveries of one event; the next purge of a schedule comes hours later.
COUNT_PURGE = timedelta(seconds=60)
STORE_RESTART = timedelta(hours=25)
"""Longer than a restart counts: the clock of a Redis server may jump, and rules do not ask it."""


class SentCall(NamedTuple):
    """One instance of a call that was accepted, or may have arrived; dated by the cloud's clock.

    `shown`: the cloud's own history shows the restart, so this is no longer part of it. `over`: a
    read showed that the restart is over. `restarting_at`: when a read last showed the status
    RESTARTING, on the clock of the ledger (seconds); such a call has arrived, whatever the answer.
    """

    id: str
    target: str
    sent_at: datetime
    accepted: bool = False
    shown: bool = False
    over: bool = False
    restarting_at: float | None = None

    @property
    def restart_ends_at(self) -> datetime:
        """When the restart counts as over, if the cloud shows nothing of it."""
        return self.sent_at + MAX_RESTART_TIME

    @property
    def stored_for(self) -> timedelta:
        """How long a ledger stores the call; whether it still counts, `counts` tells."""
        return COUNT_PURGE if self.target == PURGE else STORE_RESTART

    def counts(self, now: datetime) -> bool:
        """Tell whether any rule may still look at the call."""
        accepted = COUNT_ACCEPTED if self.accepted else MAX_RESTART_TIME
        return now - self.sent_at < (COUNT_PURGE if self.target == PURGE else accepted)

    def is_history(self, now: datetime) -> bool:
        """Tell whether the call still counts as history, because the cloud does not show it."""
        return not self.shown and self.counts(now)

    def is_underway(self, now: datetime) -> bool:
        """Tell whether the instance counts for MAX_RESTARTING because of this call."""
        return not self.over and now - self.sent_at < MAX_RESTART_TIME and self.target != PURGE


class Changes(NamedTuple):
    """What was learned about calls, by their ids; flags are only ever set, never taken back."""

    shown: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()
    restarting: frozenset[str] = frozenset()
    accepted: Mapping[str, datetime] = MappingProxyType({})
    dropped: frozenset[str] = frozenset()

    def __or__(self, other: "Changes") -> "Changes":
        """Return what both say."""
        return Changes(
            self.shown | other.shown,
            self.over | other.over,
            self.restarting | other.restarting,
            {**self.accepted, **other.accepted},
            self.dropped | other.dropped,
        )

    @property
    def ids(self) -> frozenset[str]:
        """The calls of which anything was learned."""
        return self.shown | self.over | self.restarting | self.dropped | self.accepted.keys()

    def applied_to(self, call: SentCall, moment: float) -> SentCall | None:
        """Return a call with what was learned of it at a moment; None: it can be forgotten."""
        shown, over = call.shown or call.id in self.shown, call.over or call.id in self.over
        # Shown and over: the history of the cloud has all of it from now on.
        if call.id in self.dropped or (shown and over):
            return None
        return call._replace(
            shown=shown,
            over=over,
            restarting_at=moment if call.id in self.restarting else call.restarting_at,
            accepted=call.accepted or call.id in self.accepted or call.id in self.restarting,
            sent_at=self.accepted.get(call.id, call.sent_at),
        )


class Room(NamedTuple):
    """The limit on restarts at once, and what it is measured with when a call is entered."""

    limit: int
    restarting: frozenset[str]
    now: datetime

    def allows(self, targets: Iterable[str], calls: Iterable[SentCall]) -> bool:
        """Tell whether these instances may restart beside all that do already."""
        underway = {call.target for call in calls if call.is_underway(self.now)}
        return len(self.restarting | underway | {*targets}) <= self.limit

"""The ledger in memory: lost when the process ends, and not shared with other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count

from ..model.errors import LedgerUnreadable
from ..model.sent_call import Changes, Room, SentCall
from .locks import NamedLocks
from .protocol import Claim, Times

MAX_CALLS = 20_000
"""About 10 MB. A project has at most 5,000 instances; the cloud shows most calls within minutes."""


class MemoryLedger:
    """The calls of one project, in the memory of this process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._locks = NamedLocks()
        self._guard = threading.Lock()
        self._calls: dict[str, SentCall] = {}
        # By the monotonic clock: a wall clock that is set forward would forget calls that count.
        self._expires: dict[str, float] = {}
        self._numbers = count()

    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        """Claim targets together; raise InstanceBusy when they are not free in time."""
        with self._locks.hold(targets, times.to_obtain):
            begun = self._monotonic()
            with self._guard:
                self._forget_old(begun)
            yield _MemoryClaim(self, f"{next(self._numbers)}", begun)

    def sent_calls(self) -> tuple[SentCall, ...]:
        """Return the calls that are remembered."""
        with self._guard:
            return tuple(self._calls.values())

    def learn(self, changes: Changes) -> None:
        """Keep what an event has learned of calls."""
        moment = self._monotonic()
        with self._guard:
            for id_ in changes.ids & self._calls.keys():
                changed = changes.applied_to(self._calls[id_], moment)
                if changed is None:
                    self._forget(id_)
                else:
                    self._calls[id_] = changed

    def _forget(self, id_: str) -> None:
        del self._calls[id_], self._expires[id_]

    def enter(self, calls: Sequence[SentCall], room: Room | None) -> bool:
        """Enter calls where there is room for them, in one step."""
        moment = self._monotonic()
        with self._guard:
            self._forget_old(moment)
            # Refused, not the oldest one forgotten: that could make a verdict bolder.
            if len(self._calls) + len(calls) > MAX_CALLS:
                raise LedgerUnreadable("the ledger of this process is full")
            if room and not room.allows((call.target for call in calls), self._calls.values()):
                return False
            self._calls.update((call.id, call) for call in calls)
            self._expires.update(
                (call.id, moment + call.stored_for.total_seconds()) for call in calls
            )
            return True

    def _forget_old(self, moment: float) -> None:
        """Remove calls that no rule uses any longer, by the monotonic clock."""
        for id_ in [id_ for id_, end in self._expires.items() if end <= moment]:
            self._forget(id_)


class _MemoryClaim:
    """The claim of one event; what it learns is kept at once."""

    def __init__(self, ledger: MemoryLedger, token: str, begun: float) -> None:
        self._ledger, self._token = ledger, token
        self.begun = begun
        self.problem: str | None = None

    @property
    def calls(self) -> tuple[SentCall, ...]:
        return self._ledger.sent_calls()

    def learn(self, changes: Changes) -> None:
        self._ledger.learn(changes)

    def call_id(self, target: str) -> str:
        return f"{self._token}/{target}"

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        calls = [SentCall(self.call_id(target), target, sent_at) for target in targets]
        return self._ledger.enter(calls, room)

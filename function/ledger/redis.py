"""The ledger that copies share through Redis; imported only when LEDGER_URL is set.

Whatever goes wrong with the server is one error, LedgerUnreadable, and nothing is sent then. No
text of the redis library leaves this package: it may name the server, or hold its password.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from ..model.errors import InstanceBusy, LedgerUnreadable
from ..model.sent_call import MAX_RESTART_TIME, PURGE, STORE_RESTART, Changes, Room, SentCall
from . import scripts
from .locks import NamedLocks
from .protocol import Claim, Times
from .redis_problems import NONSENSE
from .redis_server import COMMAND_SECONDS, RedisServer

MAX_CALLS = 10_000
"""A claim reads them all: with so many it took 90 ms, of the 0.3 s that a step has."""
# Between two tries for a claim. Another event may give it up at once, or hold it for seconds.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.01, 0.1
CLAIM_MARGIN_SECONDS = 5.0
"""How much longer than its event a claim lives, if the event is killed: a stopped process that goes
on within it still finds its claim, and sends nothing after its deadline anyway."""
MIN_STEP_SECONDS = 0.05  # to give a claim up at the very end of an event
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
_STORE_MS = STORE_RESTART // MILLISECOND


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def _written(call: SentCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "target": call.target,
        "sent_at": _milliseconds(call.sent_at),
        "restart": call.target != PURGE,
        "accepted": call.accepted,
        "shown": call.shown,
        "over": call.over,
        "keep": call.stored_for // MILLISECOND,
    }


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = row[name]
    if not isinstance(value, bool):
        raise TypeError(name)
    return value


def _read(row: Mapping[str, Any]) -> SentCall:
    """Return a call as the server keeps it; any exception where it is something else."""
    seen = row.get("restarting_at")
    return SentCall(
        id=str(row["id"]),
        target=str(row["target"]),
        sent_at=EPOCH + timedelta(milliseconds=row["sent_at"]),
        accepted=_flag(row, "accepted"),
        shown=_flag(row, "shown"),
        over=_flag(row, "over"),
        restarting_at=None if seen is None else seen / 1000,
    )


def _remembered(reply: Sequence[Any]) -> tuple[float, tuple[SentCall, ...]]:
    """Return the moment of an answer, in seconds, and the calls in it."""
    try:
        _, now, text = reply
        return now / 1000, tuple(map(_read, json.loads(text)))
    except Exception:  # noqa: BLE001 - whatever is wrong with what is kept there, it is unreadable
        raise LedgerUnreadable("the ledger holds what is none of its entries") from None


def _changes(changes: Changes) -> str:
    if not changes.ids:
        return ""
    sent_at = {id_: _milliseconds(moment) for id_, moment in changes.accepted.items()}
    return json.dumps(
        {
            "shown": [*changes.shown],
            "over": [*changes.over],
            "restarting": [*changes.restarting],
            "accepted": [*sent_at],
            "sent_at": sent_at,
            "dropped": [*changes.dropped],
        }
    )


def _limit(room: Room | None, sent_at: datetime) -> str:
    """Return what the call is counted with; a limit below zero is none."""
    now = room.now if room else sent_at
    return json.dumps(
        {
            "limit": room.limit if room else -1,
            "restarting": [*room.restarting] if room else [],
            "underway_since": _milliseconds(now - MAX_RESTART_TIME),
        }
    )


def _pauses() -> Iterator[float]:
    """Yield pauses for ever that grow to 0.1 s, with jitter, so that copies do not keep step."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause * random.uniform(1, 1.25)  # noqa: S311 - jitter, no secret
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


class RedisLedger:
    """The calls of one project, shared by all copies that use the same server."""

    def __init__(self, server: RedisServer, project_id: str) -> None:
        self._server = server
        # The braces keep all keys of a project in one slot, where the server is a cluster.
        self._prefix = f"kafka-remediator:{{{project_id}}}"
        self._locks = NamedLocks()
        self._guard = threading.Lock()
        self._unsaved = Changes()

    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        """Claim targets together, first within the process, where waiting costs nothing."""
        with self._locks.hold(targets, times.to_obtain):
            claim = RedisClaim(self, tuple(dict.fromkeys(targets)), times)
            claim.obtain()
            try:
                yield claim
            finally:
                claim.release()

    def run(
        self, script: str, targets: Sequence[str], arguments: Sequence[object], *, seconds: float
    ) -> list[Any]:
        """Run a script on the calls of the project and the claims of targets."""
        keys = [f"{self._prefix}:calls", *(f"{self._prefix}:claim:{target}" for target in targets)]
        reply = self._server.run(script, keys, arguments, seconds=seconds)
        if not isinstance(reply, list) or not reply or not isinstance(reply[0], int):
            raise LedgerUnreadable(NONSENSE)
        return reply

    def save_later(self, changes: Changes) -> None:
        """Keep changes that a failed step did not save, for the next step of this process.

        Without it a call that was accepted just before the server failed would count as unclear.
        """
        with self._guard:
            self._unsaved |= changes

    def take_unsaved(self) -> Changes:
        """Return the changes that are still to be saved, and forget them."""
        with self._guard:
            unsaved, self._unsaved = self._unsaved, Changes()
        return unsaved


class RedisClaim:
    """The claim of one event; what it learns is sent along with its next step."""

    def __init__(self, ledger: RedisLedger, targets: tuple[str, ...], times: Times) -> None:
        self._ledger, self._targets, self._times = ledger, targets, times
        # Random: process ids and counters repeat between machines, and after a restart.
        self._token, self._pending = secrets.token_hex(8), Changes()
        self.calls: tuple[SentCall, ...] = ()
        self.begun = 0.0
        self.problem: str | None = None

    def call_id(self, target: str) -> str:
        """Return the id of the call that this event entered for a target."""
        return f"{self._token}/{target}"

    def learn(self, changes: Changes) -> None:
        """Keep what the event has learned, for its next step."""
        self._pending |= changes
        ids = changes.ids
        # Of many calls an event learns about few, and copying one takes 2 µs.
        known = (
            changes.applied_to(call, self.begun) if call.id in ids else call for call in self.calls
        )
        self.calls = tuple(call for call in known if call is not None)

    def _run(self, script: str, *arguments: object) -> list[Any]:
        changes = self._ledger.take_unsaved() | self._pending
        self._pending = Changes()
        seconds = max(min(COMMAND_SECONDS, self._times.to_end()), MIN_STEP_SECONDS)
        arguments = (self._token, _changes(changes), *arguments)
        try:
            return self._ledger.run(script, self._targets, arguments, seconds=seconds)
        except LedgerUnreadable:
            self._ledger.save_later(changes)
            raise

    def obtain(self) -> None:
        """Claim the targets; raise InstanceBusy or LedgerUnreadable."""
        pauses = _pauses()
        while True:
            # By the time that is left now, not by that at the first try.
            hold_ms = round((max(self._times.to_end(), 0) + CLAIM_MARGIN_SECONDS) * 1000)
            reply = self._run(scripts.CLAIM, hold_ms)
            if reply[0] == 1:
                self.begun, self.calls = _remembered(reply)
                return
            pause = next(pauses)
            if pause >= self._times.to_obtain():
                raise InstanceBusy
            time.sleep(pause)

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        """Enter a call where there is room for it; raise LedgerUnreadable if the claim is lost."""
        calls = [SentCall(self.call_id(target), target, sent_at) for target in targets]
        entered = json.dumps([_written(call) for call in calls])
        try:
            reply = self._run(scripts.ENTER, entered, _STORE_MS, _limit(room, sent_at), MAX_CALLS)
        except LedgerUnreadable:
            # A server that stalls may enter it when it goes on, although nothing is sent now.
            self.learn(Changes(dropped=frozenset(call.id for call in calls)))
            raise
        if reply[0] == 0:
            _, self.calls = _remembered(reply)
            return False
        if reply[0] != 1:
            lost = reply[0] == -1
            raise LedgerUnreadable("the claim was lost" if lost else "the ledger is full")
        self.calls = (*self.calls, *calls)
        return True

    def release(self) -> None:
        """Give the claims up and send what was learned; where that fails, they expire."""
        try:
            self._run(scripts.RELEASE)
        except LedgerUnreadable as problem:
            self.problem = str(problem)

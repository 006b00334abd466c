"""The ledger that copies share through Redis; imported only when LEDGER_URL is set.

Whatever goes wrong with the server is one error, LedgerUnreadable, and nothing is sent then. No
text of the redis library leaves this module: it may name the server, or hold its password.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from ..model.errors import InstanceBusy, LedgerUnreadable
from ..model.sent_call import KEEP_ACCEPTED, MAX_RESTART_TIME, PURGE, Changes, Room, SentCall
from . import scripts
from .locks import NamedLocks
from .protocol import Claim, Times
from .redis_server import COMMAND_SECONDS, RedisServer

MAX_CALLS = 20_000  # about 5 MB; as the ledger of one process
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.01, 0.1
CLAIM_MARGIN_SECONDS = 5.0
"""How much longer than its event a claim lives, if the event is killed: a stopped process that goes
on within it still finds its claim, and sends nothing after its deadline anyway."""
MIN_STEP_SECONDS = 0.05  # to give a claim up at the very end of an event
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
_KEEP_MS = KEEP_ACCEPTED // MILLISECOND


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
        "keep": call.keep // MILLISECOND,
    }


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = row[name]
    if not isinstance(value, bool):
        raise TypeError(name)
    return value


def _read(text: bytes) -> SentCall:
    """Return a call as the server keeps it; any exception where it is something else."""
    row = json.loads(text)
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


def _calls(rows: Sequence[bytes]) -> tuple[SentCall, ...]:
    try:
        return tuple(map(_read, rows))
    except Exception:  # noqa: BLE001 - whatever is wrong with what is kept there, it is unreadable
        raise LedgerUnreadable("the ledger holds what is none of its entries") from None


def _changes(changes: Changes) -> str:
    sent_at = {id_: _milliseconds(moment) for id_, moment in changes.accepted.items()}
    return json.dumps(
        {
            "shown": [*changes.shown],
            "over": [*changes.over],
            "restarting": [*changes.restarting],
            "accepted": [*sent_at],
            "sent_at": sent_at,
            "dropped": [*changes.dropped],
            "keep": _KEEP_MS,
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


class RedisLedger:
    """The calls of one project, shared by all copies that use the same server."""

    def __init__(self, server: RedisServer, project_id: str) -> None:
        self._server = server
        # The braces keep all keys of a project in one slot, where the server is a cluster.
        self._prefix = f"kafka-remediator:{{{project_id}}}"
        self._locks = NamedLocks()

    def run(
        self,
        script: str,
        targets: Sequence[str],
        *arguments: object,
        seconds: float = COMMAND_SECONDS,
    ) -> list[Any]:
        """Run a script on the calls of the project and the claims of targets."""
        keys = [f"{self._prefix}:calls", *(f"{self._prefix}:claim:{target}" for target in targets)]
        reply = self._server.run(script, keys, arguments, seconds=seconds)
        if not isinstance(reply, list) or not reply or not isinstance(reply[0], int):
            raise LedgerUnreadable("the ledger gave an answer that makes no sense")
        return reply

    def sent_calls(self) -> tuple[SentCall, ...]:
        """Return the calls that are remembered; raise LedgerUnreadable."""
        return _remembered(self.run(scripts.READ, (), "", _KEEP_MS), at=2)

    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        """Claim targets together, first within the process, where waiting costs nothing."""
        with self._locks.hold(targets, times.to_obtain):
            claim = self._obtain(tuple(sorted(set(targets))), times)
            try:
                yield claim
            finally:
                claim.release()

    def _obtain(self, targets: tuple[str, ...], times: Times) -> RedisClaim:
        token, pauses = secrets.token_hex(8), _pauses()
        while True:
            hold_ms = round((max(times.to_end(), 0) + CLAIM_MARGIN_SECONDS) * 1000)
            reply = self.run(scripts.CLAIM, targets, token, _KEEP_MS, hold_ms)
            if reply[0] == 1:
                calls, begun = _remembered(reply, at=2), _moment(reply[1])
                return RedisClaim(self, (targets, token), times, begun=begun, calls=calls)
            pause = next(pauses)
            if pause >= times.to_obtain():
                raise InstanceBusy
            time.sleep(pause)


def _pauses() -> Iterator[float]:
    """Yield pauses for ever that grow to 0.1 s, with jitter, so that copies do not keep step."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause * random.uniform(1, 1.25)  # noqa: S311 - jitter, no secret
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _moment(milliseconds: object) -> float:
    if not isinstance(milliseconds, int):
        raise LedgerUnreadable("the ledger gave an answer that makes no sense")
    return milliseconds / 1000


def _remembered(reply: list[Any], *, at: int) -> tuple[SentCall, ...]:
    if len(reply) <= at or not isinstance(reply[at], list):
        raise LedgerUnreadable("the ledger gave an answer that makes no sense")
    return _calls(reply[at])


class RedisClaim:
    """The claim of one event; what it learns is sent along with its next step."""

    def __init__(
        self,
        ledger: RedisLedger,
        held: tuple[tuple[str, ...], str],
        times: Times,
        *,
        begun: float,
        calls: tuple[SentCall, ...],
    ) -> None:
        self._ledger, self._times = ledger, times
        self._targets, self._token = held
        self._calls, self._pending = calls, Changes()
        self.begun = begun
        self.problem: str | None = None

    @property
    def calls(self) -> tuple[SentCall, ...]:
        """The calls as of the last step, with what was learned since."""
        known = (self._pending.applied_to(call, self.begun) for call in self._calls)
        return tuple(call for call in known if call is not None)

    def call_id(self, target: str) -> str:
        """Return the id of the call that this event entered for a target."""
        return f"{self._token}/{target}"

    def learn(self, changes: Changes) -> None:
        """Keep what the event has learned, for its next step."""
        self._pending |= changes

    def _run(self, script: str, *arguments: object) -> list[Any]:
        pending, self._calls = _changes(self._pending), self.calls
        self._pending = Changes()
        arguments = (self._token, _KEEP_MS, pending, *arguments)
        seconds = max(min(COMMAND_SECONDS, self._times.to_end()), MIN_STEP_SECONDS)
        return self._ledger.run(script, self._targets, *arguments, seconds=seconds)

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        """Enter a call where there is room for it; raise LedgerUnreadable if the claim is lost."""
        calls = [SentCall(self.call_id(target), target, sent_at) for target in targets]
        entered = json.dumps([_written(call) for call in calls])
        try:
            reply = self._run(scripts.ENTER, entered, _limit(room, sent_at), MAX_CALLS)
        except LedgerUnreadable:
            # A server that stalls may enter it when it goes on, although nothing is sent now.
            self.learn(Changes(dropped=frozenset(call.id for call in calls)))
            raise
        if reply[0] == 0:
            self._calls = _remembered(reply, at=1)
            return False
        if reply[0] != 1:
            lost = reply[0] == -1
            raise LedgerUnreadable("the claim was lost" if lost else "the ledger is full")
        self._calls = (*self._calls, *calls)
        return True

    def release(self) -> None:
        """Give the claim up and send what was learned; where that fails, it expires by itself."""
        try:
            self._run(scripts.RELEASE)
        except LedgerUnreadable as problem:
            self.problem = str(problem)

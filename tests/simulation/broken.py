"""Copies of the function with one safety taken out, to show that the invariants notice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from function.ledger.locks import NamedLocks
from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Claim, Times
from function.model.sent_call import Changes, Room, SentCall
from function.pipeline import Runtime

from .clock import NightClock
from .replicas import Build, build


class _NoLocks(MemoryLedger):
    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        self._locks = NamedLocks()  # each event takes locks of its own
        with super().claim(targets, times) as claim:
            yield claim


class _ForgetfulClaim:
    begun = 0.0
    problem: str | None = None
    calls: tuple[SentCall, ...] = ()

    def learn(self, changes: Changes) -> None:
        """Forget it."""

    def call_id(self, target: str) -> str:
        return target

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        return True


class _Forgetful(MemoryLedger):
    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        with super().claim(targets, times):
            yield _ForgetfulClaim()


def without_locks(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Observe and execute whatever others do meanwhile."""
    return build(environment, clock)._replace(ledger=_NoLocks(clock.monotonic))


def without_ledger(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Forget what was sent."""
    return build(environment, clock)._replace(ledger=_Forgetful(clock.monotonic))


def without_cooldown(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Run without the cooldown that was promised."""
    return build({**environment, "COOLDOWN_SECONDS": "0"}, clock)


BROKEN: Mapping[str, Build] = {
    "without_locks": without_locks,
    "without_ledger": without_ledger,
    "without_cooldown": without_cooldown,
}

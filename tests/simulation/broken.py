"""Variants of the function without one safety, which the invariants must notice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Claim, Times
from function.model.sent_call import Changes, Room, SentCall
from function.pipeline import Runtime

from .clock import SimulatedClock
from .replicas import Build, build


class _ForgetfulClaim:
    begun = 0.0
    problem: str | None = None
    calls: tuple[SentCall, ...] = ()

    def learn(self, changes: Changes) -> None:
        """Discard the changes."""

    def call_id(self, target: str) -> str:
        return target

    def enter(self, targets: Sequence[str], sent_at: datetime, room: Room | None) -> bool:
        return True


class _Forgetful(MemoryLedger):
    @contextmanager
    def claim(self, targets: Sequence[str], times: Times) -> Iterator[Claim]:
        with super().claim(targets, times):
            yield _ForgetfulClaim()


def without_ledger(environment: Mapping[str, str], clock: SimulatedClock) -> Runtime:
    """Run with a ledger that forgets sent calls."""
    return build(environment, clock)._replace(ledger=_Forgetful(clock.monotonic))


def without_cooldown(environment: Mapping[str, str], clock: SimulatedClock) -> Runtime:
    """Run without a cooldown."""
    return build({**environment, "COOLDOWN_SECONDS": "0"}, clock)


BROKEN: Mapping[str, Build] = {
    "without_ledger": without_ledger,
    "without_cooldown": without_cooldown,
}

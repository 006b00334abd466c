"""Copies of the function with one safety taken out, to show that the invariants notice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from function.dms.locks import InFlight, InstanceLocks
from function.pipeline import Runtime

from .clock import NightClock
from .replicas import Build, build

T = TypeVar("T")


class _NoLocks(InstanceLocks):
    @contextmanager
    def hold(self, instances: Sequence[str], remaining: Callable[[], float]) -> Iterator[None]:
        yield


class _NobodyElse(InFlight):
    def take_off(
        self, since: float, decide: Callable[[frozenset[str]], tuple[T, Sequence[str]]]
    ) -> T:
        return decide(frozenset())[0]


def without_locks(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Observe and execute whatever others do meanwhile."""
    return build(environment, clock)._replace(locks=_NoLocks())


def without_in_flight(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Forget what other events of the process are about to restart."""
    return build(environment, clock)._replace(in_flight=_NobodyElse(clock.monotonic))


def without_cooldown(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Run without the cooldown that was promised."""
    return build({**environment, "COOLDOWN_SECONDS": "0"}, clock)


BROKEN: Mapping[str, Build] = {
    "without_locks": without_locks,
    "without_in_flight": without_in_flight,
    "without_cooldown": without_cooldown,
}

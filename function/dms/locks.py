"""One at a time: locks by instance, and the restarts of this process that do not show yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from ..model.errors import InstanceBusy

T = TypeVar("T")
LOCK_STRIPES = 64
FORGET_AFTER_SECONDS = 60


class InstanceLocks:
    """A fixed number of locks that instances share; forgetting them changes no verdict."""

    def __init__(self) -> None:
        self._locks = tuple(threading.Lock() for _ in range(LOCK_STRIPES))

    @contextmanager
    def hold(self, instances: Sequence[str], remaining: Callable[[], float]) -> Iterator[None]:
        """Hold the locks of these instances, taken in order; raise InstanceBusy at the end."""
        with ExitStack() as held:
            for index in sorted({int(instance[:8], 16) % LOCK_STRIPES for instance in instances}):
                if not self._locks[index].acquire(timeout=max(remaining(), 0)):
                    raise InstanceBusy
                held.callback(self._locks[index].release)
            yield


class InFlight:
    """The instances that events of this process restart at the same time.

    What one event is about to restart does not show in what another reads meanwhile. So events
    that overlap count each other's instances; ones that do not overlap know nothing of each other.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._landed: dict[str, float | None] = {}

    def _since(self, moment: float) -> frozenset[str]:
        return frozenset(
            instance
            for instance, landed in self._landed.items()
            if landed is None or landed >= moment
        )

    def take_off(
        self, since: float, decide: Callable[[frozenset[str]], tuple[T, Sequence[str]]]
    ) -> T:
        """Decide, knowing what was in flight since a moment, and add what this sends off."""
        with self._lock:
            decision, instances = decide(self._since(since))
            self._landed.update(dict.fromkeys(instances))
            return decision

    def land(self, instances: Sequence[str]) -> None:
        """Note that these instances show their restart now, or will not restart."""
        now = self._monotonic()
        with self._lock:
            self._landed.update(dict.fromkeys(instances, now))
            for instance, landed in list(self._landed.items()):
                if landed is not None and landed < now - FORGET_AFTER_SECONDS:
                    del self._landed[instance]

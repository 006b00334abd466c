"""Per-instance locks within this process, so that events on one instance run one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ..model.errors import InstanceBusy


class _CountedLock:
    """A lock, and how many events hold it or wait for it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0


class NamedLocks:
    """One lock per name; a lock that is neither held nor waited for is removed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, _CountedLock] = {}

    def __len__(self) -> int:
        """Return how many locks are held or waited for."""
        return len(self._locks)

    @contextmanager
    def hold(self, names: Sequence[str], remaining: Callable[[], float]) -> Iterator[None]:
        """Hold the locks of these names; raise InstanceBusy when the remaining seconds are over.

        They are always taken in the same order, so that two events cannot deadlock.
        """
        with ExitStack() as held:
            for name in sorted(set(names)):
                held.enter_context(self._hold_one(name, remaining))
            yield

    @contextmanager
    def _hold_one(self, name: str, remaining: Callable[[], float]) -> Iterator[None]:
        # Counted before it is waited for, or its holder would remove it, and the next event would
        # make a second lock of the same name.
        with self._guard:
            entry = self._locks.setdefault(name, _CountedLock())
            entry.users += 1
        try:
            if not entry.lock.acquire(timeout=max(remaining(), 0)):
                raise InstanceBusy
            try:
                yield
            finally:
                entry.lock.release()
        finally:
            with self._guard:
                entry.users -= 1
                if not entry.users:
                    del self._locks[name]

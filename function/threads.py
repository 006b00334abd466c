"""Work in threads that a deadline abandons: no socket timeout bounds a server that drips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
NAME = "abandonable"


class TookTooLong(Exception):
    """The work was not done in time; its thread is abandoned and may still go on."""


class NoThread(Exception):
    """This machine gives no thread for the work, which was not begun."""


class _Told(NamedTuple):
    """What one thread tells whoever waits: its number, and its results or the error."""

    number: int
    results: list[Any]
    error: BaseException | None = None


class _Job(NamedTuple):
    """Some pieces of work for one thread, to be done one after the other."""

    number: int
    works: Sequence[Callable[[], Any]]
    told: SimpleQueue[_Told]

    def done(self) -> _Told:
        """Do the work, and return what is to be told of it."""
        try:
            return _Told(self.number, [work() for work in self.works])
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            return _Told(self.number, [], error)


class Crew:
    """The threads of one event: one that is done is used again, because starting one costs 0.1 ms.

    Closing it ends those that wait for work, and the others as soon as they are done.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._idle: list[SimpleQueue[_Job | None]] = []

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
        """Return the results of all the work; raise the first error, TookTooLong or NoThread."""
        end = time.monotonic() + seconds
        told: SimpleQueue[_Told] = SimpleQueue()
        batches = min(threads, len(works))
        for first in range(batches):
            self._give(_Job(first, works[first::threads], told))
        found: dict[int, list[T]] = {}
        for _ in range(batches):
            one = self._next(told, end)
            found[one.number] = one.results
        return [found[index % batches][index // batches] for index in range(len(works))]

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what the work returns; raise its error, TookTooLong or NoThread."""
        return self.gather([work], threads=1, seconds=seconds)[0]

    def close(self) -> None:
        """End every thread that waits for work."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    @staticmethod
    def _next(told: SimpleQueue[_Told], end: float) -> _Told:
        """Wait until a thread is done, and raise its error if it has one."""
        try:
            one = told.get(timeout=max(end - time.monotonic(), 0))
        except Empty:
            raise TookTooLong from None
        if one.error is not None:
            raise one.error
        return one

    def _give(self, job: _Job) -> None:
        """Have an idle thread do a job, or a new one."""
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(job)
            return
        try:
            threading.Thread(target=self._work, args=(job,), name=NAME, daemon=True).start()
        except RuntimeError:
            raise NoThread from None

    def _work(self, job: _Job | None) -> None:
        inbox: SimpleQueue[_Job | None] = SimpleQueue()
        while job is not None:
            done = job.done()
            with self._lock:
                closed = self._closed
                self._idle += [] if closed else [inbox]
            job.told.put(done)  # last, so that whoever waited for it finds this thread idle
            job = None if closed else inbox.get()


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns; raise its error, TookTooLong or NoThread."""
    with closing(Crew()) as crew:
        return crew.within(seconds, work)

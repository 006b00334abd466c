"""Work in threads that a deadline abandons: no socket timeout bounds a server that drips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import closing
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
Publish = Callable[[], None]
NAME = "abandonable"


class TookTooLong(Exception):
    """The work was not done in time; its thread is abandoned and may still go on."""


class Crew:
    """The threads of one event: one that is done is used again, because starting one costs 0.2 ms.

    Closing it ends those that wait for work, and the others as soon as they are done.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._idle: list[SimpleQueue[Callable[[], Publish] | None]] = []

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
        """Return the results of all the work, or raise the first error, or TookTooLong."""
        futures = [self._give(works[first::threads]) for first in range(min(threads, len(works)))]
        done, pending = wait(futures, timeout=max(seconds, 0), return_when=FIRST_EXCEPTION)
        batches = [future.result() for future in futures if future in done]
        if pending:
            raise TookTooLong
        return [batches[index % len(batches)][index // len(batches)] for index in range(len(works))]

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise its error, or TookTooLong."""
        return self.gather([work], threads=1, seconds=seconds)[0]

    def close(self) -> None:
        """End every thread that waits for work."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _give(self, works: Sequence[Callable[[], T]]) -> Future[list[T]]:
        """Have one thread do some pieces of work, one after the other."""
        future: Future[list[T]] = Future()

        def job() -> Publish:
            try:
                return partial(future.set_result, [work() for work in works])
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
                return partial(future.set_exception, error)

        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(job)
        else:
            threading.Thread(target=self._work, args=(job,), name=NAME, daemon=True).start()
        return future

    def _work(self, job: Callable[[], Publish] | None) -> None:
        inbox: SimpleQueue[Callable[[], Publish] | None] = SimpleQueue()
        while job is not None:
            publish = job()
            with self._lock:
                closed = self._closed
                self._idle += [] if closed else [inbox]
            publish()  # last, so that whoever waited for it finds this thread idle
            job = None if closed else inbox.get()


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns, or raise its error, or TookTooLong."""
    with closing(Crew()) as crew:
        return crew.within(seconds, work)

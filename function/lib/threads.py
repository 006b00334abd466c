"""Run blocking calls in daemon threads, so that a deadline can abandon them.

Socket timeouts are per read: a server that sends one byte at a time never triggers them.
The futures are those of `concurrent.futures`; its executor joins its threads at exit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
NAME = "abandonable"
# A resolver that hangs takes one or two threads of each event; 64 are 4 MiB.
MAX_ABANDONED = 64
# Most events use two to five threads; those that a storm has started are not needed for long.
MAX_IDLE, IDLE_SECONDS = 8, 60.0


class DeadlineExceeded(Exception):
    """The work was not done in time; its thread is abandoned and may still go on."""


class ThreadUnavailable(Exception):
    """There is no thread for the work, which was not begun."""


class Pool:
    """Daemon threads that do one piece of work after the other: starting one costs 0.1 ms."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self.begin()

    def begin(self) -> None:
        """Begin without threads, also in a forked process, which has none."""
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Any]] = []
        self._abandoned = 0
        self._inline = False

    @contextmanager
    def inline(self) -> Iterator[None]:
        """Do all work in the calling thread meanwhile; only for work that cannot hang.

        A simulated cloud answers at once, so a hand-over of 0.2 to 4 ms, measured on a machine with
        little and with much else to do, is all that threads add to an event there.
        """
        self._inline = True
        try:
            yield
        finally:
            self._inline = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have the work done, however many threads are abandoned; or raise ThreadUnavailable."""
        future: Future[T] = Future()
        if self._inline:
            _settle(future, work)
            return future
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = SimpleQueue()
            try:
                threading.Thread(target=self._run, args=(inbox,), name=NAME, daemon=True).start()
            except RuntimeError:
                raise ThreadUnavailable from None
        inbox.put((future, work))
        return future

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Begin work whose result may be asked for later; or raise ThreadUnavailable.

        Its thread counts as abandoned until it is back, because nothing has to wait for it.
        """
        if self._abandoned >= MAX_ABANDONED:
            raise ThreadUnavailable
        future = self.submit(work)
        self._abandon(future)
        return future

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
        """Return all results; raise the first error, DeadlineExceeded or ThreadUnavailable."""
        if self._abandoned >= MAX_ABANDONED:
            raise ThreadUnavailable
        futures: list[Future[list[T]]] = []
        try:
            for first in range(min(threads, len(works))):
                futures.append(self.submit(partial(_results, works[first::threads])))
            done, running = wait(futures, max(seconds, 0), FIRST_EXCEPTION)
            for future in done:
                future.result()
            if running:
                raise DeadlineExceeded
        finally:
            for future in futures:
                self._abandon(future)
        return [futures[n % threads].result()[n // threads] for n in range(len(works))]

    def _abandon(self, future: Future[Any]) -> None:
        """Count a thread until it is back; one that is back by now counts for no time."""
        self._count(1)
        future.add_done_callback(lambda _: self._count(-1))

    def _count(self, change: int) -> None:
        with self._lock:
            self._abandoned += change

    def _run(self, inbox: SimpleQueue[Any]) -> None:
        while self._do_next(inbox):  # in its own frame, so that no object of an event is kept alive
            pass

    def _do_next(self, inbox: SimpleQueue[Any]) -> bool:
        """Do one piece of work; False when none has come and enough other threads are idle."""
        result, error = None, None
        try:
            future, work = inbox.get(timeout=self._idle_seconds)
        except Empty:
            with self._lock:
                ends = len(self._idle) > MAX_IDLE and inbox in self._idle
                if ends:
                    self._idle.remove(inbox)
            return not ends
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - the caller gets it, whatever it is
            error = caught
        with self._lock:
            self._idle.append(inbox)  # first: the caller's next piece of work finds it
        future.set_result(result) if error is None else future.set_exception(error)
        return True


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    """Do the work and give its future what came of it."""
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
        future.set_exception(error)


def _results(works: Sequence[Callable[[], T]]) -> list[T]:
    return [work() for work in works]


_pool = Pool()
os.register_at_fork(after_in_child=_pool.begin)
submit, start, gather, inline = _pool.submit, _pool.start, _pool.gather, _pool.inline


def call_with_timeout(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns; raise its error, DeadlineExceeded or ThreadUnavailable."""
    return gather([work], threads=1, seconds=seconds)[0]

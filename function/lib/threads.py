"""Run blocking calls in daemon threads, so that a deadline can abandon them.

Socket timeouts are per read: a server that sends one byte at a time never triggers them.
The executor of `concurrent.futures` joins its threads at exit, and waiting for its futures costs
as much again as the change of the thread itself: 45 instead of 22 µs of CPU.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

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


class _Group:
    """Tasks that one thread waits for, until all have ended or the first has failed."""

    def __init__(self, tasks: int) -> None:
        self._left, self._is_awaited = tasks, True
        self._bell = threading.Lock()
        self._bell.acquire()

    def counts(self, *, failed: bool) -> bool:
        """Count a task that has ended; True where the bell is to be rung for it."""
        self._left -= 1
        rings = self._is_awaited and (failed or self._left == 0)
        self._is_awaited = self._is_awaited and not rings
        return rings

    def ring(self) -> None:
        """Let the thread that waits go on."""
        self._bell.release()

    def wait(self, seconds: float) -> None:
        """Wait for the bell, or for so many seconds."""
        if self._bell.acquire(timeout=max(seconds, 0)):
            self._bell.release()


class Task(Generic[T]):
    """Work for a thread; the lock of its pool guards both flags."""

    def __init__(self, work: Callable[[], T], group: _Group) -> None:
        self._work = work
        self._results: list[T] = []
        self.group = group
        self.error: BaseException | None = None
        self.is_done = self.is_abandoned = False

    def run(self) -> None:
        """Do the work, and keep what comes of it."""
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
            self.error = error

    def result(self, seconds: float = 0) -> T:
        """Return what came of the work, or raise its error or DeadlineExceeded."""
        if not self.is_done:
            self.group.wait(seconds)
        if not self.is_done:
            raise DeadlineExceeded
        if self.error is not None:
            raise self.error
        return self._results[0]


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

    def submit(self, work: Callable[[], T], group: _Group | None = None) -> Task[T]:
        """Have the work done, however many threads are abandoned; or raise ThreadUnavailable."""
        task = Task(work, group or _Group(1))
        if self._inline:
            task.run()
            self._end(task)
            return task
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = SimpleQueue()
            try:
                threading.Thread(target=self._run, args=(inbox,), name=NAME, daemon=True).start()
            except RuntimeError:
                raise ThreadUnavailable from None
        inbox.put(task)
        return task

    def start(self, work: Callable[[], T]) -> Task[T]:
        """Begin work whose result may be asked for later; or raise ThreadUnavailable.

        Its thread counts as abandoned until it is back, because nothing has to wait for it.
        """
        if self._abandoned >= MAX_ABANDONED:
            raise ThreadUnavailable
        task = self.submit(work)
        self._abandon(task)
        return task

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
        """Return all results; raise the first error, DeadlineExceeded or ThreadUnavailable."""
        if self._abandoned >= MAX_ABANDONED:
            raise ThreadUnavailable
        threads = min(threads, len(works))
        group = _Group(threads)
        tasks: list[Task[list[T]]] = []
        try:
            for first in range(threads):
                tasks.append(self.submit(partial(_results, works[first::threads]), group))
            if tasks:
                group.wait(seconds)
            for failed in (task for task in tasks if task.error is not None and task.is_done):
                failed.result()
            results = [task.result() for task in tasks]
        finally:
            for task in tasks:
                self._abandon(task)
        return [results[n % threads][n // threads] for n in range(len(works))]

    def _abandon(self, task: Task[Any]) -> None:
        """Count a thread until it is back; one that is back by now counts for no time."""
        if task.is_done:
            return
        with self._lock:
            task.is_abandoned = not task.is_done
            self._abandoned += task.is_abandoned

    def _end(self, task: Task[Any], inbox: SimpleQueue[Any] | None = None) -> None:
        """Note that a task has ended, and wake the thread that waits for it."""
        with self._lock:
            if inbox is not None:
                self._idle.append(inbox)  # first: the caller's next piece of work finds it
            self._abandoned -= task.is_abandoned
            task.is_done = True
            rings = task.group.counts(failed=task.error is not None)
        if rings:
            task.group.ring()

    def _run(self, inbox: SimpleQueue[Any]) -> None:
        while self._do_next(inbox):  # in its own frame, so that no object of an event is kept alive
            pass

    def _do_next(self, inbox: SimpleQueue[Any]) -> bool:
        """Do one piece of work; False when none has come and enough other threads are idle."""
        try:
            task = inbox.get(timeout=self._idle_seconds)
        except Empty:
            with self._lock:
                ends = len(self._idle) > MAX_IDLE and inbox in self._idle
                if ends:
                    self._idle.remove(inbox)
            return not ends
        task.run()
        self._end(task, inbox)
        return True


def _results(works: Sequence[Callable[[], T]]) -> list[T]:
    return [work() for work in works]


_pool = Pool()
os.register_at_fork(after_in_child=_pool.begin)
submit, start, gather, inline = _pool.submit, _pool.start, _pool.gather, _pool.inline


def call_with_timeout(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns; raise its error, DeadlineExceeded or ThreadUnavailable."""
    return gather([work], threads=1, seconds=seconds)[0]

"""Work in threads that a deadline abandons: no socket timeout bounds a server that drips."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
NAME = "abandonable"


class DeadlineExceeded(Exception):
    """The work was not done in time; its thread is abandoned and may still go on."""


class ThreadUnavailable(Exception):
    """This machine gives no thread for the work, which was not begun."""


class _Told(NamedTuple):
    """What one thread tells whoever waits: its number, and its results or the error."""

    number: int
    results: list[Any]
    error: BaseException | None = None


class _Desk:
    """Where threads tell what they have done, and one waits for it.

    A SimpleQueue would do, but on Python 3.10 it waits for ever where next to no time is left.
    """

    def __init__(self) -> None:
        self._told: deque[_Told] = deque()
        self._news = threading.Lock()
        self._news.acquire()

    def tell(self, one: _Told) -> None:
        """Lay down what one thread has done."""
        self._told.append(one)
        with suppress(RuntimeError):  # there is news already
            self._news.release()

    def take(self, end: float) -> _Told:
        """Wait until there is something; raise DeadlineExceeded or a thread's error."""
        while not self._told:
            if not self._news.acquire(timeout=max(end - time.monotonic(), 0)):
                raise DeadlineExceeded
        one = self._told.popleft()
        if one.error is not None:
            raise one.error
        return one


class _Job(NamedTuple):
    """Some pieces of work for one thread, to be done one after the other."""

    number: int
    works: Sequence[Callable[[], Any]]
    desk: _Desk

    def done(self) -> _Told:
        """Do the work, and return what is to be told of it."""
        try:
            return _Told(self.number, [work() for work in self.works])
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            return _Told(self.number, [], error)


_Inbox = SimpleQueue[_Job]
# Threads that wait for work: starting one costs 0.1 ms, so they serve event after event.
_idle: deque[_Inbox] = deque()
os.register_at_fork(after_in_child=_idle.clear)  # a forked process has none of them


def gather(works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
    """Return all results; raise the first error, DeadlineExceeded or ThreadUnavailable."""
    end = time.monotonic() + seconds
    desk = _Desk()
    batches = min(threads, len(works))
    for first in range(batches):
        _give(_Job(first, works[first::threads], desk))
    found: dict[int, list[T]] = {}
    for _ in range(batches):
        one = desk.take(end)
        found[one.number] = one.results
    return [found[index % batches][index // batches] for index in range(len(works))]


def call_with_timeout(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns; raise its error, DeadlineExceeded or ThreadUnavailable."""
    return gather([work], threads=1, seconds=seconds)[0]


def _give(job: _Job) -> None:
    """Have an idle thread do a job, or a new one."""
    try:
        inbox = _idle.pop()
    except IndexError:
        inbox = _started()
    inbox.put(job)


def _started() -> _Inbox:
    """Start a thread, and return where it gets its work from."""
    inbox: _Inbox = SimpleQueue()
    try:
        threading.Thread(target=_work, args=(inbox,), name=NAME, daemon=True).start()
    except RuntimeError:
        raise ThreadUnavailable from None
    return inbox


def _work(inbox: _Inbox) -> None:
    while True:
        _do_next(inbox)  # in a frame of its own, so that nothing of an event is kept


def _do_next(inbox: _Inbox) -> None:
    job = inbox.get()
    done = job.done()
    _idle.append(inbox)
    job.desk.tell(done)  # last, so that whoever waited for it finds this thread idle

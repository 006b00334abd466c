"""Work in threads that a deadline abandons: no socket timeout bounds a server that drips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TypeVar

T = TypeVar("T")
NAME = "abandonable"


class TookTooLong(Exception):
    """The work was not done in time; its thread is abandoned and may still go on."""


def _start(works: Sequence[Callable[[], T]]) -> Future[list[T]]:
    """Start a thread that does some pieces of work, one after the other."""
    future: Future[list[T]] = Future()

    def run() -> None:
        try:
            future.set_result([work() for work in works])
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            future.set_exception(error)

    threading.Thread(target=run, name=NAME, daemon=True).start()
    return future


def gather(works: Sequence[Callable[[], T]], *, threads: int, seconds: float) -> list[T]:
    """Return the results of all the work, or raise the first error, or TookTooLong."""
    futures = [_start(works[first::threads]) for first in range(min(threads, len(works)))]
    done, pending = wait(futures, timeout=max(seconds, 0), return_when=FIRST_EXCEPTION)
    batches = [future.result() for future in futures if future in done]
    if pending:
        raise TookTooLong
    return [batches[index % len(batches)][index // len(batches)] for index in range(len(works))]


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns, or raise its error, or TookTooLong."""
    return gather([work], threads=1, seconds=seconds)[0]

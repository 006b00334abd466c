"""The threads of the function, watched: what an event began must come to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from function.lib import threads


@contextmanager
def ended() -> Iterator[None]:
    """See to it that all the work of the event comes to its end, also what was abandoned."""
    futures: list[Future[Any]] = []
    submit = threads._pool.submit

    def watched(work: Callable[[], Any]) -> Future[Any]:
        futures.append(submit(work))
        return futures[-1]

    with patch.object(threads._pool, "submit", watched):
        yield
    if wait(futures, 10).not_done:
        raise AssertionError("something outlives its event")

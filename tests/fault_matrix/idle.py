"""The threads of the function, watched: what an event began must come to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from function.lib import threads
from function.lib.threads import Task


@contextmanager
def ended() -> Iterator[None]:
    """See to it that all the work of the event comes to its end, also what was abandoned."""
    tasks: list[Task[Any]] = []
    submit = threads._pool.submit

    def watched(work: Callable[[], Any], *group: Any) -> Task[Any]:
        tasks.append(submit(work, *group))
        return tasks[-1]

    with patch.object(threads._pool, "submit", watched):
        yield
    end = time.monotonic() + 10
    while not all(task.is_done for task in tasks):
        if time.monotonic() > end:
            raise AssertionError("something outlives its event")
        threading.Event().wait(0.001)

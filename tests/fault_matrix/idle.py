"""The threads of the function, watched: what an event began must come to its end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from function.lib import threads


class Idle(deque[Any]):
    """The threads that wait for work; it knows how many of them are at work, and when none is."""

    def __init__(self) -> None:
        super().__init__()
        self._at_work = 0
        self._changed = threading.Condition()

    def pop(self) -> Any:  # type: ignore[override]  # only the last one is ever taken
        """Let one go to work; where none waits, a new one goes."""
        with self._changed:
            self._at_work += 1
            return super().pop()

    def append(self, inbox: Any) -> None:
        """Take back one that has done its work."""
        with self._changed:
            super().append(inbox)
            self._at_work -= 1
            self._changed.notify_all()

    def wait_for_all(self, seconds: float) -> bool:
        """Wait until none is at work, and tell whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: self._at_work <= 0, seconds)


IDLE = Idle()


@contextmanager
def ended() -> Iterator[None]:
    """See to it that all the work of the event comes to its end, also what was abandoned."""
    with patch.object(threads, "_idle", IDLE):
        yield
        if not IDLE.wait_for_all(10):
            raise AssertionError("something outlives its event")

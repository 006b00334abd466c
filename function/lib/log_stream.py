"""Write lines to standard streams whose reader may stall: a line waits a moment, or is dropped.

A line is written in a thread that can be abandoned, since nothing else bounds a write: readiness of
a pipe is no promise while other processes write to it, and O_NONBLOCK would hold for them too.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import TextIO

from .threads import ThreadUnavailable, submit

# Two streams that stall cost an event 0.4 s, less than the tenth of 4.5 s that is kept for reports.
PATIENCE_SECONDS = 0.2


class Drops:
    """Counts dropped lines, and those that no later line has reported yet."""

    def __init__(self) -> None:
        self.total = 0
        self._unreported = 0
        self.lock = threading.Lock()

    def count(self) -> None:
        """Count one dropped line."""
        with self.lock:
            self.total += 1
            self._unreported += 1

    def take(self) -> int:
        """Return how many dropped lines the next written line has to report."""
        with self.lock:
            unreported, self._unreported = self._unreported, 0
        return unreported

    def give_back(self, unreported: int) -> None:
        """Leave the report to another line: this one was not written."""
        with self.lock:
            self._unreported += unreported


class LogStream:
    """One standard stream, by its name in `sys`; it shares nothing with the other but the count."""

    def __init__(self, name: str, drops: Drops) -> None:
        self._name, self._drops = name, drops
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0
        self._line_is_incomplete = False

    def write(self, text: Callable[[int], str], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Write one line, or drop it; `text` gets the number of dropped lines it has to say.

        No line waits for one that has been stuck for as long as a line may wait.
        """
        now = time.monotonic()
        end = now + min(PATIENCE_SECONDS, seconds)
        if not self._lock.acquire(timeout=max(min(end, self._since + PATIENCE_SECONDS) - now, 0)):
            self._drops.count()
            return
        self._since = time.monotonic()
        stream: TextIO | None = getattr(sys, self._name)
        if stream is not getattr(sys, f"__{self._name}__"):
            # A platform, or a test, has put its own stream there, and may ask which thread writes.
            self._put(text, lambda line: _write_through(stream, line))
            return
        try:
            future = submit(lambda: self._put(text, lambda line: self._write_out(stream, line)))
        except ThreadUnavailable:
            self._lock.release()
            self._drops.count()
            return
        if wait([future], max(end - time.monotonic(), 0)).done:
            future.result()

    def _put(self, text: Callable[[int], str], write: Callable[[str], None]) -> None:
        """Write one line in full; the lock is released when the stream has taken it, or fails."""
        unreported = self._drops.take()
        try:
            # After a part of a line, on a full disk, the next line begins with a newline.
            write(("\n" if self._line_is_incomplete else "") + text(unreported) + "\n")
        except (OSError, ValueError):
            self._drops.give_back(unreported)
            self._drops.count()
        finally:
            self._lock.release()

    def _write_out(self, stream: TextIO | None, line: str) -> None:
        """Write to the file below a stream.

        Not through its buffer: a thread that is stuck there keeps the lock of the buffer, for which
        Python would wait at its end, and abort.
        """
        if stream is None:
            raise OSError("the stream was closed before the process began")
        rest = line.encode()
        while rest:
            rest = rest[os.write(stream.fileno(), rest) :]
            self._line_is_incomplete = bool(rest)


def _write_through(stream: TextIO | None, line: str) -> None:
    if stream is None:
        raise OSError("the stream was taken away")
    stream.write(line)
    stream.flush()

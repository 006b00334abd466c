"""Write lines to standard streams whose reader may stall: a line waits a moment, or is dropped.

What may block is written in a thread that can be abandoned, since nothing else bounds it: readiness
of a pipe is no promise while other processes write to it, and O_NONBLOCK would hold for them too.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from .threads import DeadlineExceeded, ThreadUnavailable, submit

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
        # A new text for every line would fill Python's cache of attributes with 4,096 copies.
        self._name, self._own_name = name, f"__{name}__"
        self._drops = drops
        self._begin()
        # A child may be forked while another thread holds the lock: it would wait for ever.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0
        self._line_is_incomplete = False

    def write(self, text: Callable[[int], str], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Write one line, or drop it; `text` gets the number of dropped lines it has to say.

        No line waits for one that has been stuck for as long as a line may wait.
        """
        end = time.monotonic() + min(PATIENCE_SECONDS, seconds)
        unreported = self._drops.take()
        line = text(unreported) + "\n"
        latest = min(end, self._since + PATIENCE_SECONDS)
        if not self._lock.acquire(timeout=max(latest - time.monotonic(), 0)):
            self._lose(unreported)
            return
        self._since = time.monotonic()
        if self._line_is_incomplete:  # on a full disk
            line = "\n" + line
        stream: TextIO | None = getattr(sys, self._name)
        if stream is getattr(sys, self._own_name):
            self._write_out(stream, line.encode(), unreported, end)
        else:
            # A platform, or a test, has put its own stream there, and may ask which thread writes.
            self._finish(unreported, lambda: _write_through(stream, line))

    def _write_out(self, stream: TextIO | None, line: bytes, unreported: int, end: float) -> None:
        """Write to the file below a stream; in a thread where the writing may block.

        Not through its buffer: a thread that is stuck there keeps the lock of the buffer, for which
        Python would wait at its end, and abort.
        """
        rest = self._write_at_once(stream, line)
        if not rest:
            self._lock.release()
            return
        try:
            task = submit(lambda: self._finish(unreported, lambda: self._write_rest(stream, rest)))
        except ThreadUnavailable:
            self._lock.release()
            self._lose(unreported)
            return
        with suppress(DeadlineExceeded):
            task.result(end - time.monotonic())

    def _write_at_once(self, stream: TextIO | None, line: bytes) -> bytes:
        """Write what the stream takes without blocking, and return the rest.

        Pipes and sockets can promise that for a single write since Linux 6.4, files cannot. The
        thread costs 0.1 ms, and where sixteen events write side by side half of all their CPU.
        """
        try:
            rest = line[os.pwritev(stream.fileno(), [line], -1, os.RWF_NOWAIT) :]  # type: ignore[union-attr]  # the error is caught
        except (AttributeError, OSError, ValueError):
            return line  # which shows why, where it is an error
        self._line_is_incomplete = bool(rest)
        return rest

    def _write_rest(self, stream: TextIO | None, rest: bytes) -> None:
        if stream is None:
            raise OSError("the stream was closed before the process began")
        while rest:
            rest = rest[os.write(stream.fileno(), rest) :]
            self._line_is_incomplete = bool(rest)

    def _finish(self, unreported: int, write: Callable[[], None]) -> None:
        """Write a line to its end; the lock is released when the stream has taken it, or fails."""
        try:
            write()
        except Exception:  # noqa: BLE001 - a stream of a platform may raise anything
            self._lose(unreported)
        finally:
            self._lock.release()

    def _lose(self, unreported: int) -> None:
        self._drops.give_back(unreported)
        self._drops.count()


def _write_through(stream: TextIO | None, line: str) -> None:
    if stream is None:
        raise OSError("the stream was taken away")
    stream.write(line)
    stream.flush()

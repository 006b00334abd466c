"""Simulated time: it runs in real time, and `advance` makes it jump."""

import time
from datetime import datetime, timedelta, timezone

from function.lib.clock import SystemClock

START = datetime(2026, 11, 22, 20, tzinfo=timezone.utc).timestamp()


class SimulatedClock(SystemClock):
    """The correct time for the fake API (a callable) and for the function (a Clock).

    Its seconds are real: deadlines are kept in real time.
    """

    def __init__(self, offset: float | None = None, *, ahead: float = 0.0) -> None:
        """Start at START, or at an offset to the monotonic clock that all processes share.

        `ahead` is how many seconds the clock of a copy is ahead of the correct time.
        """
        self.offset = START - time.monotonic() if offset is None else offset
        self.ahead = ahead

    def __call__(self) -> float:
        """Return the correct time in epoch seconds."""
        return time.monotonic() + self.offset

    def now(self) -> datetime:
        """Return the time of day as a copy sees it."""
        return datetime.fromtimestamp(self(), timezone.utc) + timedelta(seconds=self.ahead)

    def advance(self, seconds: float) -> None:
        """Jump."""
        self.offset += seconds

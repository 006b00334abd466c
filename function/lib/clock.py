"""Time as a value: the clock that the doors hand down, and the deadline of one event."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import NamedTuple, Protocol

READING, SENDING, CONFIRMING = 0.4, 0.8, 0.9


class Clock(Protocol):
    """Where an event gets its time from."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for deadlines and durations."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()


class Deadline(NamedTuple):
    """The share of one event's time that each part may use; points on the monotonic clock."""

    start: float
    seconds: float

    @property
    def reading(self) -> float:
        """When reading the live state ends."""
        return self.start + READING * self.seconds

    @property
    def sending(self) -> float:
        """When the call must have been answered."""
        return self.start + SENDING * self.seconds

    @property
    def confirming(self) -> float:
        """When looking for the effect of the call ends; the rest is for the report."""
        return self.start + CONFIRMING * self.seconds

    @property
    def reporting(self) -> float:
        """How many seconds are kept for the report."""
        return (1 - CONFIRMING) * self.seconds

    @property
    def end(self) -> float:
        """When the event must have been answered."""
        return self.start + self.seconds

"""Clock interface, and the time budget of one event."""

import time
from datetime import datetime, timezone
from typing import NamedTuple, Protocol

# Chosen from the runs of `python -m benchmarks slow` (docs/benchmarks.md). The call gets as much
# time as the reads had: where every answer takes equally long, the call is then answered in time or
# never sent. With 0.5 and 0.9, answers that took 2.1 s of 4.5 left it unknown.
READ_SHARE, SEND_SHARE = 0.4, 0.8
# A look takes a tenth of a second; the last tenth is for the result, its sink and its readers.
CONFIRM_SHARE = 0.9


class Clock(Protocol):
    """Where an event gets its time from."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for deadlines and durations."""

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        time.sleep(seconds)


class Deadline(NamedTuple):
    """The share of one event's time that each part may use; points on the monotonic clock."""

    start: float
    seconds: float

    @property
    def read_until(self) -> float:
        """When reading the live state ends."""
        return self.start + READ_SHARE * self.seconds

    @property
    def send_until(self) -> float:
        """When the call must have been answered."""
        return self.start + SEND_SHARE * self.seconds

    @property
    def confirm_until(self) -> float:
        """When looking for the effect of the call ends; the rest is for the report."""
        return self.start + CONFIRM_SHARE * self.seconds

    @property
    def report_seconds(self) -> float:
        """How many seconds are kept for the report."""
        return (1 - CONFIRM_SHARE) * self.seconds

    @property
    def end(self) -> float:
        """When the event must have been answered."""
        return self.start + self.seconds

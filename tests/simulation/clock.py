"""The clock of a night: it runs as clocks do, and jumps when it is told to."""

import time
from datetime import datetime, timezone

NIGHTFALL = datetime(2026, 11, 22, 20, tzinfo=timezone.utc).timestamp()


class NightClock:
    """Simulated time for the stand-in, which calls it, and for the function, which asks it."""

    def __init__(self, offset: float | None = None) -> None:
        """Start at nightfall, or at an offset to the clock that all processes share."""
        self.offset = NIGHTFALL - time.monotonic() if offset is None else offset

    def __call__(self) -> float:
        """Tell the simulated time in epoch seconds."""
        return time.monotonic() + self.offset

    def now(self) -> datetime:
        """Return the simulated time of day."""
        return datetime.fromtimestamp(self(), timezone.utc)

    def monotonic(self) -> float:
        """Return real seconds: deadlines are kept in real time."""
        return time.monotonic()

    def advance(self, seconds: float) -> None:
        """Jump."""
        self.offset += seconds

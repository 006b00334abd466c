"""The plan of a run: its seed, its size, and the replicas of the function."""

from collections.abc import Mapping
from dataclasses import dataclass

CLOCKS: Mapping[int, tuple[float, ...]] = {1: (0.0, 140.0, -600.0), 3: (0.0, -140.0, 3 * 3600.0)}
"""How far clocks are ahead: of one process, by its seed, and of three processes at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run; `broken` names a copy of `broken.BROKEN`, `lag` (seconds) stays.

    With `ledger` the processes share one on a Redis server.
    """

    seed: int
    events: int
    processes: int = 1
    broken: str | None = None
    lag: float | None = None
    ledger: bool = False

    def clocks(self) -> tuple[float, ...]:
        """Return how far the clock of each process is ahead."""
        if self.processes == 1:
            return (CLOCKS[1][self.seed % 3],)
        return tuple(CLOCKS[3][number % 3] for number in range(self.processes))

    @property
    def copies(self) -> str:
        """Describe the replicas."""
        if self.processes == 1:
            return "threads of one process"
        return f"{self.processes} processes, {'shared' if self.ledger else 'no'} ledger"

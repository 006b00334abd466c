"""How often everything is measured: for a table to believe, or only to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of rounds and events."""

    cold_rounds: int = 9
    warm_rounds: int = 9
    warm_events: int = 40
    clients: int = 16
    memory_events: int = 1_000
    growth_events: int = 10_000
    sizes: tuple[int, ...] = (1, 10, 50)
    pure_rounds: int = 7
    server_requests: int = 400
    patience: float = 5.0  # seconds for one answer, beside callers that hold others up
    network_rounds: int = 5
    one_way: float = 0.1


QUICK = Plan(
    cold_rounds=1,
    warm_rounds=1,
    warm_events=2,
    clients=2,
    memory_events=4,
    growth_events=8,
    sizes=(1, 10),
    pure_rounds=1,
    server_requests=40,
    patience=1.0,
    network_rounds=1,
    one_way=0.02,
)

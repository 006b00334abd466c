"""What is told of a night: its counts, and what broke."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .history import History
from .invariants import violations
from .races import doubles


@dataclass(frozen=True, slots=True)
class Tally:
    """One night in numbers."""

    seed: int
    copies: int
    deliveries: int
    results: Counter[tuple[str, str]]
    senders: Counter[str]
    deeds: Counter[str]
    posts: int
    doubles: int
    violations: tuple[str, ...]


def of(history: History, seed: int, copies: int) -> Tally:
    """Count a night and check its invariants."""
    events = [one["data"] for handled in history.handled for one in handled.results]
    return Tally(
        seed=seed,
        copies=copies,
        deliveries=len(history.handled),
        results=Counter((event["outcome"], event["reason"] or "–") for event in events),
        senders=Counter(handled.delivery.sender for handled in history.handled),
        deeds=Counter(deed.action for deed in history.deeds),
        posts=len(history.posts),
        doubles=doubles(history),
        violations=tuple(violations(history)),
    )


def line(tally: Tally) -> str:
    """Write one night as one line."""
    verdict = f"{len(tally.violations)} VIOLATIONS" if tally.violations else "all invariants hold"
    deeds = ", ".join(f"{count} {action}s" for action, count in sorted(tally.deeds.items()))
    copies = "threads" if tally.copies == 1 else f"{tally.copies} processes"
    return (
        f"seed {tally.seed:<4} {copies:<12} {tally.deliveries:>6} deliveries {tally.posts:>5} POSTs"
        f"  {tally.doubles:>3} doubles  {verdict}  ({deeds or 'nothing done'})"
    )


def total(tallies: Iterable[Tally]) -> Iterator[str]:
    """Write what many nights came to, line by line."""
    found = list(tallies)
    results = sum((tally.results for tally in found), Counter[tuple[str, str]]())
    senders = sum((tally.senders for tally in found), Counter[str]())
    yield "Deliveries by sender:"
    for sender, count in senders.most_common():
        yield f"  {count:>7}  {sender}"
    yield "Results by outcome and reason:"
    for (outcome, reason), count in sorted(results.items(), key=lambda one: (one[0][0], -one[1])):
        yield f"  {count:>7}  {outcome:<9} {reason}"
    for copies in sorted({tally.copies for tally in found}):
        count = sum(tally.doubles for tally in found if tally.copies == copies)
        where = "the threads of one process" if copies == 1 else f"{copies} processes"
        yield f"Restarts that nothing could tell of each other, with {where}: {count}"
    for tally in found:
        yield from (f"BROKEN in seed {tally.seed}: {broken}" for broken in tally.violations)

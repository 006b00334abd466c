"""The printed summary of a run: its counts and its violations."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .history import History
from .invariants import violations
from .plan import Plan
from .races import doubles, repeats_of_unshown


@dataclass(frozen=True, slots=True)
class Tally:
    """One run in numbers."""

    seed: int
    copies: str
    deliveries: int
    results: Counter[tuple[str, str]]
    senders: Counter[str]
    effects: Counter[str]
    posts: int
    doubles: int
    repeats: int
    violations: tuple[str, ...]


def of(history: History, plan: Plan) -> Tally:
    """Count a run and check its invariants."""
    events = [result["data"] for handled in history.handled for result in handled.results]
    return Tally(
        seed=plan.seed,
        copies=plan.copies,
        deliveries=len(history.handled),
        results=Counter((event["outcome"], event["reason"] or "–") for event in events),
        senders=Counter(handled.delivery.sender for handled in history.handled),
        effects=Counter(effect.action for effect in history.effects),
        posts=len(history.posts),
        doubles=doubles(history),
        repeats=repeats_of_unshown(history),
        violations=tuple(violations(history)),
    )


def line(tally: Tally) -> str:
    """Write one run as one line."""
    verdict = f"{len(tally.violations)} VIOLATIONS" if tally.violations else "all invariants hold"
    effects = ", ".join(f"{count} {action}s" for action, count in sorted(tally.effects.items()))
    return (
        f"seed {tally.seed:<4} {tally.copies:<26} {tally.deliveries:>6} deliveries "
        f"{tally.posts:>5} POSTs  {tally.doubles:>3} doubles  {verdict}  ({effects or 'none'})"
    )


def total(tallies: Iterable[Tally]) -> Iterator[str]:
    """Yield the totals of many runs, line by line."""
    all_tallies = list(tallies)
    results = sum((tally.results for tally in all_tallies), Counter[tuple[str, str]]())
    senders = sum((tally.senders for tally in all_tallies), Counter[str]())
    yield "Deliveries by sender:"
    for sender, count in senders.most_common():
        yield f"  {count:>7}  {sender}"
    yield "Results by outcome and reason:"
    for (outcome, reason), count in sorted(results.items(), key=lambda one: (one[0][0], -one[1])):
        yield f"  {count:>7}  {outcome:<9} {reason}"
    for copies in sorted({tally.copies for tally in all_tallies}):
        count = sum(tally.doubles for tally in all_tallies if tally.copies == copies)
        yield f"Double restarts of copies that could not know of each other, {copies}: {count}"
    repeats = sum(tally.repeats for tally in all_tallies)
    yield f"Restarts again, because neither response nor cloud showed the first: {repeats}"
    for tally in all_tallies:
        yield from (f"BROKEN in seed {tally.seed}: {broken}" for broken in tally.violations)

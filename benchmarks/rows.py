"""The table: a row for each thing measured, its median and spread, and how we compare with it."""

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A median with the quartiles around it; `ratio` is ours to this one, of the same rounds.

    `bound` holds for the ratio, or for the median where there is no ratio; where it is known not to
    hold, `why` says the reason.
    """

    section: str
    name: str
    unit: str
    median: float
    low: float
    high: float
    ratio: float | None = None
    bound: float | None = None
    why: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether it keeps within its bound; None where it has none."""
        if self.bound is None:
            return None
        return (self.median if self.ratio is None else self.ratio) <= self.bound


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def percentile(values: Sequence[float], hundredths: int) -> float:
    """Return the value that so many hundredths of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * hundredths // 100, len(ordered) - 1)]


def row(
    section: str,
    name: str,
    unit: str,
    values: Sequence[float],
    *,
    ours: Sequence[float] | None = None,
    bound: float | None = None,
    why: str = "",
) -> Row:
    """Sum up the rounds of one thing; with `ours`, the rounds of ours, how we compare with it."""
    low, middle, high = quartiles(values)
    ratio = None
    if ours is not None:
        ratio = statistics.median(first / other for first, other in zip(ours, values, strict=True))
    return Row(section, name, unit, middle, low, high, ratio, bound, why)


def measured(section: str, name: str, unit: str, value: float, *, fair: float, bound: float) -> Row:
    """Return what was measured once, and its ratio to what would be fair."""
    return Row(section, name, unit, value, value, value, value / fair, bound)


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a ratio may be, and why it is more where it is known to be."""

    most: float
    why: str = ""


def rows(
    section: str,
    unit: str,
    values: Mapping[str, Sequence[float]],
    bounds: Mapping[str, Bound] | None = None,
    alike: Collection[str] = (),
) -> list[Row]:
    """Return a row for each subject of the same rounds; the first is ours.

    A ratio is given for a rival that does the same work (`alike`) or has a bound.
    """
    first, *rivals = values
    compared_rows = [row(section, first, unit, values[first])]
    for name in rivals:
        bound = (bounds or {}).get(name)
        most, why = (bound.most, bound.why) if bound else (None, "")
        compared = values[first] if bound or name in alike else None
        compared_rows.append(
            row(section, name, unit, values[name], ours=compared, bound=most, why=why)
        )
    return compared_rows


def number(value: float) -> str:
    """Return a value with three digits, or without decimals."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cells(entry: Row) -> tuple[str, ...]:
    bound = "" if entry.bound is None else f"≤ {entry.bound:g}"
    missed = f" does not hold: {entry.why}" if entry.why else " DOES NOT HOLD"
    verdict = {None: "", True: " holds", False: missed}[entry.holds]
    return (
        entry.name,
        f"{number(entry.median)} {entry.unit}",
        f"{number(entry.low)} – {number(entry.high)}",
        "" if entry.ratio is None else f"{entry.ratio:.2f}",
        bound + verdict,
    )


def table(all_rows: Sequence[Row]) -> str:
    """Return the rows as one Markdown table, by sections."""
    lines = ["| | median | quartiles | ratio | bound |", "|---|--:|--:|--:|---|"]
    for section in dict.fromkeys(entry.section for entry in all_rows):
        lines.append(f"| **{section}** | | | | |")
        chosen = (entry for entry in all_rows if entry.section == section)
        lines += [f"| {' | '.join(_cells(entry))} |" for entry in chosen]
    return "\n".join(lines)


def summary(all_rows: Sequence[Row]) -> str:
    """Return how many bounds hold, and the value of each."""
    bound = [entry for entry in all_rows if entry.bound is not None]
    lines = [f"{sum(entry.holds is True for entry in bound)} of {len(bound)} bounds hold."]
    for entry in bound:
        value = entry.median if entry.ratio is None else entry.ratio
        mark = "holds" if entry.holds else "DOES NOT HOLD"
        lines.append(f"  {mark}: {number(value)} ≤ {entry.bound:g}  {entry.section}: {entry.name}")
    return "\n".join(lines)


def broken(all_rows: Sequence[Row]) -> str:
    """Return the names of the bounds that do not hold, one a line."""
    lines = [f"{entry.section}: {entry.name}" for entry in all_rows if entry.holds is False]
    return "\n".join(["These bounds do not hold:", *lines]) if lines else "All bounds hold."


def plain(entry: Row) -> dict[str, Any]:
    """Return a row as JSON values."""
    return asdict(entry) | {"holds": entry.holds}

"""Runs side by side: what became faster or slower, and which bounds hold in every run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .rows import number

Key = tuple[str, str]


def _rows(file: Path) -> dict[Key, dict[str, Any]]:
    document = json.loads(file.read_text(encoding="utf-8"))
    return {(entry["section"], entry["name"]): entry for entry in document["rows"]}


def _word(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return what changed: only where the quartiles of the two runs do not overlap."""
    if new["low"] > old["high"]:
        return "more"
    return "less" if new["high"] < old["low"] else ""


def compared(old: Path, new: Path) -> str:
    """Return a table of the rows that both files have, and name those that only one has."""
    before, after = _rows(old), _rows(new)
    lines = [
        f"old: {old}",
        f"new: {new}",
        "",
        "| | old | new | new ÷ old | |",
        "|---|--:|--:|--:|---|",
    ]
    for key in before.keys() & after.keys():
        first, second = before[key], after[key]
        quotient = f"{second['median'] / first['median']:.2f}" if first["median"] else ""
        medians = f"{first['median']:.4g} {first['unit']} | {second['median']:.4g} {second['unit']}"
        word = _word(first, second)
        lines.append(f"| {key[0]}: {key[1]} | {medians} | {quotient} | {word} |")
    lines[5:] = sorted(lines[5:])
    only = sorted(before.keys() ^ after.keys())
    return "\n".join(lines + [f"in one of them only: {section}: {name}" for section, name in only])


def _value(entry: dict[str, Any]) -> float:
    """Return what a bound applies to: the ratio, or the median where there is none."""
    value: float = entry["median"] if entry["ratio"] is None else entry["ratio"]
    return value


def bounds(files: Sequence[Path]) -> str:
    """Return a table of the bounds, with the value of each in every run."""
    runs = [_rows(file) for file in files]
    lines = [
        f"| | at most | {' | '.join(f'run {count}' for count in range(1, len(runs) + 1))} | |",
        f"|---|--:|{'--:|' * len(runs)}---|",
    ]
    for key, first in runs[0].items():
        entries = [run[key] for run in runs if key in run]
        if first["bound"] is None:
            continue
        values = " | ".join(number(_value(entry)) for entry in entries)
        held = sum(entry["holds"] for entry in entries)
        verdict = "" if held == len(files) else f"held in {held} of {len(files)}"
        lines.append(f"| {': '.join(key)} | {number(first['bound'])} | {values} | {verdict} |")
    return "\n".join(lines)

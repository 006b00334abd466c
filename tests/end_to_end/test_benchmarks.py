"""The benchmarks: they run, their ratios are those of one round, and two runs can be compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.comparison import compared
from benchmarks.rows import Bound, Row, percentile, plain, row, rows, table

ROOT = Path(__file__).parents[2]
SECTIONS = (
    "cold",
    "warm",
    "https",
    "pure path",
    "validation",
    "signing",
    "ledger",
    "memory",
    "growth",
)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    one = row("s", "rival", "ms", [10.0, 20.0, 40.0], ours=[5.0, 20.0, 10.0], bound=0.5)

    assert (one.median, one.low, one.high) == (20.0, 15.0, 30.0)
    assert (one.ratio, one.holds) == (0.5, True)


@pytest.mark.parametrize(
    ("median", "ratio", "bound", "holds"),
    [
        (1.0, None, None, None),
        (250.0, None, 250, True),
        (251.0, None, 250, False),
        (9.0, 0.9, 0.9, True),
        (9.0, 0.91, 0.9, False),
    ],
)
def test_a_bound_is_for_the_ratio_or_else_for_the_median(
    median: float, ratio: float | None, bound: float | None, *, holds: bool | None
) -> None:
    assert Row("s", "n", "µs", median, median, median, ratio, bound).holds is holds


def test_the_first_of_several_is_ours_and_the_others_are_compared_with_it() -> None:
    ours, rival = rows("s", "ms", {"ours": [1.0], "rival": [2.0]}, {"rival": Bound(0.4, "slow")})

    assert (ours.ratio, ours.bound) == (None, None)
    assert (rival.ratio, rival.bound, rival.holds) == (0.5, 0.4, False)


def test_the_table_says_what_holds_and_why_what_does_not() -> None:
    told = table(
        rows("s", "ms", {"ours": [1.0], "a": [2.0]}, {"a": Bound(0.5)})
        + rows("t", "ms", {"ours": [1.0], "b": [1.0]}, {"b": Bound(0.5, "it keeps connections")})
        + rows("u", "ms", {"ours": [1.0], "c": [1.0]}, {"c": Bound(0.5)})
    )

    assert "| a | 2 ms | 2 – 2 | 0.50 | ≤ 0.5 holds |" in told
    assert "| b | 1 ms | 1 – 1 | 1.00 | ≤ 0.5 does not hold: it keeps connections |" in told
    assert "≤ 0.5 DOES NOT HOLD |" in told


@pytest.mark.parametrize(("hundredths", "value"), [(50, 51), (99, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(hundredths: int, value: float) -> None:
    assert percentile(range(1, 101), hundredths) == value


def test_two_runs_are_compared_row_by_row(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    for file, factor, last in ((old, 1.0, "gone"), (new, 2.0, "new")):
        found = [row("s", "n", "ms", [factor, factor]), row("s", last, "ms", [1.0])]
        file.write_text(json.dumps({"rows": [plain(one) for one in found]}), encoding="utf-8")

    lines = compared(old, new).splitlines()

    assert "| s: n | 1 ms | 2 ms | 2.00 | more |" in lines
    assert lines[-2:] == ["in one of them only: s: gone", "in one of them only: s: new"]


def test_everything_is_measured_and_written_down(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "run", "--quick", "--file", str(file)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(file.read_text(encoding="utf-8"))["rows"]
    for section in SECTIONS:
        assert any(one["section"].startswith(section) for one in found)
    assert all(f"| {one['name']} |" in done.stdout for one in found)

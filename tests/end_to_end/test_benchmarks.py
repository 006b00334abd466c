"""The benchmarks: they run, their ratios are those of one round, and two runs can be compared."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.comparison import bounds, compared
from benchmarks.rows import (
    Bound,
    Row,
    broken,
    measured,
    percentile,
    plain,
    row,
    rows,
    summary,
    table,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECTIONS = (
    "cold",
    "warm",
    "https",
    "server",
    "network",
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
def test_bound_applies_to_the_ratio_or_the_median(
    median: float, ratio: float | None, bound: float | None, *, holds: bool | None
) -> None:
    assert Row("s", "n", "µs", median, median, median, ratio, bound).holds is holds


def test_the_first_of_several_is_ours_and_the_others_are_compared_with_it() -> None:
    ours, rival = rows("s", "ms", {"ours": [1.0], "rival": [2.0]}, {"rival": Bound(0.4, "slow")})

    assert (ours.ratio, ours.bound) == (None, None)
    assert (rival.ratio, rival.bound, rival.holds) == (0.5, 0.4, False)


def test_a_rival_that_does_other_work_has_no_ratio() -> None:
    values = {"ours": [1.0], "same": [2.0], "less": [0.1]}
    _, same, less = rows("s", "ms", values, alike=("same",))

    assert (same.ratio, less.ratio) == (0.5, None)


def test_measurements_are_printed_with_their_ratio() -> None:
    one = measured("growth", "50", "µs", 60.0, fair=200.0, bound=1.15)

    assert (one.median, one.ratio, one.holds) == (60.0, 0.3, True)


def test_bounds_that_do_not_hold_are_named_at_the_end() -> None:
    found = [
        measured("growth", "10", "µs", 60.0, fair=10.0, bound=1.15),
        measured("growth", "50", "µs", 60.0, fair=200.0, bound=1.15),
    ]

    assert summary(found).splitlines()[0] == "1 of 2 bounds hold."
    assert broken(found).splitlines()[1:] == ["growth: 10"]
    assert broken(found[1:]) == "All bounds hold."


def test_the_table_says_what_holds_and_why_what_does_not() -> None:
    output = table(
        rows("s", "ms", {"ours": [1.0], "a": [2.0]}, {"a": Bound(0.5)})
        + rows("t", "ms", {"ours": [1.0], "b": [1.0]}, {"b": Bound(0.5, "it keeps connections")})
        + rows("u", "ms", {"ours": [1.0], "c": [1.0]}, {"c": Bound(0.5)})
    )

    assert "| a | 2 ms | 2 – 2 | 0.50 | ≤ 0.5 holds |" in output
    assert "| b | 1 ms | 1 – 1 | 1.00 | ≤ 0.5 does not hold: it keeps connections |" in output
    assert "≤ 0.5 DOES NOT HOLD |" in output


@pytest.mark.parametrize(("hundredths", "value"), [(50, 51), (99, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(hundredths: int, value: float) -> None:
    assert percentile(range(1, 101), hundredths) == value


def test_a_bound_shows_its_value_in_every_run_and_in_how_many_it_held(tmp_path: Path) -> None:
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for file, ratio in zip(files, (0.4, 0.6), strict=True):
        all_rows = rows("s", "ms", {"ours": [ratio], "rival": [1.0]}, {"rival": Bound(0.5)})
        all_rows.append(row("s", "cpu", "µs", [ratio], bound=1))
        file.write_text(json.dumps({"rows": [plain(entry) for entry in all_rows]}))

    assert bounds(files).splitlines()[2:] == [
        "| s: rival | 0.5 | 0.4 | 0.6 | held in 1 of 2 |",
        "| s: cpu | 1 | 0.4 | 0.6 |  |",
    ]


def test_two_runs_are_compared_row_by_row(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    for file, factor, last in ((old, 1.0, "gone"), (new, 2.0, "new")):
        found = [row("s", "n", "ms", [factor, factor]), row("s", last, "ms", [1.0])]
        file.write_text(json.dumps({"rows": [plain(entry) for entry in found]}), encoding="utf-8")

    lines = compared(old, new).splitlines()

    assert "| s: n | 1 ms | 2 ms | 2.00 | more |" in lines
    assert lines[-2:] == ["in one of them only: s: gone", "in one of them only: s: new"]


def test_everything_is_measured_and_written_down(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "run", "--quick", "--file", str(file)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    output = done.stderr.splitlines()
    assert all(re.match(r" *\d+ s: \w+ \(\d of \d\)$", line) for line in output[:-1])
    found = json.loads(file.read_text(encoding="utf-8"))["rows"]
    for section in SECTIONS:
        assert any(entry["section"].startswith(section) for entry in found)
    assert all(f"| {one['name']} |" in done.stdout for one in found)
    bounds, table = done.stdout.index("bounds hold."), done.stdout.index("| | median |")
    last = done.stdout.splitlines()[-1]
    unheld = [f"{one['section']}: {one['name']}" for one in found if one["holds"] is False]
    assert bounds < table
    assert last == (unheld[-1] if unheld else "All bounds hold.")


def _reset_sigint() -> None:
    """Undo what a shell that starts jobs in the background, or nohup, had the tests ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_run_that_is_interrupted_ends_cleanly(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "run", "--only", "cold", "--file", str(file)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_reset_sigint,  # noqa: PLW1509 - no other thread of the tests forks
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        begun = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        printed = process.stdout.read()

    assert b"cold (1 of 1)" in begun
    assert (process.returncode, printed, rest) == (130, b"", b"Stopped; nothing is written.\n")
    assert not file.exists()

"""Runs the fuzz rules for a while: `python -m tests.fuzz [--seconds 60]`."""

from __future__ import annotations

import argparse
import contextlib
import io
import time

from hypothesis import HealthCheck, given, settings

from .rules import RULES

ROUND = settings(
    max_examples=200, deadline=None, database=None, suppress_health_check=[*HealthCheck]
)


def main() -> None:
    """Play rounds until the time is over; an AssertionError shows what fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="default: 60")
    end = time.monotonic() + parser.parse_args().seconds
    rounds = 0
    while time.monotonic() < end:
        for rule, chances in RULES:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                ROUND(given(*chances)(rule))()
        rounds += 1
    print(f"{rounds * 2 * ROUND.max_examples} events with faults: nothing done twice, no 500.")


if __name__ == "__main__":
    main()

"""Plays many nights: `python -m tests.simulation [--seeds N] [--events N] [--processes N]`."""

import argparse
import sys

from . import tally
from .runs import Plan, play_all


def main() -> int:
    """Print a line for every night and the tally; return 1 when an invariant broke."""
    options = _options()
    copies = sorted({1, options.processes})
    plans = [
        Plan(seed, options.events, processes)
        for seed in range(1, options.seeds + 1)
        for processes in copies
    ]
    print(f"{len(plans)} nights of {options.events} events", flush=True)
    tallies = []
    for _, found in play_all(plans):
        tallies.append(found)
        print(tally.line(found), flush=True)
    print(*tally.total(tallies), sep="\n")
    broken = sum(len(found.violations) for found in tallies)
    print(f"{broken} violations." if broken else "Every invariant held in every night.")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="nights of each kind; default: 8")
    parser.add_argument("--events", type=int, default=1000, help="in each night; default: 1000")
    parser.add_argument(
        "--processes",
        type=int,
        default=3,
        help="also play every night with so many processes; 1: only with threads; default: 3",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

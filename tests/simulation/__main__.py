"""Run many simulations: `python -m tests.simulation [--seeds N] [--events N] [--processes N]`."""

import argparse
import sys

from . import tally
from .plan import Plan
from .runs import run_seeds


def main() -> int:
    """Print a line for every run and the tally; return 1 when an invariant broke."""
    options = _options()
    kinds = {(1, False), (options.processes, False), (options.processes, True)}
    plans = [
        Plan(seed, options.events, processes, ledger=ledger)
        for seed in range(1, options.seeds + 1)
        for processes, ledger in sorted(kinds)
        if processes > 1 or not ledger
    ]
    print(f"{len(plans)} runs of {options.events} events", flush=True)
    tallies = []
    for _, summary in run_seeds(plans):
        tallies.append(summary)
        print(tally.line(summary), flush=True)
    print(*tally.total(tallies), sep="\n")
    broken = sum(len(summary.violations) for summary in tallies)
    print(f"{broken} violations." if broken else "Every invariant held in every run.")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="runs of each kind; default: 8")
    parser.add_argument("--events", type=int, default=1000, help="in each run; default: 1000")
    parser.add_argument(
        "--processes",
        type=int,
        default=3,
        help="also with so many processes, without and with a ledger; 1: only threads; default: 3",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

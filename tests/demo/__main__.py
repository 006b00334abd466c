"""`python -m tests.demo` plays the demo; `--serve` leaves everything running."""

from __future__ import annotations

import argparse
import sys

from .play import play
from .serve import serve


def main() -> int:
    """Play or serve; return the exit status: not zero where the demo shows a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="leave both servers running")
    if parser.parse_args().serve:
        serve()
        return 0
    return 0 if play() else 1


sys.exit(main())

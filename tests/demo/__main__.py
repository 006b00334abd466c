"""`python -m tests.demo` plays the demo; `--serve` leaves everything running."""

from __future__ import annotations

import argparse
import signal
import sys

from .play import play
from .serve import serve
from .server import NotReady


def main() -> int:
    """Play or serve; return the exit status: not zero where the demo shows a defect."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="leave both servers running")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return serve() if options.serve else int(not play())
    except NotReady as problem:
        print(f"The function did not start: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

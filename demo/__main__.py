"""`python -m demo` plays the demo; `--serve` leaves everything running."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from .commands import COMMANDS
from .runner import play
from .script import examples, steps
from .serve import serve
from .server import NotReady

ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def _leave(number: int, _frame: FrameType | None) -> None:
    """Leave by way of what ends the servers; a closed terminal hangs up more than once."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    """Play or serve; return the exit status: not zero where the demo shows a defect."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="leave both servers running")
    options = parser.parse_args()
    for ending in ENDINGS:
        if signal.getsignal(ending) != signal.SIG_IGN:  # which is what nohup asks for
            signal.signal(ending, _leave)
    try:
        return serve() if options.serve else int(not play(steps(), examples(), COMMANDS))
    except NotReady as problem:
        print(f"The function did not start: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks run [--quick] [--only PART …]`, or `… compare OLD NEW`."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import cold, growth, ledger, memory, pure, tls, warm
from .comparison import compared
from .plan import QUICK, Plan
from .processes import ROOT, responder
from .rows import Row, plain, table
from .subjects import INSTANCES

Settings = Mapping[str, str]
RESULTS = ROOT / ".benchmarks"


def _https(plan: Plan, cloud: Settings) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        files = tls.write(Path(folder))
        with responder(INSTANCES, files.certificate, files.key) as encrypted:
            yield from warm.https(plan, {**encrypted, "CA_BUNDLE_FILE": str(files.bundle)}, cloud)


PARTS: dict[str, Callable[[Plan, Settings], Iterator[Row]]] = {
    "cold": cold.cold,
    "warm": warm.warm,
    "https": _https,
    "pure": pure.pure,
    "ledger": ledger.ledger,
    "memory": memory.memory,
    "growth": growth.growth,
}


def _measured(plan: Plan, parts: Sequence[str]) -> Iterator[Row]:
    with responder(INSTANCES) as cloud:
        for part in parts:
            for one in PARTS[part](plan, cloud):
                if sys.stderr.isatty():
                    print(f"\r{one.section[:70]:70}\r", end="", file=sys.stderr)
                yield one


def _machine() -> dict[str, Any]:
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }


def run(plan: Plan, parts: Sequence[str], file: Path) -> None:
    """Measure, print the table, and write the file."""
    machine, begin = _machine(), time.perf_counter()
    rows = list(_measured(plan, parts))
    machine["seconds"] = round(time.perf_counter() - begin)
    print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    print(table(rows))
    broken = [one for one in rows if one.holds is False]
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    print(f"\n{len(broken)} of {sum(one.bound is not None for one in rows)} bounds do not hold.")
    print(f"Written to {shown}.")
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [plain(one) for one in rows]}
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("--quick", action="store_true", help="tiny counts: does it work?")
    running.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    running.add_argument("--file", type=Path, default=None, help="where the numbers go")
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        print(compared(options.old, options.new))
        return
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    file = options.file or RESULTS / f"{moment}.json"
    run(QUICK if options.quick else Plan(), options.only, file)


if __name__ == "__main__":
    main()

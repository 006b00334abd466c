"""Measure (`python -m benchmarks run`), and set runs side by side (`compare`, `bounds`)."""

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

from . import cold, growth, ledger, memory, network, pure, served, slow_answers, tls, warm
from .comparison import bounds, compared
from .plan import QUICK, Plan
from .processes import ROOT, responder
from .rows import Row, broken, plain, summary, table
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
    "server": served.served,
    "network": network.network,
    "pure": pure.pure,
    "ledger": ledger.ledger,
    "memory": memory.memory,
    "growth": growth.growth,
}


def _measured(plan: Plan, parts: Sequence[str]) -> Iterator[Row]:
    """Measure part after part; on stderr stands where it is."""
    begin = time.perf_counter()
    with responder(INSTANCES) as cloud:
        for number, part in enumerate(parts, 1):
            seconds = round(time.perf_counter() - begin)
            print(f"{seconds:4} s: {part} ({number} of {len(parts)})", file=sys.stderr, flush=True)
            yield from PARTS[part](plan, cloud)


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
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    if plan is QUICK:
        print("Quick: this shows that everything works, not how fast it is.")
    print(f"\n{summary(rows)}\n\n{table(rows)}\n\n{broken(rows)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [plain(row) for row in rows]}
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(f"Written to {shown}.", file=sys.stderr)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="measure, print the table, and write the file")
    running.add_argument("--quick", action="store_true", help="tiny counts: does it work?")
    running.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    running.add_argument("--file", type=Path, default=None, help="where the numbers go")
    commands.add_parser("slow", help="what becomes of events when the cloud is slow to answer")
    comparing = commands.add_parser(
        "compare", help="what became faster or slower from one run to another"
    )
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    bounding = commands.add_parser("bounds", help="which bounds hold in each of several runs")
    bounding.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        print(compared(options.old, options.new))
        return
    if options.command == "bounds":
        print(bounds(options.files))
        return
    if options.command == "slow":
        print(slow_answers.table())
        return
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    file = options.file or RESULTS / f"{moment}.json"
    run(QUICK if options.quick else Plan(), options.only, file)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("Stopped; nothing is written.", file=sys.stderr)
        sys.exit(130)

"""Starts the fake DMS alone: `python -m tests.fake_dms [--port N] [--restart-seconds S]`."""

import argparse
import shlex
import signal
import sys
import threading
from datetime import datetime, timezone

from . import Arrival, Behaviour, Endpoint, FakeDms

SEED = {
    "54602a9d-5e22-4239-9123-77e350df4a34": ("kafka-orders", "RUNNING"),
    "7166cdea-dbad-4d79-9610-7163e6f8b640": ("kafka-payments", "ERROR"),
    "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6": ("kafka-audit", "RUNNING"),
}
TAGS = {"kafka-orders": {"auto-remediation": "act"}}
"""One instance is opted in, to try DEFAULT_MODE=observe."""
SEED_FAILED = {
    "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801": "kafka-draft-1",
    "c8d90e14-17b6-4f5d-8b1a-6a0e5f9b7702": "kafka-draft-2",
}


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    behaviour = Behaviour(restart_seconds=options.restart_seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with FakeDms(behaviour, endpoint=Endpoint(port=options.port)) as cloud:
        _seed(cloud)
        cloud.observer = _print
        for name, value in cloud.environment().items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        threading.Event().wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_dms", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: any free port")
    parser.add_argument("--restart-seconds", type=float, default=10.0, help="default: 10")
    return parser.parse_args()


def _seed(cloud: FakeDms) -> None:
    for instance_id, (name, status) in SEED.items():
        cloud.add_instance(instance_id, name=name, status=status, tags=TAGS.get(name, {}))
    for instance_id, name in SEED_FAILED.items():
        cloud.add_failed_creation(instance_id, name=name)


def _print(arrival: Arrival, story: str) -> None:
    time = datetime.fromtimestamp(arrival.time, timezone.utc).strftime("%H:%M:%S")
    body = f" {arrival.body.decode('utf-8', 'replace')}" if arrival.body else ""
    print(f"{time} {arrival.method} {arrival.target}{body} -> {story}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)

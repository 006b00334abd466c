"""Leaves the stand-in and the function running, and prints the curl lines to try."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.stand_in import Arrival

from .scene import ORDERS, SECRETS, scene
from .server import function, is_free
from .story import example

RESTART_SECONDS = 20.0
PORT = 8080


def _curl(url: str, secret: str, document: object, *headers: str) -> str:
    given = (f"Authorization: Bearer {SECRETS[secret]}", "Content-Type: application/json", *headers)
    body = json.dumps(document, separators=(",", ":"))
    return " \\\n  ".join([f"curl -s {url}", *(f"-H '{one}'" for one in given), f"-d '{body}'"])


def curl_lines(url: str, cloud_url: str) -> tuple[str, ...]:
    """Return lines to paste into a shell: an alarm, a request, a purge, a look at the instances."""
    labels = {"remediation": "restart", "kafka_instance_id": ORDERS}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-05T02:15:00Z"}
    ping = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/try"}
    ping["ce-type"] = example("cloudevents")["type"]
    attributes = [f"{name}: {value}" for name, value in ping.items()]
    return (
        f"curl -s {url}/health",
        _curl(f"{url}/alertmanager", "ALERTMANAGER_SECRETS", {"version": "4", "alerts": [alert]}),
        _curl(f"{url}/direct", "DIRECT_SECRETS", {"action": "restart", "instances": [ORDERS]}),
        _curl(f"{url}/", "CLOUDEVENTS_SECRETS", {"action": "purge_failed"}, *attributes),
        f"curl -s {cloud_url}/stand-in/state",
    )


@contextmanager
def served(port: int | None) -> Iterator[tuple[str, ...]]:
    """Run both, and give the lines to try."""
    with scene(RESTART_SECONDS) as stage, function(stage.settings, port=port) as url:
        stage.cloud.observer = _tell
        yield curl_lines(url, stage.cloud.url)


def _tell(arrival: Arrival, story: str) -> None:
    """Show what reached the cloud."""
    body = f" {arrival.body.decode('utf-8', 'replace')}" if arrival.body else ""
    print(f"   {arrival.method} {arrival.path}{body} -> {story}", flush=True)


def serve() -> int:
    """Run both until somebody interrupts."""
    port = PORT if is_free(PORT) else None
    with suppress(KeyboardInterrupt), served(port) as lines:
        print("The stand-in and the function are running. Try, in another shell:\n")
        print("\n\n".join(lines))
        if port is None:
            print(f"\nPort {PORT} is taken, so this is another one.")
        print("\nCtrl-C ends both. Calls that reach the stand-in of the cloud:", flush=True)
        threading.Event().wait()
    return 0

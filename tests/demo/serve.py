"""Leaves the stand-in and the function running, and prints the curl lines to try."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .scene import ORDERS, SECRETS, scene
from .server import function

RESTART_SECONDS = 20.0
PORT = 8080


def curl_lines(url: str, cloud_url: str) -> tuple[str, ...]:
    """Return lines to paste into a shell: a restart, a purge, a look at the instances."""
    json_type = "-H 'Content-Type: application/json'"
    direct = f"-H 'Authorization: Bearer {SECRETS['DIRECT_SECRETS']}'"
    events = f"-H 'Authorization: Bearer {SECRETS['CLOUDEVENTS_SECRETS']}'"
    alerts = f"-H 'Authorization: Bearer {SECRETS['ALERTMANAGER_SECRETS']}'"
    ping = (
        "-H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: /try' "
        "-H 'ce-type: dev.knative.sources.ping'"
    )
    alert = (
        '{"version":"4","alerts":[{"status":"firing","labels":{"remediation":"restart",'
        f'"kafka_instance_id":"{ORDERS}"}}}}]}}'
    )
    return (
        f"curl -s {url}/health",
        f"curl -s {url}/direct {direct} {json_type} "
        f'-d \'{{"action":"restart","instances":["{ORDERS}"]}}\'',
        f"curl -s {url}/alertmanager {alerts} {json_type} -d '{alert}'",
        f'curl -s {url}/ {events} {json_type} {ping} -d \'{{"action":"purge_failed"}}\'',
        f"curl -s {cloud_url}/stand-in/state",
    )


@contextmanager
def served(port: int | None) -> Iterator[tuple[str, ...]]:
    """Run both, and give the lines to try."""
    with scene(RESTART_SECONDS) as stage, function(stage.settings, port) as url:
        yield curl_lines(url, stage.cloud.url)


def serve() -> None:
    """Run both until somebody interrupts."""
    with served(PORT) as lines:
        print("The stand-in and the function are running. Try, in another shell:\n")
        print("\n\n".join(lines))
        print("\nCtrl-C ends both.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()

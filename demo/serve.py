"""Keep the fake cloud and the function running, and print curl lines to try.

The function listens on the port of the variable PORT; without it on 8080, or on another if that is
taken.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone

from function.lib import timestamps
from tests.fake_dms import Arrival

from .output import verdict
from .script import example
from .server import function, is_free
from .setup import ORDERS, SECRETS, Setup, setup

RESTART_SECONDS = 20.0
PORT = 8080


def _curl(url: str, secret: str, document: object, *headers: str) -> str:
    headers_given = (
        f"Authorization: Bearer {SECRETS[secret]}",
        "Content-Type: application/json",
        *headers,
    )
    body = json.dumps(document, separators=(",", ":"))
    return " \\\n  ".join(
        [f"curl -s {url}", *(f"-H '{header}'" for header in headers_given), f"-d '{body}'"]
    )


def curl_lines(url: str, cloud_url: str) -> tuple[str, ...]:
    """Return lines to paste into a shell: an alarm, a request, a purge, a look at the instances."""
    labels = {"remediation": "restart", "kafka_instance_id": ORDERS}
    began = timestamps.text(datetime.now(timezone.utc))
    alert = {"status": "firing", "labels": labels, "startsAt": began}
    ping = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/try"}
    ping["ce-type"] = example("cloudevents")["type"]
    attributes = [f"{name}: {value}" for name, value in ping.items()]
    return (
        f"curl -s {url}/health",
        _curl(f"{url}/alertmanager", "ALERTMANAGER_SECRETS", {"version": "4", "alerts": [alert]}),
        _curl(f"{url}/direct", "DIRECT_SECRETS", {"action": "restart", "instances": [ORDERS]}),
        _curl(f"{url}/", "CLOUDEVENTS_SECRETS", {"action": "purge_failed"}, *attributes),
        f"curl -s {cloud_url}/fake/state",
    )


@contextmanager
def served(port: int) -> Iterator[tuple[Setup, tuple[str, ...]]]:
    """Run both, and yield the environment and the curl lines to try."""
    with (
        setup(RESTART_SECONDS) as environment,
        function(environment.settings, port=port, hear=_print_log) as url,
    ):
        environment.cloud.observer = _print_arrival
        yield environment, curl_lines(url, environment.cloud.url)


def _print_line(who: str, what: str) -> None:
    """Print a line with one write: the cloud and the function print concurrently."""
    print(f"   {who:8} {what}\n", end="", flush=True)


def _print_arrival(arrival: Arrival, story: str) -> None:
    """Print a request that reached the cloud."""
    body = f" {arrival.body.decode('utf-8', 'replace')}" if arrival.body else ""
    _print_line("cloud", f"{arrival.method} {arrival.path}{body} -> {story}")


def relevant(line: str) -> str | None:
    """Return the text of a log line that is worth showing, or None.

    >>> relevant('{"severity":"WARNING","message":"Rejected: the secret is wrong."}')
    'Rejected: the secret is wrong.'
    """
    if not line.startswith("{"):
        return line.rstrip()
    entry = json.loads(line)
    if "data" in entry:
        data = entry["data"]
        return ": ".join([verdict(data), data["message"]] if "message" in data else [verdict(data)])
    if entry["severity"] in {"DEBUG", "INFO"}:
        return None
    return " ".join([entry["message"], *([entry["link"]] if "link" in entry else [])])


def _print_log(line: str) -> None:
    """Show what the function said of an event."""
    shown = relevant(line)
    if shown:
        _print_line("function", shown)


def _tell_of_instances(environment: Setup) -> None:
    print(f"The instances of the fake cloud, where a restart takes {RESTART_SECONDS:.0f} seconds:")
    for header in environment.cloud.instances:
        print(f"   {header.name:10} {header.id}  {header.status}")


def chosen_port(variables: Mapping[str, str]) -> int:
    """Return the port of the variable PORT, or the one of the documents while it is free, or 0."""
    wanted = variables.get("PORT", "")
    if wanted.isdecimal():
        return int(wanted)
    return PORT if is_free(PORT) else 0


def serve() -> int:
    """Run both until somebody interrupts."""
    port = chosen_port(os.environ)
    with suppress(KeyboardInterrupt), served(port) as (environment, lines):
        _tell_of_instances(environment)
        print("\nThe fake cloud and the function are running. Try, in another shell:\n")
        print("\n\n".join(lines))
        if not port:
            print(f"\nThe port is one that is free: {PORT} is taken, or PORT is 0.")
        print("\nCtrl-C ends both. What reaches the cloud, and what the function says:", flush=True)
        threading.Event().wait()
    return 0

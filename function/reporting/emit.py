"""Emit: log lines, and the result event to the log and to the sink that the operator set."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

import requests

from ..lib import strict_json
from ..lib.send_gate import NoAnswer
from ..lib.threads import NoThread, TookTooLong, within
from ..lib.transport import Client
from ..model.result import Result
from ..settings.model import Outgoing

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOUD_OUTCOMES = frozenset({"failed", "unknown", "rejected"})
_lock = threading.Lock()


def _write(stream: TextIO, line: Mapping[str, Any]) -> None:
    """Write one JSON line in one piece; a log that is gone must not stop a restart."""
    try:
        with _lock:
            stream.write(strict_json.dumps(line) + "\n")
            stream.flush()
    except (OSError, ValueError):
        return


def severity(result: Result) -> str:
    """Return how loud a result is: an ERROR is for a person."""
    if result.data.get("needs_human"):
        return "ERROR"
    return "WARNING" if result.data["outcome"] in LOUD_OUTCOMES else "INFO"


def result_line(result: Result) -> None:
    """Write the result event as one line on stdout, whatever the log level."""
    _write(sys.stdout, {**result.event, "severity": severity(result)})


def log(level: str, message: str, *, least: str = "DEBUG", **details: Any) -> None:
    """Write one line on stderr, unless the level is below the least that is wanted."""
    if LEVELS.index(level) >= LEVELS.index(least):
        _write(sys.stderr, {"severity": level, "message": message, **details})


def to_sink(result: Result, outgoing: Outgoing, *, seconds: float) -> bool:
    """Post the result event to the sink, once, and tell whether the sink took it."""
    if outgoing.sink is None or seconds <= 0:
        return False
    event = {**result.event, **outgoing.sink_extensions}
    headers = {"Content-Type": "application/cloudevents+json", "Accept-Encoding": "identity"}
    body = strict_json.dumps(event).encode()
    client = Client(ca_bundle_file=outgoing.ca_bundle_file, proxy_url=None)
    try:
        request = requests.Request("POST", outgoing.sink, data=body, headers=headers).prepare()
        answer = within(seconds, lambda: client.exchange(request, seconds=seconds))
    except (TookTooLong, NoThread, NoAnswer, requests.RequestException):
        return False
    finally:
        client.close()
    return 200 <= answer.status < 300

"""Print one event as version 2 of the CloudEvents SDK sends it, in both modes, as JSON.

Runs as a program of its own, with version 2 on PYTHONPATH: functions-framework needs version 1.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


def _message(message: Any) -> dict[str, Any]:
    body = message.body
    text = body.decode() if isinstance(body, bytes) else body
    return {"headers": dict(message.headers), "body": text}


def main() -> None:
    """Read attributes and data from stdin."""
    given = json.load(sys.stdin)
    bindings, events = import_module("cloudevents.core.bindings.http"), "cloudevents.core.v1.event"
    event = import_module(events).CloudEvent(given["attributes"], given["data"])
    binary, structured = bindings.to_binary_event(event), bindings.to_structured_event(event)
    json.dump({"binary": _message(binary), "structured": _message(structured)}, sys.stdout)


if __name__ == "__main__":
    main()

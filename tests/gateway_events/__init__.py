"""Requests as gateways hand them to a function: FunctionGraph's, and function URLs of Lambda."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def gateway_events(name: str) -> list[dict[str, Any]]:
    """Return the requests of `api_gateway` or `function_url`; the first restarts an instance."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    events: list[dict[str, Any]] = json.loads(text)
    return events

"""What explain makes of a payload, where a state file shows these instances."""

from __future__ import annotations

import json
from typing import Any

from function.cli import _explain
from function.cli._explain import Options
from function.cli._explanation import Explanation
from function.lib.timestamps import text
from tests.factories import NOW, ORDERS

AT = text(NOW)


REQUEST = {"action": "restart", "instances": [ORDERS]}


def row(instance_id: str = ORDERS, status: str = "RUNNING", **fields: Any) -> dict[str, Any]:
    """Return an instance as GET /instances answers."""
    return {"instance_id": instance_id, "status": status, "engine": "kafka", **fields}


def tagged(value: str) -> list[dict[str, str]]:
    return [{"key": "auto-remediation", "value": value}]


def explained(
    payload: Any,
    *rows: dict[str, Any],
    tasks: Any = None,
    source: Any = None,
    **variables: str,
) -> Explanation:
    """Explain a payload that arrives NOW, where these instances exist, or any."""
    state = json.dumps({"instances": rows, "tasks": tasks or {}}).encode() if rows else None
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    options = Options(source=source, at=AT, state=state)
    (explanation,) = _explain.explanations(body, options, variables)
    return explanation

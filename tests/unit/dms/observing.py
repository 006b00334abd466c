"""What is observed of targets, within so many seconds."""

from __future__ import annotations

from typing import Any

from function.dms import observe
from function.model.cloud_state import Observation
from tests.factories import (
    NOW,
    limits,
    screened,
)
from tests.harness import Remediator


def seen(remediator: Remediator, *targets: str, seconds: float = 3, **fields: Any) -> Observation:
    settings = {name: fields.pop(name) for name in ("max_restarting",) if name in fields}
    asked = screened(*targets, **fields)
    return observe.read_live_state(asked, limits(**settings), remediator.reader(seconds), NOW)

"""The story: what is sent, one event after the other, and what has to come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from .scene import CLICKS, ORDERS, PAYMENTS, SECRETS

EXAMPLES = Path(__file__).parents[2] / "schemas" / "events"
RESTART = {"action": "restart", "instances": [ORDERS]}
PURGE = {"action": "delete", "all_failure": "kafka"}


@dataclass(frozen=True)
class Step:
    """One event, and the verdict that it must get: outcome, reason, what is posted."""

    title: str
    route: str
    secret: str
    document: Mapping[str, Any]
    outcome: str
    reason: str | None
    posted: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_restart: bool = False


def example(source: str, number: int = 0) -> dict[str, Any]:
    """Return one of the examples in the schema of a source."""
    schema = json.loads((EXAMPLES / f"{source}.json").read_text(encoding="utf-8"))
    chosen: dict[str, Any] = schema["examples"][number]
    return chosen


def alarm(instance: str, *, ago: timedelta, status: str = "firing") -> dict[str, Any]:
    """Return an Alertmanager group with one alert, raised so long ago, for an instance."""
    group = example("alertmanager")
    alert = {**group["alerts"][0], "status": status}
    alert["labels"] = {**alert["labels"], "kafka_instance_id": instance}
    alert["startsAt"] = (datetime.now(timezone.utc) - ago).isoformat()
    return {**group, "status": status, "alerts": [alert]}


def steps() -> tuple[Step, ...]:
    """Return the events of one night."""
    right = SECRETS["ALERTMANAGER_SECRETS"]
    minute = timedelta(minutes=1)
    first = alarm(ORDERS, ago=minute)
    resolved = {
        **first,
        "status": "resolved",
        "alerts": [{**first["alerts"][0], "status": "resolved"}],
    }
    ping = example("cloudevents")
    ping = {**ping, "time": datetime.now(timezone.utc).isoformat()}
    structured = {"Content-Type": "application/cloudevents+json"}
    alertmanager = "/alertmanager"
    return (
        Step("An alarm: orders is down", alertmanager, right, first, "accepted", None, RESTART),
        Step("The same alarm again", alertmanager, right, first, "skipped", "already_restarting"),
        Step(
            "The same alarm, after the restart",
            alertmanager,
            right,
            first,
            "skipped",
            "already_answered",
            after_restart=True,
        ),
        Step("Its resolution", alertmanager, right, resolved, "skipped", "not_firing"),
        Step(
            "A forged alarm",
            alertmanager,
            "a-secret-that-is-not-ours",
            first,
            "rejected",
            "unauthenticated",
        ),
        Step(
            "payments is down again, 25 minutes after its restart",
            alertmanager,
            right,
            alarm(PAYMENTS, ago=minute),
            "skipped",
            "cooldown",
        ),
        Step(
            "clicks is down, the fourth time today",
            alertmanager,
            right,
            alarm(CLICKS, ago=minute),
            "skipped",
            "restart_limit",
        ),
        Step(
            "The nightly schedule: purge what failed to be created",
            "/",
            SECRETS["CLOUDEVENTS_SECRETS"],
            ping,
            "accepted",
            None,
            PURGE,
            structured,
        ),
    )

"""The scene: a project with instances in trouble, and the secrets that open the routes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.stand_in import Behaviour, StandIn

ORDERS = "54602a9d-5e22-4239-9123-77e350df4a34"
PAYMENTS = "7166cdea-dbad-4d79-9610-7163e6f8b640"
CLICKS = "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6"
BROKEN = "c1a5e0f2-2d7e-4a55-8a3b-0d5d3c1f9e77"
NAMES = {ORDERS: "orders", PAYMENTS: "payments", CLICKS: "clicks", BROKEN: "load-test-7"}
MINUTE = 60.0
HOUR = 60 * MINUTE

SECRETS = {
    "ALERTMANAGER_SECRETS": "demo-alertmanager-secret",
    "DIRECT_SECRETS": "demo-direct-secret",
    "CLOUDEVENTS_SECRETS": "demo-cloudevents-secret",
}


@dataclass(frozen=True)
class Scene:
    """A stand-in of the cloud, and the settings of a function that acts on it."""

    cloud: StandIn
    settings: dict[str, str]

    def statuses(self) -> dict[str, str]:
        """Return the status of every instance by its name."""
        return {NAMES[one.id]: one.status for one in self.cloud.instances}


def _restarted(cloud: StandIn, instance: str, *, ago: float) -> None:
    """Put a restart that took five minutes into the history of an instance."""
    begun = time.time() - ago
    cloud.add_task(
        instance,
        name="kafkaInstanceRestart",
        status="SUCCESS",
        created_at=begun,
        updated_at=begun + 5 * MINUTE,
    )


@contextmanager
def scene(restart_seconds: float) -> Iterator[Scene]:
    """Set up four instances: one down, one restarted lately, one often, one never created."""
    with StandIn(Behaviour(restart_seconds=restart_seconds)) as cloud:
        cloud.add_instance(ORDERS, name=NAMES[ORDERS], status="ERROR")
        cloud.add_instance(PAYMENTS, name=NAMES[PAYMENTS], status="ERROR")
        cloud.add_instance(CLICKS, name=NAMES[CLICKS], status="ERROR")
        cloud.add_failed_creation(BROKEN, name=NAMES[BROKEN])
        _restarted(cloud, PAYMENTS, ago=30 * MINUTE)
        for hours in (3, 9, 15):
            _restarted(cloud, CLICKS, ago=hours * HOUR)
        yield Scene(cloud, {**cloud.environment(), **SECRETS, "DRY_RUN": "false"})

"""The scene: a project with instances in trouble, and the secrets that open the routes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from function.entrypoints.startup import routed_sources
from function.settings.model import secrets_name
from tests.fake_dms import Behaviour, FakeDms

ORDERS = "54602a9d-5e22-4239-9123-77e350df4a34"
PAYMENTS = "7166cdea-dbad-4d79-9610-7163e6f8b640"
CLICKS = "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6"
SEARCH = "0b8a7c31-9d1e-4a52-8f60-3c2d5e7f9a10"
BILLING = "d4e0b7a6-1c2f-4b8e-8a3d-5f6c7e8d9b02"
DRAFT = "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801"
NAMES = {
    ORDERS: "orders",
    PAYMENTS: "payments",
    CLICKS: "clicks",
    SEARCH: "search",
    BILLING: "billing",
    DRAFT: "draft",
}
MINUTE = 60.0
HOUR = 60 * MINUTE

SECRETS = {secrets_name(source): f"demo-{source}-secret" for source in routed_sources()}
# The deadline is not what is shown, and this one is enough for a machine with much else to do.
SETTINGS = {
    "DRY_RUN": "false",
    "DEADLINE_SECONDS": "30",
    "NOTIFY_ON": "needs_human,recovered",
    "VERIFY_PERIOD_SECONDS": "1800",
}


class LateClock:
    """The clock of the cloud: behind by some time, which may pass at once."""

    def __init__(self, behind: float) -> None:
        """Start so many seconds ago; the gateway accepts a skew of 15 minutes."""
        self.behind = behind

    def __call__(self) -> float:
        """Tell the time in epoch seconds."""
        return time.time() - self.behind

    def pass_by(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.behind -= seconds


@dataclass(frozen=True)
class Setup:
    """A fake cloud, and the settings of a function that acts on it."""

    cloud: FakeDms
    clock: LateClock
    settings: dict[str, str]

    def statuses(self) -> dict[str, str]:
        """Return the status of every instance by its name."""
        return {instance.name: instance.status for instance in self.cloud.instances}


def _restarted(cloud: FakeDms, instance: str, *, ago: float) -> None:
    """Put a restart that took five minutes into the history of an instance."""
    begun = time.time() - ago
    cloud.add_task(instance, created_at=begun, updated_at=begun + 5 * MINUTE)


@contextmanager
def setup(restart_seconds: float, *, behind: float = 0) -> Iterator[Setup]:
    """Set up six instances: three down, one restarted lately, one often, one never created.

    Of those that are down, `billing` is only observed.

    The cloud's clock is `behind` by so many seconds, which the demo lets pass when it likes.
    """
    clock = LateClock(behind)
    with FakeDms(Behaviour(restart_seconds=restart_seconds), clock=clock) as cloud:
        for instance in (ORDERS, PAYMENTS, CLICKS, SEARCH):
            cloud.add_instance(instance, name=NAMES[instance], status="ERROR")
        observe = {"auto-remediation": "observe"}
        cloud.add_instance(BILLING, name=NAMES[BILLING], status="ERROR", tags=observe)
        cloud.add_failed_creation(DRAFT, name=NAMES[DRAFT])
        _restarted(cloud, PAYMENTS, ago=30 * MINUTE)
        for hours in (3, 9, 15):
            _restarted(cloud, CLICKS, ago=hours * HOUR)
        people = {"NOTIFY_TOPIC_URN": cloud.account.topic_urn, "SMN_ENDPOINT": cloud.url}
        yield Setup(cloud, clock, {**cloud.environment(), **SECRETS, **SETTINGS, **people})

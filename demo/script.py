"""The script: what is sent, one event after the other, and what has to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from function.entrypoints import startup
from function.settings.model import secrets_name

from .setup import BILLING, CLICKS, ORDERS, PAYMENTS, SEARCH, SECRETS

# The cloud's clock lags while its time is to pass at once, by less than the minute from which on
# a result names the difference; so a restart is over sooner than the 3 to 15 minutes of real ones.
BEHIND_SECONDS = 55.0
RESTART_SECONDS = 40.0
RESTART = {"action": "restart", "instances": [ORDERS]}
PURGE = {"action": "delete", "all_failure": "kafka"}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}


@dataclass(frozen=True)
class Step:
    """One event, and what it must come to: status, outcome, reason, and what is posted.

    Without a verdict, any answer with the status 200 will do.
    """

    title: str
    document: Mapping[str, Any]
    verdict: tuple[int, str, str | None] | None
    posted: Mapping[str, Any] | None = None
    route: str = "/alertmanager"
    secret: str = SECRETS["ALERTMANAGER_SECRETS"]
    headers: Mapping[str, str] = field(default_factory=dict)
    later: float = 0
    """Seconds that pass in the cloud before it is sent."""


def example(source: str, number: int = 0) -> dict[str, Any]:
    """Return one of the examples in the schema of a source."""
    schema = startup.components().schemas.schema(f"events/{source}")
    chosen: dict[str, Any] = schema["examples"][number]
    return chosen


def alarm(instance: str, *, ago: timedelta, status: str = "firing") -> dict[str, Any]:
    """Return an Alertmanager group with one alert, raised so long ago, for an instance."""
    group = example("alertmanager")
    alert = {**group["alerts"][0], "status": status}
    alert["labels"] = {**alert["labels"], "kafka_instance_id": instance}
    alert["startsAt"] = (datetime.now(timezone.utc) - ago).isoformat()
    return {**group, "status": status, "alerts": [alert]}


def ping() -> dict[str, Any]:
    """Return the purge of Knative's schedule, sent now."""
    return {**example("cloudevents"), "time": datetime.now(timezone.utc).isoformat()}


def resolved(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same group when it is over, which is now."""
    ended = {"status": "resolved", "endsAt": datetime.now(timezone.utc).isoformat()}
    alerts = [{**alert, **ended} for alert in group["alerts"]]
    return {**group, "status": "resolved", "alerts": alerts}


def _alarms(first: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return what senders of alarms say, and one who only claims to be a sender."""
    now = timedelta(seconds=0)
    return (
        Step("An alarm: orders is down", first, (200, "accepted", None), RESTART),
        Step("The same alarm again", first, (200, "skipped", "already_restarting")),
        Step(
            "The same alarm once more, after the restart",
            first,
            (200, "skipped", "already_answered"),
            later=RESTART_SECONDS + 10,
        ),
        Step(
            "A forged alarm: search is down, says somebody without the secret",
            alarm(SEARCH, ago=now),
            (401, "rejected", "unauthenticated"),
            secret="not-the-secret-of-alertmanager",
        ),
        Step(
            "A new alarm: payments is down again, half an hour after its restart",
            alarm(PAYMENTS, ago=now),
            (200, "skipped", "cooldown"),
        ),
        Step(
            "A new alarm: clicks is down, after three restarts today",
            alarm(CLICKS, ago=now),
            (200, "skipped", "restart_limit"),
        ),
        Step(
            "An alarm: billing is down, which is tagged auto-remediation=observe",
            alarm(BILLING, ago=now),
            (200, "dry_run", "observed"),
        ),
    )


def _schedules(first: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return what comes at its time: a purge, the end of the first alarm, a verification."""
    return (
        Step(
            "The nightly schedule: purge what failed to be created",
            ping(),
            (200, "accepted", None),
            PURGE,
            route="/",
            secret=SECRETS["CLOUDEVENTS_SECRETS"],
            headers=CLOUDEVENT,
        ),
        Step(
            "The end of the first alarm: the restart of orders helped",
            resolved(first),
            (200, "skipped", "recovered"),
        ),
        Step(
            "The schedule of every 15 minutes: which restarts did not help?",
            {"action": "verify"},
            (200, "failed", None),
            route="/direct",
            secret=SECRETS[secrets_name("direct")],
        ),
    )


def steps() -> tuple[Step, ...]:
    """Return the events, in order."""
    first = alarm(ORDERS, ago=timedelta(minutes=10))
    return (*_alarms(first), *_schedules(first))


def examples() -> tuple[Step, ...]:
    """Return the first example of every source with a route, sent as it stands in its schema."""
    kind = {"/": CLOUDEVENT}
    return tuple(
        Step(
            name,
            example(name),
            None,
            route=str(source.route),
            secret=SECRETS[secrets_name(name)],
            headers=kind.get(str(source.route), {}),
        )
        for name, source in startup.components().sources.items()
        if source.route is not None
    )

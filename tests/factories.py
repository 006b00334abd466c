"""Factories for the values of policy tests: times, instances, tasks, limits."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from function.model.cloud_state import InstanceState, Observation, Task
from function.model.decision import Decision, ScreenedEvent
from function.model.event import Action, Event, Intent, Source
from function.policy import decide
from function.policy.screen import screen
from function.settings.model import Limits
from function.settings.reader import names

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=timezone.utc)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)
ORDERS = "54602a9d-5e22-4239-9123-77e350df4a34"
PAYMENTS = "7166cdea-dbad-4d79-9610-7163e6f8b640"
AUDIT = "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6"
DRAFT = "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801"
ALL_THREE = (ORDERS, PAYMENTS, AUDIT)


def ids(number: int) -> list[str]:
    """Return so many instance ids."""
    return [f"{index:08x}-0000-4000-8000-000000000000" for index in range(number)]


def read(_: Any) -> Event:
    """Fail: these tests build their events directly and parse nothing."""
    raise AssertionError("the event is at hand")


ALARMS = Source(parse=read, actions=frozenset({Action.RESTART}), alarm=True)
SCHEDULES = Source(parse=read, actions=frozenset({Action.RESTART, Action.PURGE_FAILED}))
REQUESTS = Source(parse=read, actions=frozenset(Action))
SETTINGS = names(("alertmanager", "cloudevents", "direct", "grafana"))


def limits(**changes: Any) -> Limits:
    """Return the default limits, acting, with some of them changed."""
    return Limits(**{"dry_run": False, **changes})


def restart(*instances: str, **fields: Any) -> Intent:
    """Return an intent to restart instances, or ORDERS."""
    return Intent(Action.RESTART, instances or (ORDERS,), **fields)


def task(ago: timedelta = HOUR, took: timedelta = MINUTE, **fields: Any) -> Task:
    """Return a restart that began a while ago and took a while."""
    began = NOW - ago
    defaults = {"id": f"{began}", "name": "kafkaInstanceRestart", "status": "SUCCESS"}
    return Task(**{**defaults, "created_at": began, "updated_at": began + took, **fields})


def state(instance: str = ORDERS, status: str | None = "ERROR", **fields: Any) -> InstanceState:
    """Return a live Kafka instance without tags and without history."""
    return InstanceState(**{"id": instance, "status": status, "engine": "kafka", **fields})


def screened(*targets: str, alarm: bool = True, **fields: Any) -> ScreenedEvent:
    """Return a screened event: targets whose alarm was raised just now."""
    targets = targets or (ORDERS,)
    defaults = {"action": Action.RESTART, "raised_at": dict.fromkeys(targets, NOW)}
    return ScreenedEvent(**{**defaults, "alarm": alarm, "targets": targets, **fields})


def observed(*states: InstanceState, **fields: Any) -> Observation:
    """Return what was observed of these instances."""
    return Observation(instances={state.id: state for state in states}, **fields)


def decided(
    observation: Observation,
    asked: ScreenedEvent | None = None,
    source: Source = ALARMS,
    **changes: Any,
) -> Decision:
    """Decide at NOW on what was observed, asked for by an alarm unless a source is given."""
    asked = asked or screened(*observation.instances)
    return decide.decide(asked, observation, source=source, limits=limits(**changes), now=NOW)


def screen_of(
    *intents: Intent, source: Source = ALARMS, sent: Any = None, **changes: Any
) -> ScreenedEvent:
    """Screen the intents of an event at NOW."""
    return screen(Event(intents, sent_at=sent), source, limits(**changes), NOW)

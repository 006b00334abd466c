"""Observe: the live state of the instances that an event names, in as few reads as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from ..model.cloud_state import InstanceState, Observation, Task
from ..model.decision import ScreenedEvent
from ..model.errors import StateUnreadable
from ..model.event import Action
from ..settings.model import Limits
from .inventory import Inventory

DAY = timedelta(days=1)
MAX_HISTORY = timedelta(days=30)
CANCELLED_TASKS = frozenset({"CANCELLED", "DELETED"})
# Kafka Manager and Smart Connect restart by themselves, which is no restart of the instance.
RESTARTED_BESIDE_BROKERS = ("manager", "connector")
CONCLUSIVE_STATUSES = frozenset({"RESTARTING", "DELETING", "RECYCLE"})


def history_start(raised: datetime | None, now: datetime) -> datetime:
    """Return how far back the tasks are asked for: to the alarm, and a day wider than a day.

    A day wider, because the time zone of the API's begin_time is not documented.
    """
    begin = min(raised or now, now - DAY) - DAY
    return max(begin, now - MAX_HISTORY)


def _is_restart(name: str, pattern: str) -> bool:
    """Tell whether a task restarts the instance, not something beside its brokers.

    >>> names = ("kafkainstancerestart", "restartkafkamanager", "restartconnectortask")
    >>> [_is_restart(name, "restart") for name in names], _is_restart("restartmanager", "manager")
    ([True, False, False], True)
    """
    return pattern in name and not any(
        part in name and part not in pattern for part in RESTARTED_BESIDE_BROKERS
    )


def restart_tasks(tasks: tuple[Task, ...], pattern: str) -> tuple[Task, ...]:
    """Return the restarts among background tasks; StateUnreadable for one without a time."""
    found = tuple(
        task
        for task in tasks
        if _is_restart(task.name.lower(), pattern) and task.status not in CANCELLED_TASKS
    )
    if any(task.created_at is None for task in found):
        raise StateUnreadable("a restart among the background tasks has no readable time")
    return found


def with_history(
    state: InstanceState, inventory: Inventory, limits: Limits, *, since: datetime
) -> InstanceState:
    """Return an instance with the restarts among its background tasks."""
    if state.status is None:
        return state
    tasks = inventory.tasks(state.id, since)
    dated = [(task.created_at, task.name) for task in tasks if task.created_at is not None]
    return state._replace(
        restart_tasks=restart_tasks(tasks, limits.restart_task_pattern),
        newest_task_name=max(dated)[1] if dated else None,
    )


def _listed(
    screened: ScreenedEvent, limits: Limits, inventory: Inventory
) -> tuple[Mapping[str, InstanceState], frozenset[str]]:
    """Return what a list tells, where it saves reads, and which instances restart now."""
    storm_watch = screened.alarm and limits.max_restarting > 0
    if not storm_watch and len(screened.targets) == 1:
        return {}, frozenset()
    rows, total = inventory.page(0)
    known = {row.id: row for row in rows if row.tags is not None and row.engine}
    if storm_watch and len(rows) < total:
        rows, total = inventory.instances(status="RESTARTING")
        if len(rows) < total:
            raise StateUnreadable("the list of instances is not complete", transient=True)
    return known, frozenset(row.id for row in rows if row.status == "RESTARTING")


def _instances(
    screened: ScreenedEvent, limits: Limits, inventory: Inventory, now: datetime
) -> Observation:
    known, restarting = _listed(screened, limits, inventory)

    def state(target: str) -> InstanceState:
        found = known.get(target) or inventory.instance(target)
        if screened.action is not Action.RESTART:
            return found
        since = history_start(screened.raised_at.get(target), now)
        return with_history(found, inventory, limits, since=since)

    states = inventory.gather([partial(state, target) for target in screened.targets])
    recycle_bin = inventory.recycle_bin() if screened.action is Action.DELETE else None
    return Observation(
        instances={state.id: state for state in states},
        restarting=restarting,
        recycle_bin=recycle_bin,
    )


def _failed_creations(inventory: Inventory) -> Observation:
    """Return what failed to be created; whether the cloud lists that is not documented."""
    rows, total = inventory.instances(include_failure="true")
    failed = tuple(row for row in rows if row.status == "CREATEFAILED")
    return Observation(failed_creations=failed, unlisted=max(total - len(rows), 0))


def reread(
    inventory: Inventory, instances: tuple[str, ...], limits: Limits, now: datetime
) -> Mapping[str, InstanceState]:
    """Return instances as they are now; with their history, unless the status says it all."""

    def state(target: str) -> InstanceState:
        found = inventory.instance(target)
        if found.status in CONCLUSIVE_STATUSES:
            return found
        return with_history(found, inventory, limits, since=history_start(None, now))

    states = inventory.gather([partial(state, target) for target in instances])
    return {state.id: state for state in states}


def read_live_state(
    screened: ScreenedEvent, limits: Limits, inventory: Inventory, now: datetime
) -> Observation:
    """Return the live state that a decision on these targets needs, or raise StateUnreadable."""
    if screened.action is Action.PURGE_FAILED:
        return inventory.with_deadline(lambda: _failed_creations(inventory))
    return inventory.with_deadline(lambda: _instances(screened, limits, inventory, now))

"""Observe: the live state of the instances that an event names, in as few reads as it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from ..model.cloud_state import InstanceState, Observation, Task
from ..model.decision import ScreenedEvent
from ..model.errors import StateUnreadable
from ..model.event import Action
from ..settings.model import Limits
from .inventory import Inventory

T = TypeVar("T")
DAY = timedelta(days=1)
# Bounds the pages of one read; the rules look back 24 hours, or to the time of the alarm.
MAX_HISTORY = timedelta(days=30)
# Restarts that were cancelled or removed before they ran.
CANCELLED_TASKS = frozenset({"CANCELLED", "DELETED"})
# Kafka Manager and Smart Connect restart by themselves, which is no restart of the instance.
RESTARTED_BESIDE_BROKERS = ("manager", "connector")
# The status alone decides here, so the history is not read.
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
    restarts = tuple(
        task
        for task in tasks
        if _is_restart(task.name.lower(), pattern) and task.status not in CANCELLED_TASKS
    )
    if any(task.created_at is None for task in restarts):
        raise StateUnreadable("a restart among the background tasks has no readable time")
    return restarts


def _with_tasks(state: InstanceState, tasks: tuple[Task, ...], limits: Limits) -> InstanceState:
    """Return an instance with the restarts among its background tasks."""
    dated = [(task.created_at, task.name) for task in tasks if task.created_at is not None]
    return state._replace(
        restart_tasks=restart_tasks(tasks, limits.restart_task_pattern),
        newest_task_name=max(dated)[1] if dated else None,
    )


def with_history(
    state: InstanceState, inventory: Inventory, limits: Limits, *, since: datetime
) -> InstanceState:
    """Read the background tasks of an instance, and return it with its restarts."""
    if state.status is None:
        return state
    return _with_tasks(state, inventory.tasks(state.id, since), limits)


def _attempt(read: Callable[[], T]) -> T | StateUnreadable:
    """Return what a read returns, or its problem, which matters only if the instance exists."""
    try:
        return read()
    except StateUnreadable as problem:
        return problem


# The instances that a list tells all about, and which of the project restart now.
_Listed = tuple[Mapping[str, InstanceState], frozenset[str]]


def _read_list(inventory: Inventory, *, storm_watch: bool) -> _Listed:
    rows, total = inventory.page(0)
    # Two rows of one instance may contradict each other, and stand where another one is missing.
    times = Counter(row.id for row in rows)
    told = (row for row in rows if times[row.id] == 1 and row.tags is not None and row.engine)
    known = {row.id: row for row in told}
    if storm_watch and len(times) < total:
        rows, total = inventory.instances(status="RESTARTING")
        if len(rows) < total:
            raise StateUnreadable("the list of instances is not complete", transient=True)
    return known, frozenset(row.id for row in rows if row.status == "RESTARTING")


def _read_one(inventory: Inventory, target: str) -> _Listed:
    return {target: inventory.instance(target)}, frozenset()


def _instances(
    screened: ScreenedEvent, limits: Limits, inventory: Inventory, now: datetime
) -> Observation:
    """Read the list and the histories in parallel, then each instance the list does not describe.

    On a network this takes one round trip instead of two. A single target that no storm is watched
    for needs no list.
    """
    targets = screened.targets
    storm_watch = screened.alarm and limits.max_restarting > 0
    reads: list[Callable[[], Any]] = [
        partial(_read_list, inventory, storm_watch=storm_watch)
        if storm_watch or len(targets) > 1
        else partial(_read_one, inventory, targets[0])
    ]
    if screened.action is Action.RESTART:
        for target in targets:
            since = history_start(screened.raised_at.get(target), now)
            reads.append(partial(_attempt, partial(inventory.tasks, target, since)))
    else:  # a deletion: nothing else that names instances comes this far
        reads.append(inventory.recycle_bin)
    (known, restarting), *others = inventory.gather(reads)
    missing = [target for target in targets if target not in known]
    shown = inventory.gather([partial(inventory.instance, target) for target in missing])
    states = {**known, **{state.id: state for state in shown}}
    instances = {target: states[target] for target in targets}
    if screened.action is Action.RESTART:
        instances = {
            target: _with_attempt(instances[target], tasks, limits)
            for target, tasks in zip(targets, others, strict=True)
        }
    return Observation(
        instances=instances,
        restarting=restarting,
        recycle_bin=others[0] if screened.action is Action.DELETE else None,
    )


def _with_attempt(
    state: InstanceState, tasks: tuple[Task, ...] | StateUnreadable, limits: Limits
) -> InstanceState:
    """Return an instance with its history; one that does not exist needs none."""
    if state.status is None:
        return state
    if isinstance(tasks, StateUnreadable):
        raise tasks
    return _with_tasks(state, tasks, limits)


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
        shown = inventory.instance(target)
        if shown.status in CONCLUSIVE_STATUSES:
            return shown
        return with_history(shown, inventory, limits, since=history_start(None, now))

    states = inventory.gather([partial(state, target) for target in instances])
    return {state.id: state for state in states}


def read_live_state(
    screened: ScreenedEvent, limits: Limits, inventory: Inventory, now: datetime
) -> Observation:
    """Return the live state that a decision on these targets needs, or raise StateUnreadable."""
    if screened.action is Action.PURGE_FAILED:
        return inventory.with_deadline(lambda: _failed_creations(inventory))
    return _instances(screened, limits, inventory, now)

"""The instances and their background tasks: states that move with the clock."""

import heapq
import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .behaviour import Behaviour

RESTARTABLE = DELETABLE = ("RUNNING", "ERROR")
LEAVES_THE_LIST = ("DELETING", "RECYCLE")
OWNER_OF_KEYS = "kafka-remediator"
"""Who asked for a task that a call has begun; tasks added by hand are of the operator."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as the API shows it."""

    id: str
    name: str = "kafka-test"
    engine: str = "kafka"
    status: str = "RUNNING"
    tags: dict[str, str] = field(default_factory=dict)
    created_at: float = 1_700_000_000.0
    failed_creation: bool = False
    topics: dict[str, int] = field(default_factory=dict)
    """The number of replicas of each topic."""


@dataclass(frozen=True, slots=True)
class Task:
    """One background task; times are epoch seconds, or any text to be shown as it is."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    name: str = "kafkaInstanceRestart"
    status: str = "SUCCESS"
    created_at: float | str = 1_700_000_000.0
    updated_at: float | str | None = None
    """None: the same as created_at."""
    user_name: str = "operator"
    params: str = "{}"


@dataclass(frozen=True, slots=True)
class Effect:
    """One action that was executed on one instance."""

    time: float
    action: str
    instance: str


@dataclass(frozen=True, slots=True)
class Publication:
    """One message that a topic has accepted for its subscribers."""

    time: float
    topic_urn: str
    subject: str | None
    message: str
    message_id: str


class Cloud:
    """All instances of the account; every read first applies the changes due by the clock."""

    def __init__(self, behaviour: Behaviour, clock: Callable[[], float]) -> None:
        """Start without instances."""
        self.lock = threading.RLock()
        self.behaviour, self.clock = behaviour, clock
        self.effects: list[Effect] = []
        self.published: list[Publication] = []
        self._instances: dict[str, Instance] = {}
        self._tasks: dict[str, list[Task]] = {}
        self._plan: list[tuple[float, int, str, Callable[[], None]]] = []
        self._order = itertools.count()

    def instances(self) -> tuple[Instance, ...]:
        """Return all instances as shown now, failed creations and leaving ones, too."""
        with self.lock:
            self._settle()
            return tuple(self._instances.values())

    def instance(self, instance_id: str) -> Instance:
        """Return one instance as shown now; KeyError when there is none."""
        with self.lock:
            self._settle()
            return self._instances[instance_id]

    def tasks(self, instance_id: str) -> tuple[Task, ...]:
        """Return an instance's tasks as shown now, in order of their coming."""
        with self.lock:
            self._settle()
            return tuple(self._tasks.get(instance_id, ()))

    def put(self, instance: Instance) -> None:
        """Add or replace an instance, and cancel its running restart or deletion."""
        with self.lock:
            self._settle()
            self._instances[instance.id] = instance
            self._plan = [entry for entry in self._plan if entry[2] != instance.id]
            heapq.heapify(self._plan)

    def put_task(self, instance_id: str, task: Task) -> None:
        """Add a task, or replace the one with its id."""
        with self.lock:
            others = [one for one in self._tasks.get(instance_id, ()) if one.id != task.id]
            self._tasks[instance_id] = [*others, task]

    def remove_task(self, instance_id: str, task_id: str) -> None:
        """Remove one task, as people may do in the console."""
        with self.lock:
            kept = [one for one in self._tasks.get(instance_id, ()) if one.id != task_id]
            self._tasks[instance_id] = kept

    def is_busy(self, instance_id: str) -> bool:
        """Tell whether an accepted action is still running, shown or not."""
        with self.lock:
            self._settle()
            return any(entry[2] == instance_id for entry in self._plan)

    def restart(self, instance_id: str) -> None:
        """Begin a restart now; behaviour and clock decide how it goes on."""
        behaviour, now = self.behaviour, self.clock()
        before = self._instances[instance_id].status
        begin = now + behaviour.status_lag
        end = begin + behaviour.restart_seconds
        helps, fails = (behaviour.restart_outcome == word for word in ("helps", "fails"))
        after = "RUNNING" if helps else "ERROR" if fails else before
        self._at(begin, instance_id, lambda: self._show(instance_id, status="RESTARTING"))
        self._at(end, instance_id, lambda: self._show(instance_id, status=after))
        if behaviour.keeps_tasks:
            self._plan_task(instance_id, (now, begin, end), "FAILED" if fails else "SUCCESS")
        self._did(now, "restart", instance_id)

    def delete(self, instance_id: str, *, forced: bool = False) -> None:
        """Begin a deletion now: DELETING, then gone or in the recycle bin."""
        behaviour, now = self.behaviour, self.clock()
        begin = now + behaviour.status_lag
        recycled = bool(behaviour.recycle_bin) and not forced
        self._at(begin, instance_id, lambda: self._show(instance_id, status="DELETING"))
        self._at(
            begin + behaviour.delete_seconds,
            instance_id,
            lambda: (
                self._show(instance_id, status="RECYCLE") if recycled else self._drop(instance_id)
            ),
        )
        self._did(now, "delete", instance_id)

    def purge(self, engine: str) -> None:
        """Remove every failed creation of one engine."""
        now = self.clock()
        for one in [*self._instances.values()]:
            if one.failed_creation and one.engine == engine:
                self._drop(one.id)
                self._did(now, "purge", one.id)

    def _plan_task(self, instance_id: str, times: tuple[float, float, float], last: str) -> None:
        asked, begin, end = times
        name = self.behaviour.task_name
        task = Task(
            name=name,
            status="CREATED",
            created_at=asked,
            updated_at=asked,
            user_name=OWNER_OF_KEYS,
        )
        visible = asked + self.behaviour.task_lag
        for moment, status in ((asked, "CREATED"), (begin, "EXECUTING"), (end, last)):
            state = replace(task, status=status, updated_at=moment)
            # Not filed under the instance: a status set by hand leaves the task to end in its time.
            self._at(max(moment, visible), f"{instance_id} task", _put(self, instance_id, state))

    def _at(self, moment: float, instance_id: str, change: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (moment, next(self._order), instance_id, change))

    def _did(self, now: float, action: str, instance_id: str) -> None:
        self.effects.append(Effect(now, action, instance_id))
        self._settle()

    def _settle(self) -> None:
        now = self.clock()
        while self._plan and self._plan[0][0] <= now:
            heapq.heappop(self._plan)[3]()

    def _show(self, instance_id: str, **changes: Any) -> None:
        if instance_id in self._instances:
            self._instances[instance_id] = replace(self._instances[instance_id], **changes)

    def _drop(self, instance_id: str) -> None:
        self._instances.pop(instance_id, None)
        self._tasks.pop(instance_id, None)


def _put(cloud: Cloud, instance_id: str, task: Task) -> Callable[[], None]:
    return lambda: cloud.put_task(instance_id, task)

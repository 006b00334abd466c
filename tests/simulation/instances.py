"""The instances of a run, and the operators who change them meanwhile."""

import uuid
from dataclasses import dataclass, field, replace
from random import Random

from tests.fake_dms import FakeDms, Instance, Task

from .clock import START

UP = ("RUNNING", "ERROR")
MAX_RESTART_SECONDS = 1000


@dataclass(frozen=True, slots=True)
class Instances:
    """The instance ids of a run, by their special properties."""

    ordinary: tuple[str, ...]
    disposable: tuple[str, ...]
    opted_out: str
    blocked: str
    rabbit: str
    frozen: str
    missing: str
    blocked_draft: str

    @property
    def untouchable(self) -> tuple[str, ...]:
        """The instances that must not be changed."""
        out = (self.opted_out, self.blocked, self.rabbit, self.frozen, self.missing)
        return (*out, self.blocked_draft)


def new_id(random: Random) -> str:
    """Return an instance id."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def make(random: Random, ordinary: int = 9) -> Instances:
    """Choose the ids of one run."""
    return Instances(
        tuple(new_id(random) for _ in range(ordinary)),
        tuple(new_id(random) for _ in range(4)),
        *(new_id(random) for _ in range(6)),
    )


def populate(cloud: FakeDms, names: Instances, random: Random) -> None:
    """Add the instances to the cloud, some with earlier restarts."""
    for instance in (*names.ordinary, *names.disposable, names.blocked):
        cloud.add_instance(instance, status=random.choice(UP), tags={"team": "streaming"})
    cloud.add_instance(names.opted_out, status="ERROR", tags={"auto-remediation": "Off"})
    cloud.add_instance(names.rabbit, status="RUNNING", engine="rabbitmq")
    cloud.add_instance(names.frozen, status="FROZEN")
    for instance in random.sample(names.ordinary, 3):
        ago = random.uniform(0.2, 30) * 3600
        cloud.add_task(instance, created_at=START - ago, updated_at=START - ago + 300)
    odd = {"name": "kafkaUpgrade", "created_at": "yesterday"}
    for instance in random.sample(names.ordinary, 2):
        cloud.add_task(instance, **odd)


@dataclass(slots=True)
class Operators:
    """People who restart instances in the console, forget drafts, and see instances break."""

    cloud: FakeDms
    names: Instances
    random: Random
    _restarting: dict[str, tuple[float, Task]] = field(default_factory=dict)

    def act(self) -> None:
        """Act between two waves; the random choices do not depend on the cloud."""
        self._end_restarts()
        chosen, dice = self.random.choice(self.names.ordinary), self.random.random()
        broken, drafts = self.random.choice(self.names.ordinary), self.random.choice((0, 0, 1, 5))
        if dice < 0.1 and self._is_up(chosen):
            self._restart(chosen)
        if self._is_up(broken):
            self.cloud.set_status(broken, "ERROR")
        for _ in range(drafts):
            self.cloud.add_failed_creation(new_id(self.random))
        if dice > 0.9:
            self.cloud.add_failed_creation(self.names.blocked_draft)
        elif dice > 0.5:
            self._clear_drafts()

    def _shown(self) -> dict[str, Instance]:
        return {instance.id: instance for instance in self.cloud.instances}

    def _is_up(self, instance: str) -> bool:
        """Tell whether an instance is up, and no accepted restart is still hidden."""
        recent = self.cloud.clock() - MAX_RESTART_SECONDS
        busy = any(
            effect.instance == instance and effect.time > recent for effect in self.cloud.effects
        )
        return self._shown()[instance].status in UP and not busy

    def _restart(self, instance: str) -> None:
        now = self.cloud.clock()
        task = Task(uuid.uuid4().hex, status="EXECUTING", created_at=now, updated_at=now)
        self.cloud.add_task(instance, **_fields(task))
        self.cloud.set_status(instance, "RESTARTING")
        self._restarting[instance] = (now + 400, task)

    def _end_restarts(self) -> None:
        now = self.cloud.clock()
        for instance, (end, task) in list(self._restarting.items()):
            if end <= now:
                self.cloud.add_task(
                    instance, **_fields(replace(task, status="SUCCESS", updated_at=now))
                )
                self.cloud.set_status(instance, "RUNNING")
                del self._restarting[instance]

    def _clear_drafts(self) -> None:
        """Replace the failed creations by new ones, so that later purges have targets."""
        for one in self.cloud.instances:
            if one.failed_creation:
                self.cloud.add_instance(one.id, engine="rabbitmq")


def _fields(task: Task) -> dict[str, object]:
    names = ("id", "status", "created_at", "updated_at")
    return {name: getattr(task, name) for name in names}

"""One run from its seed: the waves of deliveries, and the resulting history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.fake_dms import FakeDms, Task

from . import cloud_faults, instances, smn_key
from .clock import SimulatedClock
from .history import Delivery, Handled, History, Policy, Restart
from .instances import Instances, Operators
from .replicas import DEADLINE_SECONDS, Copies
from .senders import SECRETS, TOPIC
from .traffic import Traffic

WAVE = 40
MOST_REDELIVERIES = 6
JUMPS = (15, 60, 240, 600, 1500)


@dataclass(frozen=True, slots=True)
class Keys:
    """The topic service's key, its certificate, and the key of a stranger."""

    own: RSAPrivateKey
    forged: RSAPrivateKey
    certificate: Path


def make_keys(folder: Path) -> Keys:
    """Generate the keys once: generating them for every run takes too long."""
    own = smn_key.make()
    certificate = smn_key.write_certificate(own, folder / "smn.pem")
    return Keys(own, smn_key.make(), certificate)


def policy_of(seed: int, names: Instances) -> Policy:
    """Return what the operator of this seed's run has set."""
    random = Random(f"settings {seed}")
    return Policy(
        cooldown=random.choice((600, 1800, 3600)),
        restarts_per_day=random.choice((2, 3, 12)),
        max_restarting=random.choice((1, 2, 3)),
        max_purge=random.choice((2, 6)),
        deletes=random.random() < 0.6,
        untouchable=frozenset(names.untouchable),
    )


def environment(policy: Policy, names: Instances, keys: Keys, cloud: FakeDms) -> dict[str, str]:
    """Write a policy as the settings of the function."""
    actions = ["restart", "purge_failed", *(["delete"] if policy.deletes else [])]
    return {
        **cloud.environment(),
        **{f"{name.upper()}_SECRETS": secret for name, secret in SECRETS.items()},
        "SMN_TOPIC_URNS": TOPIC,
        "SMN_CERTIFICATE_FILE": str(keys.certificate),
        "DRY_RUN": "false",
        "ENABLED_ACTIONS": ",".join(actions),
        "BLOCKED_INSTANCES": f"{names.blocked},{names.blocked_draft}",
        "COOLDOWN_SECONDS": str(round(policy.cooldown)),
        "MAX_RESTARTS_PER_DAY": str(policy.restarts_per_day),
        "MAX_RESTARTING": str(policy.max_restarting),
        "MAX_PURGE": str(policy.max_purge),
        "DEADLINE_SECONDS": str(DEADLINE_SECONDS),
    }


class Simulation:
    """One run against one fake API."""

    def __init__(self, seed: int, keys: Keys, *, lag: float | None = None) -> None:
        """Prepare the run of a seed; a given lag (seconds) stays to the end."""
        self.clock = SimulatedClock()
        self.random, self._lag = Random(seed), lag
        self.names = instances.make(self.random)
        self.policy = policy_of(seed, self.names)
        self._keys = keys
        self._traffic = Traffic(self.names, self.random, keys.own, keys.forged)
        self._waiting: list[tuple[int, int, Delivery]] = []
        self._waves: list[tuple[float, float]] = []

    def settings(self, cloud: FakeDms) -> Mapping[str, str]:
        """Return the settings of the copies."""
        return environment(self.policy, self.names, self._keys, cloud)

    def run(self, cloud: FakeDms, copies: Copies, events: int, *, ledger: bool = False) -> History:
        """Run waves until so many events were sent, redeliveries not counted."""
        hidden = cloud_faults.hide_tasks(cloud, self.random)
        instances.populate(cloud, self.names, self.random)
        operators = Operators(cloud, self.names, self.random)
        handled: list[Handled] = []
        lines: list[Mapping[str, object]] = []
        dropped = 0
        longest_lag = 0.0
        for wave in range(-(-events // WAVE)):
            self.clock.advance(self.random.choice(JUMPS) * self.random.uniform(0.5, 1.5))
            operators.act()
            longest_lag = max(longest_lag, cloud_faults.change(cloud, self.random, lag=self._lag))
            takes = cloud.behaviour.status_lag + cloud.behaviour.restart_seconds
            self._waves.append((self.clock(), takes))
            due = self._due(wave)
            counts = {id(delivery): count for count, delivery in due}
            fresh = self._traffic.wave(self.clock(), WAVE)
            deliveries = [*fresh, *(delivery for _, delivery in due)]
            Random(wave).shuffle(deliveries)
            work_done = copies.work(deliveries, self.clock)
            handled += work_done.handled
            lines += work_done.lines
            dropped += work_done.dropped
            self._send_again(wave, work_done.handled, counts)
        self.clock.advance(7200)  # whatever goes on has ended by then
        return History(
            policy=self.policy,
            handled=tuple(handled),
            lines=tuple(lines),
            dropped=dropped,
            effects=cloud.effects,
            restarts=restarts(cloud, self._waves, hidden=hidden),
            posts=cloud.posts,
            lag=longest_lag,
            ledger=ledger,
        )

    def _due(self, wave: int) -> list[tuple[int, Delivery]]:
        due = [(count, delivery) for when, count, delivery in self._waiting if when <= wave]
        self._waiting = [entry for entry in self._waiting if entry[0] > wave]
        return due

    def _send_again(self, wave: int, handled: Sequence[Handled], counts: Mapping[int, int]) -> None:
        for one in handled:
            count = counts.get(id(one.delivery), 0) + 1
            if one.wanted_again and count <= MOST_REDELIVERIES:
                self._waiting.append((wave + 1 + count % 2, count, one.delivery))


def restarts(
    cloud: FakeDms, waves: Sequence[tuple[float, float]], *, hidden: bool
) -> tuple[Restart, ...]:
    """Return all restarts there were, those of the function and those of people.

    `waves` are when each began, and how long a restart takes in it: where no task says so.
    """
    ours = {
        (effect.instance, effect.time) for effect in cloud.effects if effect.action == "restart"
    }
    tasks = [
        (instance.id, task) for instance in cloud.instances for task in cloud.tasks(instance.id)
    ]
    ends = {
        (id_, task.created_at): float(task.updated_at or 0)
        for id_, task in tasks
        if _is_ended(task)
    }
    by_people = [
        Restart(id_, float(task.created_at), float(task.updated_at or 0), ours=False)
        for id_, task in tasks
        if "restart" in task.name.lower() and (id_, task.created_at) not in ours
    ]
    by_us = [
        Restart(id_, began, ends.get((id_, began)) or began + _seconds(waves, began), hidden=hidden)
        for id_, began in ours
    ]
    return tuple(sorted([*by_people, *by_us], key=lambda restart: restart.began))


def _is_ended(task: Task) -> bool:
    return task.status in {"SUCCESS", "FAILED"} and not isinstance(task.updated_at, str)


def _seconds(waves: Sequence[tuple[float, float]], moment: float) -> float:
    return next((takes for began, takes in reversed(waves) if began <= moment), 0.0)

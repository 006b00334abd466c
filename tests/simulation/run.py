"""One night from its seed: the waves of deliveries, and the history that they leave behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.fake_dms import FakeDms, Task

from . import cloud_faults, instances, smn_key
from .clock import NightClock
from .history import Delivery, Handled, History, Policy, Restart
from .instances import Instances, Operators
from .replicas import DEADLINE_SECONDS, Copies
from .senders import SECRETS, TOPIC
from .traffic import Trouble

WAVE = 40
MOST_REDELIVERIES = 6
PATIENCE = 0.85  # of the deadline; then the time to see a restart is as good as over
JUMPS = (15, 60, 240, 600, 1500)


@dataclass(frozen=True, slots=True)
class Keys:
    """The topic service's key, its certificate, and the key of somebody else."""

    own: RSAPrivateKey
    forged: RSAPrivateKey
    certificate: Path


def make_keys(folder: Path) -> Keys:
    """Make keys, which cost too much to make them for every night."""
    own = smn_key.make()
    certificate = smn_key.write_certificate(own, folder / "smn.pem")
    return Keys(own, smn_key.make(), certificate)


def promise_of(seed: int, found: Instances) -> Policy:
    """Return what the operator of this seed's night has set."""
    chance = Random(f"settings {seed}")
    return Policy(
        cooldown=chance.choice((600, 1800, 3600)),
        restarts_per_day=chance.choice((2, 3, 12)),
        max_restarting=chance.choice((1, 2, 3)),
        max_purge=chance.choice((2, 6)),
        deletes=chance.random() < 0.6,
        untouchable=frozenset(found.untouchable),
    )


def environment(promise: Policy, found: Instances, keys: Keys, cloud: FakeDms) -> dict[str, str]:
    """Write a promise as the settings of the function."""
    actions = ["restart", "purge_failed", *(["delete"] if promise.deletes else [])]
    return {
        **cloud.environment(),
        **{f"{name.upper()}_SECRETS": secret for name, secret in SECRETS.items()},
        "SMN_TOPIC_URNS": TOPIC,
        "SMN_CERTIFICATE_FILE": str(keys.certificate),
        "DRY_RUN": "false",
        "ENABLED_ACTIONS": ",".join(actions),
        "BLOCKED_INSTANCES": f"{found.blocked},{found.blocked_draft}",
        "COOLDOWN_SECONDS": str(round(promise.cooldown)),
        "MAX_RESTARTS_PER_DAY": str(promise.restarts_per_day),
        "MAX_RESTARTING": str(promise.max_restarting),
        "MAX_PURGE": str(promise.max_purge),
        "DEADLINE_SECONDS": str(DEADLINE_SECONDS),
    }


class Night:
    """One night over one stand-in."""

    def __init__(self, seed: int, keys: Keys, *, lag: float | None = None) -> None:
        """Prepare the night of a seed; a given lag (seconds) stays all night."""
        self.clock = NightClock()
        self.chance, self._lag = Random(seed), lag
        self.places = instances.make(self.chance)
        self.promise = promise_of(seed, self.places)
        self._keys = keys
        self._trouble = Trouble(self.places, self.chance, keys.own, keys.forged)
        self._waiting: list[tuple[int, int, Delivery]] = []

    def settings(self, cloud: FakeDms) -> Mapping[str, str]:
        """Return the settings of the copies."""
        return environment(self.promise, self.places, self._keys, cloud)

    def play(self, cloud: FakeDms, copies: Copies, events: int) -> History:
        """Play waves until so many events were sent, besides those that are sent once more."""
        instances.populate(cloud, self.places, self.chance)
        people = Operators(cloud, self.places, self.chance)
        handled: list[Handled] = []
        lines: list[Mapping[str, object]] = []
        longest_lag = 0.0
        for wave in range(-(-events // WAVE)):
            self.clock.advance(self.chance.choice(JUMPS) * self.chance.uniform(0.5, 1.5))
            people.act()
            longest_lag = max(longest_lag, cloud_faults.change(cloud, self.chance, lag=self._lag))
            due = self._due(wave)
            counts = {id(delivery): count for count, delivery in due}
            fresh = self._trouble.wave(self.clock(), WAVE)
            deliveries = [*fresh, *(delivery for _, delivery in due)]
            Random(wave).shuffle(deliveries)
            shift = copies.work(deliveries, self.clock)
            handled += shift.handled
            lines += shift.lines
            self._send_again(wave, shift.handled, counts)
        return self._history(cloud, handled, lines, longest_lag)

    def _due(self, wave: int) -> list[tuple[int, Delivery]]:
        due = [(count, delivery) for when, count, delivery in self._waiting if when <= wave]
        self._waiting = [entry for entry in self._waiting if entry[0] > wave]
        return due

    def _send_again(self, wave: int, handled: Sequence[Handled], counts: Mapping[int, int]) -> None:
        for one in handled:
            count = counts.get(id(one.delivery), 0) + 1
            if one.wanted_again and count <= MOST_REDELIVERIES:
                self._waiting.append((wave + 1 + count % 2, count, one.delivery))

    def _history(
        self,
        cloud: FakeDms,
        handled: Sequence[Handled],
        lines: Sequence[Mapping[str, object]],
        lag: float,
    ) -> History:
        self.clock.advance(7200)  # whatever goes on has ended by then
        return History(
            promise=self.promise,
            handled=tuple(handled),
            lines=tuple(lines),
            deeds=cloud.effects,
            restarts=restarts(cloud),
            posts=cloud.posts,
            lag=lag,
            patience=PATIENCE * DEADLINE_SECONDS,
        )


def restarts(cloud: FakeDms) -> tuple[Restart, ...]:
    """Return all restarts there were, ours and those of people, as the tasks tell them."""
    ours = {(deed.instance, deed.time) for deed in cloud.effects if deed.action == "restart"}
    found = [
        _restart(one.id, task, ours=(one.id, task.created_at) in ours)
        for one in cloud.instances
        for task in cloud.tasks(one.id)
        if "restart" in task.name.lower()
    ]
    told = {(one.instance, one.began) for one in found}
    lost = [Restart(instance, began, began) for instance, began in ours - told]
    return tuple(sorted([*found, *lost], key=lambda one: one.began))


def _restart(instance: str, task: Task, *, ours: bool) -> Restart:
    return Restart(instance, float(task.created_at), float(task.updated_at or 0), ours)

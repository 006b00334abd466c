"""The types of a run: deliveries, their results, and the effects in the cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.fake_dms import Arrival, Effect


@dataclass(frozen=True, slots=True)
class Policy:
    """The configured limits; times in seconds."""

    cooldown: float = 3600
    restarts_per_day: int = 3
    max_restarting: int = 3
    max_purge: int = 3
    deletes: bool = False
    untouchable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """What one event asks for, in the words of its sender, not of the function.

    `raised` says since when the alarm of each instance fires (epoch seconds), None where the sender
    does not say; the whole field is None for an ask that is no alarm.
    """

    action: str = "restart"
    instances: tuple[str, ...] = ()
    raised: Mapping[str, float | None] | None = None
    genuine: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, with one ask for every result that is due.

    With a path it is a request to a route, through an API gateway or not; without one an event.
    """

    sender: str
    body: bytes
    asks: tuple[Ask, ...]
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    gateway: bool = False


@dataclass(frozen=True, slots=True)
class Handled:
    """A delivery that a replica has handled, with begin and end (epoch seconds)."""

    delivery: Delivery
    results: tuple[Mapping[str, Any], ...]
    began: float
    ended: float
    copy: int = 0
    wanted_again: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart of an instance, by the function or by a person.

    `hidden`: no task ever showed it as a restart.
    """

    instance: str
    began: float
    ended: float
    ours: bool = True
    hidden: bool = False


@dataclass(frozen=True)
class History:
    """A run: `handled` and `lines` from the copies, the rest from the fake cloud's own record.

    `lag` is the longest time, in seconds, until the cloud showed what it had accepted; `ledger`
    says that the copies share one; `dropped` is how many lines of both logs were dropped.
    """

    policy: Policy
    handled: tuple[Handled, ...] = ()
    lines: tuple[Mapping[str, Any], ...] = ()
    dropped: int = 0
    effects: tuple[Effect, ...] = ()
    restarts: tuple[Restart, ...] = ()
    posts: tuple[Arrival, ...] = ()
    lag: float = 0.0
    ledger: bool = False

    @cached_property
    def sent(self) -> tuple[Handled, ...]:
        """The handled deliveries whose call may have arrived."""
        return tuple(
            handled_event
            for handled_event in self.handled
            if any(
                result["data"].get("api", {}).get("attempts") for result in handled_event.results
            )
        )

    @cached_property
    def know_of_each_other(self) -> bool:
        """Whether all replicas knew all sent calls: one process only, or a shared ledger."""
        return self.ledger or len({handled_event.copy for handled_event in self.handled}) < 2

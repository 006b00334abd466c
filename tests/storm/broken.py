"""Copies of the function with one safety taken out, to show that the invariants notice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import function.decide
from function import rules
from function.locks import InFlight, InstanceLocks
from function.model import Action
from function.runtime import Runtime

from .clock import NightClock
from .copies import Build, build

T = TypeVar("T")


class _NoLocks(InstanceLocks):
    @contextmanager
    def hold(self, instances: Sequence[str], remaining: Callable[[], float]) -> Iterator[None]:
        yield


class _NobodyElse(InFlight):
    def take_off(
        self, since: float, decide: Callable[[frozenset[str]], tuple[T, Sequence[str]]]
    ) -> T:
        return decide(frozenset())[0]


def without_locks(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Observe and execute whatever others do meanwhile."""
    return replace(build(environment, clock), locks=_NoLocks())


def without_in_flight(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Forget what other events of the process are about to restart."""
    return replace(build(environment, clock), in_flight=_NobodyElse(clock.monotonic))


def with_settings(**changed: str) -> Build:
    """Run with other settings than were promised."""

    def built(environment: Mapping[str, str], clock: NightClock) -> Runtime:
        return build({**environment, **changed}, clock)

    return built


def without_already_answered(environment: Mapping[str, str], clock: NightClock) -> Runtime:
    """Answer alarms that a restart has answered; for a process of its own, which it spoils."""
    kept = tuple(rule for rule in rules.RESTART_RULES if rule is not rules.already_answered)
    function.decide.__dict__["RULES"] = {**rules.RULES, Action.RESTART: kept}
    return build({**environment, "COOLDOWN_SECONDS": "0"}, clock)


BROKEN: Mapping[str, Build] = {
    "without_locks": without_locks,
    "without_in_flight": without_in_flight,
    "without_cooldown": with_settings(COOLDOWN_SECONDS="0"),
    "without_a_daily_limit": with_settings(MAX_RESTARTS_PER_DAY="0", COOLDOWN_SECONDS="0"),
    "without_max_restarting": with_settings(MAX_RESTARTING="0"),
    "without_already_answered": without_already_answered,
    "without_a_blocked_list": with_settings(BLOCKED_INSTANCES=""),
}

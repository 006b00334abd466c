"""Verify: does a restart hang, or did it not help, though no alarm reports on it? (pure)

Decided by the cloud's own task times, so that a schedule needs no memory: a failure calls a person
when it is new, and again every four hours.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ..model.cloud_state import InstanceState, Task
from ..model.decision import Ending, Verdict
from ..model.errors import StateUnreadable
from ..model.event import Outcome
from ..model.sent_call import MAX_RESTART_TIME
from ..settings.model import Limits
from .follow_up import (
    RESTARTING,
    RUNNING,
    Assessment,
    describe,
    how_long,
    moment_text,
    newest_restart,
)
from .instance_rules import DAY
from .sent_calls import CLOCK_TOLERANCE

REMINDER_PERIOD = timedelta(hours=4)
SCHEDULE_DELAY = timedelta(minutes=1)
"""Schedulers are seconds late: without this margin a failure could fall between two runs."""
HISTORY = timedelta(days=7)
"""How far back restarts are looked for: one that has hung since before the weekend counts, too."""
MAX_HISTORIES = 30
"""The cloud was seen to allow 40 calls a minute; the list and other events need some of them."""


# With more instances than MAX_HISTORIES, those where a restart may hang come first.
_READ_FIRST = {RESTARTING: 0, "ERROR": 1}


def to_read(listed: Mapping[str, InstanceState], sent: Mapping[str, datetime]) -> tuple[str, ...]:
    """Return the instances whose history is read, those where a restart may hang first.

    `sent` has the instances that the ledger remembers a restart of, and when it was sent.
    """
    stopped = [state for state in listed.values() if state.status != RUNNING]
    stopped.sort(key=lambda state: _READ_FIRST.get(state.status or "", len(_READ_FIRST)))
    return tuple(dict.fromkeys((*sent, *(state.id for state in stopped))))[:MAX_HISTORIES]


class _Instance(NamedTuple):
    """One instance and its newest restart, from its background task or else from the ledger."""

    state: InstanceState
    newest: Task | None
    sent_at: datetime | None

    @property
    def restart_goes_on(self) -> bool:
        """Whether a restart is in progress by the task, the status or the ledger."""
        running = self.newest is not None and self.newest.is_running
        return running or self.state.status == RESTARTING

    @property
    def began_at(self) -> datetime | None:
        """When the newest restart began; None where that is not known."""
        return self.newest.created_at if self.newest else self.sent_at

    @property
    def ended_at(self) -> datetime | None:
        """When the newest restart ended, or its task was last updated."""
        if self.newest is None:
            return self.sent_at + MAX_RESTART_TIME if self.sent_at else None
        return self.newest.updated_at or self.newest.created_at

    def describe(self) -> str:
        """Return when it was restarted, and by whom."""
        if self.newest is not None:
            return f"{self.state.id} was {describe(self.newest)}"
        return f"A restart of {self.state.id} was sent at {moment_text(self.sent_at)}"


def _calls_a_person(since: datetime, limits: Limits, now: datetime) -> bool:
    """Tell whether a failure is new to a schedule, or is to be repeated."""
    age = max(now - since, timedelta(0))
    return age % REMINDER_PERIOD <= limits.verify_period + SCHEDULE_DELAY


def _going_on(instance: _Instance, limits: Limits, now: datetime) -> Assessment:
    """Evaluate a running restart: it is in progress, or it hangs."""
    verdict = _verdict(instance, Outcome.PASSED, "restarting")
    begin = instance.began_at
    if instance.newest is not None and not instance.newest.is_running:
        begin = instance.ended_at  # another restart began since, which no task shows
    if begin is None:
        return Assessment(
            verdict,
            f"{instance.state.id} is RESTARTING, but no task matches RESTART_TASK_PATTERN.",
        )
    if now - begin <= MAX_RESTART_TIME:
        return Assessment(verdict)
    since = begin + MAX_RESTART_TIME
    needs_human = _calls_a_person(since, limits, now)
    return Assessment(
        verdict.ended(Ending(Outcome.FAILED, "hanging", needs_human=needs_human)),
        f"{instance.describe()}, and is not back after {how_long(now - begin)}.",
    )


def _verdict(instance: _Instance, outcome: Outcome, reason: str) -> Verdict:
    state, begun = instance.state, instance.began_at
    return Verdict(state.id, outcome, reason, status=state.status, last_restart=begun)


def _over(instance: _Instance, limits: Limits, now: datetime) -> Assessment:
    """Evaluate an instance without a running restart."""
    status, newest = instance.state.status, instance.newest
    if instance.began_at is None or instance.began_at <= now - DAY:
        return Assessment(_verdict(instance, Outcome.PASSED, "status"))
    failed = newest is not None and newest.status == "FAILED"
    if failed or status != RUNNING:
        since = instance.ended_at or now
        verdict = _verdict(instance, Outcome.FAILED, "not_recovered")
        ending = "That restart failed" if failed else "That restart is over"
        return Assessment(
            verdict._replace(needs_human=_calls_a_person(since, limits, now)),
            f"{instance.describe()}. {ending}, and the status is {status}.",
        )
    helped = newest is not None and newest.status == "SUCCESS"
    return Assessment(_verdict(instance, Outcome.PASSED, "recovered" if helped else "status"))


def judge(
    state: InstanceState, sent_at: datetime | None, limits: Limits, now: datetime
) -> Assessment:
    """Return the result for one instance; `sent_at` is when the ledger says it was restarted."""
    newest = newest_restart(state, now - HISTORY)
    if newest is not None and newest.created_at is not None and sent_at is not None:
        # The cloud's own times count where it shows that restart; else the older one says nothing.
        if sent_at - CLOCK_TOLERANCE <= newest.created_at:
            sent_at = None
        else:
            newest = None
    instance = _Instance(state, newest, sent_at)
    if state.status is None:
        return Assessment(_verdict(instance, Outcome.PASSED, "not_found"))
    if instance.restart_goes_on:
        return _going_on(instance, limits, now)
    if sent_at is not None and now - sent_at <= MAX_RESTART_TIME:
        return Assessment(_verdict(instance, Outcome.PASSED, "restarting"))
    return _over(instance, limits, now)


def unread(state: InstanceState) -> Assessment:
    """Return the result for an instance beyond MAX_HISTORIES, whose history was not read."""
    if state.status in _READ_FIRST:
        verdict = Verdict(
            state.id, Outcome.FAILED, "state_unreadable", state.status, retryable=True
        )
        return Assessment(verdict)
    return Assessment(Verdict(state.id, Outcome.PASSED, "status", state.status))


def unreadable(instance_id: str, problem: StateUnreadable) -> Assessment:
    """Return the result for an instance that could not be read."""
    verdict = Verdict(instance_id).ended(problem.ending)
    return Assessment(verdict, f"{instance_id} could not be read: {problem}.")

"""Verify: does a restart hang, or did it not help, though no alarm reports on it? (pure)

Decided by the cloud's own task times, so that a schedule needs no memory: a failure calls a person
when it is new, and again every four hours.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..lib.timestamps import to_the_second
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
    newest_restart,
)
from .instance_rules import DAY
from .sent_calls import CLOCK_TOLERANCE

# Two or three times in a night: often enough not to be forgotten, too rare to be muted.
REMINDER_PERIOD = timedelta(hours=4)
# Schedulers are seconds late: without this margin a failure could fall between two runs.
SCHEDULE_DELAY = timedelta(minutes=1)
# How far back restarts are looked for: one that has hung since before the weekend counts, too.
HISTORY = timedelta(days=7)
# The cloud was seen to allow 40 calls a minute; the list and other events need some of them.
MAX_HISTORIES = 30
# With more instances than MAX_HISTORIES, those where a restart may hang come first.
_READ_FIRST = {RESTARTING: 0, "ERROR": 1}


def to_read(listed: Mapping[str, InstanceState], sent: Mapping[str, datetime]) -> tuple[str, ...]:
    """Return the instances whose history is read, those where a restart may hang first.

    `sent` has the instances that the ledger remembers a restart of, and when it was sent.
    """
    stopped = [state for state in listed.values() if state.status != RUNNING]
    stopped.sort(key=lambda state: _READ_FIRST.get(state.status or "", len(_READ_FIRST)))
    return tuple(dict.fromkeys((*sent, *(state.id for state in stopped))))[:MAX_HISTORIES]


def _newest(state: InstanceState, sent_at: datetime | None, now: datetime) -> Task | None:
    """Return the newest restart: one of the cloud's history, or one that only the ledger knows."""
    shown = newest_restart(state, now - HISTORY)
    if sent_at is None:
        return shown
    # The cloud's own times count where it shows that restart; else the older one says nothing.
    if shown and shown.created_at and shown.created_at >= sent_at - CLOCK_TOLERANCE:
        return shown
    ends_at = sent_at + MAX_RESTART_TIME
    status = "EXECUTING" if now <= ends_at else "SUCCESS"
    return Task("", "", status, sent_at, ends_at, from_ledger=True)


def _begin(restart: Task) -> datetime | None:
    """Return since when an instance restarts: after the last task, where that one is over."""
    known = restart.is_running or restart.from_ledger
    return restart.created_at if known else restart.updated_at or restart.created_at


def _describe(state: InstanceState, restart: Task) -> str:
    if restart.from_ledger:
        return f"A restart of {state.id} was sent at {to_the_second(restart.created_at)}"
    return f"{state.id} was {describe(restart)}"


def _calls_a_person(since: datetime, limits: Limits, now: datetime) -> bool:
    """Tell whether a failure is new to a schedule, or is to be repeated."""
    # The task may be dated by a clock ahead of the one that dates the answers.
    age = max(now - since, timedelta(0))
    return age % REMINDER_PERIOD <= limits.verify_period + SCHEDULE_DELAY


def _going_on(
    state: InstanceState, restart: Task | None, limits: Limits, now: datetime
) -> tuple[Ending, str | None]:
    """Evaluate a running restart: it is in progress, or it hangs."""
    restarting = Ending(Outcome.PASSED, "restarting")
    begin = _begin(restart) if restart else None
    if restart is None or begin is None:
        note = f"{state.id} is RESTARTING, but no task matches RESTART_TASK_PATTERN."
        return restarting, note
    if now - begin <= MAX_RESTART_TIME:
        return restarting, None
    needs_human = _calls_a_person(begin + MAX_RESTART_TIME, limits, now)
    note = f"{_describe(state, restart)}, and is not back after {how_long(now - begin)}."
    return Ending(Outcome.FAILED, "hanging", needs_human=needs_human), note


def _over(
    state: InstanceState, restart: Task | None, limits: Limits, now: datetime
) -> tuple[Ending, str | None]:
    """Evaluate an instance without a running restart."""
    if restart is None or restart.created_at is None or restart.created_at <= now - DAY:
        return Ending(Outcome.PASSED, "status"), None
    failed = restart.status == "FAILED"
    if failed or state.status != RUNNING:
        since = restart.updated_at or restart.created_at
        needs_human = _calls_a_person(since, limits, now)
        end = "That restart failed" if failed else "That restart is over"
        note = f"{_describe(state, restart)}. {end}, and the status is {state.status}."
        return Ending(Outcome.FAILED, "not_recovered", needs_human=needs_human), note
    helped = restart.status == "SUCCESS" and not restart.from_ledger
    return Ending(Outcome.PASSED, "recovered" if helped else "status"), None


def judge(
    state: InstanceState, sent_at: datetime | None, limits: Limits, now: datetime
) -> Assessment:
    """Return the result for one instance; `sent_at` is when the ledger says it was restarted."""
    restart = _newest(state, sent_at, now)
    note: str | None = None
    if state.status is None:
        ending = Ending(Outcome.PASSED, "not_found")
    elif state.status == RESTARTING or (restart is not None and restart.is_running):
        ending, note = _going_on(state, restart, limits, now)
    else:
        ending, note = _over(state, restart, limits, now)
    began = restart.created_at if restart else None
    verdict = Verdict(state.id, status=state.status, last_restart=began).ended(ending)
    return Assessment(verdict, note)


def unread(state: InstanceState) -> Assessment:
    """Return the result for an instance beyond MAX_HISTORIES, whose history was not read."""
    # Where a restart may have failed, having looked at nothing must not look like success.
    if state.status in _READ_FIRST:
        ending = Ending(Outcome.FAILED, "state_unreadable", retryable=True)
    else:
        ending = Ending(Outcome.PASSED, "status")
    return Assessment(Verdict(state.id, status=state.status).ended(ending))


def unreadable(instance_id: str, problem: StateUnreadable) -> Assessment:
    """Return the result for an instance that could not be read."""
    verdict = Verdict(instance_id).ended(problem.ending)
    return Assessment(verdict, f"{instance_id} could not be read: {problem}.")

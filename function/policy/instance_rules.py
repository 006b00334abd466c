"""The rules that skip one live instance, in the order in which they apply (pure)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ..model.cloud_state import InstanceState, Task
from ..model.decision import Mode
from ..model.event import Action
from ..model.sent_call import MAX_RESTART_TIME
from ..settings.model import Limits
from .modes import mode_of

DAY = timedelta(days=1)
# As far as clocks of senders may differ; Standard Webhooks allows the same five minutes.
MAX_FUTURE = timedelta(minutes=5)
STUCK_AFTER = timedelta(hours=1)  # the vendor documents 3 to 15 minutes for a restart
DELETABLE = frozenset({"RUNNING", "ERROR"})  # EXTENDEDFAILED is refused, the rest undocumented


class RuleContext(NamedTuple):
    """The context of the rules for one instance: the event, the limits, the time.

    `now` is the cloud's time of day, because the cloud dates the history.
    """

    limits: Limits
    now: datetime
    alarm: bool = False
    raised_at: datetime | None = None


class Skip(NamedTuple):
    """Why an instance is skipped, and whether a person has to act."""

    reason: str
    needs_human: bool = False


class Answer(NamedTuple):
    """The answer of one rule for one instance; no `skip` means that the rule does not apply."""

    rule: str
    skip: Skip | None


# The functions that decide whether a rule applies, by reason code, in order.
Rules = Mapping[str, Callable[[InstanceState, RuleContext], Skip | None]]


def _began(task: Task) -> datetime:
    if task.created_at is None:
        raise ValueError("a restart task without created_at")
    return task.created_at


def _ended(task: Task, now: datetime) -> datetime:
    """Return when a restart ended; one that is going on ends now at the earliest."""
    if task.is_running:
        return now
    # `updated_at` may be missing, and is not trusted to be after `created_at`.
    return max(task.updated_at or _began(task), _began(task))


def last_restart(state: InstanceState) -> datetime | None:
    """Return when the newest restart of an instance began."""
    return max(map(_began, state.restart_tasks), default=None)


def restarts_today(state: InstanceState, now: datetime) -> int:
    """Return how many restarts of an instance began within the last 24 hours."""
    return sum(_began(task) > now - DAY for task in state.restart_tasks)


def not_found(state: InstanceState, context: RuleContext) -> Skip | None:
    """The cloud knows no such instance (DMS.00404022)."""
    return Skip("not_found", context.alarm) if state.status is None else None


def not_kafka(state: InstanceState, _: RuleContext) -> Skip | None:
    """The instance is of another engine."""
    return Skip("not_kafka") if state.engine != "kafka" else None


def opted_out(state: InstanceState, context: RuleContext) -> Skip | None:
    """The mode of the instance is off: by its tag, or by DEFAULT_MODE where it has none."""
    mode = mode_of(state.tags, context.limits.default_mode, context.now)
    return Skip("opted_out") if mode is Mode.OFF else None


def _is_stuck(state: InstanceState, now: datetime) -> bool:
    """Tell whether a restart of an instance has been running for too long to end well."""
    return any(task.is_running and now - _began(task) > STUCK_AFTER for task in state.restart_tasks)


def already_restarting(state: InstanceState, context: RuleContext) -> Skip | None:
    """A restart is running, or was sent and is not shown by the cloud yet.

    If it has been running for over an hour and this is an alarm, escalate.
    """
    sent = any(task.from_ledger and task.is_running for task in state.restart_tasks)
    if state.status != "RESTARTING" and not sent:
        return None
    hangs = context.alarm and _is_stuck(state, context.now)
    return Skip("already_restarting", needs_human=hangs)


def not_restartable(state: InstanceState, context: RuleContext) -> Skip | None:
    """The status is not in RESTART_STATUSES; unknown statuses are not restartable."""
    restartable = state.status in context.limits.restart_statuses
    return None if restartable else Skip("status", context.alarm)


def not_deletable(state: InstanceState, context: RuleContext) -> Skip | None:
    """The same for a delete: the API allows it for RUNNING and ERROR only."""
    return not_restartable(state, context) or (
        None if state.status in DELETABLE else Skip("status")
    )


def already_answered(state: InstanceState, context: RuleContext) -> Skip | None:
    """A restart ended after the alarm was raised; without that time, within a day.

    A sender whose clock is far ahead does not say it either: as long as its alarm was to come, no
    restart would ever have answered it.
    """
    if not context.alarm:
        return None
    now, raised = context.now, context.raised_at
    if raised is None or raised > now + MAX_FUTURE:
        raised = now - DAY
    answers = [task for task in state.restart_tasks if _ended(task, now) >= min(raised, now)]
    if not answers:
        return None
    newest = max(answers, key=_began)
    # It failed, or has had the time that a restart takes: waiting longer will not end the alarm.
    over = newest.status == "FAILED" or _ended(newest, now) < now - MAX_RESTART_TIME
    return Skip("already_answered", needs_human=over or _is_stuck(state, now))


def cooldown(state: InstanceState, context: RuleContext) -> Skip | None:
    """The newest restart is more recent than COOLDOWN_SECONDS."""
    newest, pause = last_restart(state), context.limits.cooldown
    too_soon = pause and newest is not None and newest > context.now - pause
    return Skip("cooldown") if too_soon else None


def restart_limit(state: InstanceState, context: RuleContext) -> Skip | None:
    """MAX_RESTARTS_PER_DAY restarts within 24 hours did not help, so a person has to look."""
    most = context.limits.max_restarts_per_day
    reached = 0 < most <= restarts_today(state, context.now)
    return Skip("restart_limit", needs_human=True) if reached else None


# Cheap certain reasons first; the history rules come last, so that their reason is named only
# where nothing else forbids the restart.
RESTART_RULES: Rules = {
    "not_found": not_found,
    "not_kafka": not_kafka,
    "opted_out": opted_out,
    "already_restarting": already_restarting,
    "status": not_restartable,
    "already_answered": already_answered,
    "cooldown": cooldown,
    "restart_limit": restart_limit,
}
# No history rules: a delete is a request of a person who has confirmed the ids.
DELETE_RULES: Rules = {
    "not_found": not_found,
    "not_kafka": not_kafka,
    "opted_out": opted_out,
    "status": not_deletable,
}
RULES = {Action.RESTART: RESTART_RULES, Action.DELETE: DELETE_RULES}


def answers(action: Action, state: InstanceState, context: RuleContext) -> Iterator[Answer]:
    """Yield the answer of every rule in order, up to and with the first that applies."""
    for reason, rule in RULES[action].items():
        skip = rule(state, context)
        yield Answer(reason, skip)
        if skip is not None:
            return

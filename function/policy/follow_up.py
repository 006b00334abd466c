"""Follow up on alarms that have ended: did a restart help? (pure)

Missing evidence is never success: only a restart that began while the alarm fired, ended well and
left the instance RUNNING counts as a recovery.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..lib.timestamps import to_the_second
from ..model.cloud_state import InstanceState, Task
from ..model.decision import Decision, ExecutionResult, Mode, Verdict
from ..model.errors import StateUnreadable
from ..model.event import Event, Intent, Outcome
from ..settings.model import Limits
from . import modes, screen
from .instance_rules import DAY

RUNNING, RESTARTING = "RUNNING", "RESTARTING"


class EndedAlarm(NamedTuple):
    """When an alarm began and ended; None where the sender does not say."""

    raised_at: datetime | None = None
    ended_at: datetime | None = None


class Assessment(NamedTuple):
    """The verdict on one instance after a restart or an alarm, and a note for the message."""

    verdict: Verdict
    note: str | None = None


def _ended_alarm(intents: Iterable[Intent]) -> EndedAlarm:
    """Return one alarm for all alerts of an instance: from the first of them to the last."""
    begins, ends = zip(*((intent.raised_at, intent.ended_at) for intent in intents), strict=True)
    return EndedAlarm(
        raised_at=None if None in begins else min(begins),
        ended_at=None if None in ends else max(ends),
    )


def plan(event: Event, limits: Limits, now: datetime) -> Mapping[str, EndedAlarm]:
    """Return the instances to look at because their alarm has ended.

    An instance of which another alert still fires is none of them. More than MAX_INSTANCES are not
    looked at: each costs two calls, and the cloud throttles.
    """
    # A late delivery says nothing about now: the instance may have failed and recovered again.
    if not limits.follow_up or (event.sent_at or now) < now - limits.max_event_age:
        return {}
    # One alert of a group may end while another of the same instance goes on.
    firing = {id_ for intent in event.intents if intent.skip is None for id_ in intent.instances}
    intents: dict[str, list[Intent]] = {}
    ended = (intent for intent in event.intents if intent.ended)
    for intent in ended:
        mapped = screen.asks_for_restart(intent.metric, limits.alarm_metrics)
        for id_ in intent.instances if mapped else ():
            intents.setdefault(id_, []).append(intent)
    watched = [id_ for id_ in intents if id_ not in firing and screen.is_allowed(id_, limits)]
    if len(watched) > limits.max_instances:
        return {}
    return {id_: _ended_alarm(intents[id_]) for id_ in watched}


def is_ours(state: InstanceState, limits: Limits, now: datetime) -> bool:
    """Tell whether an instance is reported: a Kafka instance that is not opted out."""
    mode = modes.mode_of(state.tags, limits.default_mode, now)
    return state.status is not None and state.engine == "kafka" and mode is not Mode.OFF


def newest_restart(
    state: InstanceState, after: datetime, until: datetime | None = None
) -> Task | None:
    """Return the newest restart that began after a moment, and not after another."""
    begun = [
        (task.created_at, task)
        for task in state.restart_tasks
        if task.created_at is not None and after < task.created_at <= (until or task.created_at)
    ]
    return max(begun, key=lambda pair: pair[0])[1] if begun else None


def how_long(time: timedelta) -> str:
    """Return a length of time as people say it.

    >>> [how_long(timedelta(seconds=seconds)) for seconds in (20, 60, 840, 7500)]
    ['less than a minute', '1 minute', '14 minutes', '2 hours 5 minutes']
    """
    hours, minutes = divmod(round(time.total_seconds() / 60), 60)
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'}"
        for number, unit in ((hours, "hour"), (minutes, "minute"))
        if number
    ]
    return " ".join(parts) or "less than a minute"


def describe(restart: Task) -> str:
    """Return when and by whom an instance was restarted, as the end of a sentence.

    The cloud names the user of the keys: perhaps a person in the console, perhaps this function.
    """
    by = f" by {restart.user_name}" if restart.user_name else ""
    return f"restarted at {to_the_second(restart.created_at)}{by}"


def _recovery_note(state: InstanceState, restart: Task, alarm: EndedAlarm) -> str:
    """Return when it was restarted, by whom, and how long it took until the alarm ended."""
    since = restart.updated_at or restart.created_at
    sentence = (
        f"{state.id} was {describe(restart)} and has been running since {to_the_second(since)}"
    )
    begin = alarm.raised_at or restart.created_at
    if alarm.ended_at is None or begin is None:
        return f"{sentence}."
    from_when = "it was raised" if alarm.raised_at else "that restart began"
    return f"{sentence}; its alarm ended {how_long(alarm.ended_at - begin)} after {from_when}."


def judge(state: InstanceState, alarm: EndedAlarm, limits: Limits, now: datetime) -> Assessment:
    """Return the follow-up of an instance whose alarm has ended."""
    # For the result's `last_restart` any restart counts; for `recovered` only one since the alarm.
    newest = newest_restart(state, datetime.min.replace(tzinfo=now.tzinfo))
    verdict = Verdict(
        state.id,
        Outcome.SKIPPED,
        "not_firing",
        status=state.status,
        last_restart=newest.created_at if newest else None,
    )
    if not is_ours(state, limits, now):
        return Assessment(verdict)
    if state.status == RESTARTING:
        return Assessment(verdict._replace(reason="already_restarting"))
    if state.status != RUNNING:
        sentence = f"It was {describe(newest)}" if newest else "No restart is among its tasks"
        return Assessment(
            verdict._replace(reason="not_recovered", needs_human=True),
            f"The alarm of {state.id} has ended, but its status is {state.status}. {sentence}.",
        )
    # A restart after the end of the alarm cannot have ended it.
    restart = newest_restart(state, alarm.raised_at or now - DAY, alarm.ended_at or now)
    if restart is None or restart.status != "SUCCESS":
        return Assessment(verdict)
    return Assessment(verdict._replace(reason="recovered"), _recovery_note(state, restart, alarm))


def unreadable(instance_id: str, problem: StateUnreadable) -> Assessment:
    """Return the follow-up of an instance that could not be read: no verdict, only the problem."""
    verdict = Verdict(instance_id, Outcome.SKIPPED, "not_firing")
    return Assessment(verdict, f"Whether {instance_id} recovered could not be read: {problem}.")


def merged(
    decision: Decision, execution: ExecutionResult, follow_ups: Sequence[Assessment]
) -> tuple[Decision, ExecutionResult]:
    """Return a decision and its execution with the follow-ups of ended alarms added."""
    verdicts = {followed.verdict.id: followed.verdict for followed in follow_ups}
    notes = tuple(followed.note for followed in follow_ups if followed.note is not None)

    def replaced(old: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        return tuple(verdicts.get(verdict.id, verdict) for verdict in old)

    return (
        decision._replace(verdicts=replaced(decision.verdicts), notes=decision.notes + notes),
        execution._replace(verdicts=replaced(execution.verdicts)),
    )

"""Merge ledger and live state: update calls from reads, add calls to the history (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ..model.cloud_state import InstanceState, Observation, Task
from ..model.decision import ExecutionResult, ScreenedEvent
from ..model.event import Outcome
from ..model.sent_call import PURGE, Changes, SentCall
from ..settings.model import Limits

# How far before the call the cloud may date its restart: clocks, and whole seconds in a Date.
CLOCK_TOLERANCE = timedelta(seconds=60)
# Outcomes of a call that was certainly not executed: its ledger entry is removed.
NOT_DONE = frozenset({Outcome.FAILED, Outcome.SKIPPED})


def watches_storms(screened: ScreenedEvent, limits: Limits) -> bool:
    """Tell whether MAX_RESTARTING holds for this event, so that all that restarts is listed."""
    return screened.alarm and limits.max_restarting > 0


def _shown_by(call: SentCall, state: InstanceState) -> list[Task]:
    """Return the restarts in the cloud's own history that began with this call, or after it."""
    since = call.sent_at - CLOCK_TOLERANCE
    return [task for task in state.restart_tasks if task.created_at and task.created_at >= since]


def learned_from_states(calls: Iterable[SentCall], states: Mapping[str, InstanceState]) -> Changes:
    """Return the changes that status and history of instances imply for calls on them."""
    named = [call for call in calls if call.target in states]
    tasks = {call.id: _shown_by(call, states[call.target]) for call in named}
    return Changes(
        shown=frozenset(id_ for id_, shown in tasks.items() if shown),
        over=frozenset(
            id_
            for id_, shown in tasks.items()
            if shown and not any(task.is_running for task in shown)
        ),
        restarting=frozenset(
            call.id for call in named if states[call.target].status == "RESTARTING"
        ),
    )


def learned(
    calls: tuple[SentCall, ...], observation: Observation, *, lists_all: bool, begun: float
) -> Changes:
    """Return the changes that the live state, read after the moment `begun`, implies for calls.

    With `lists_all` it holds every instance that restarts. One that a read before `begun` saw
    RESTARTING, and that is not any longer, is over; one that was never seen may be yet to come.
    """
    changes = learned_from_states(calls, observation.instances)
    if not lists_all:
        return changes
    restarting = frozenset(call.id for call in calls if call.target in observation.restarting)
    over = frozenset(
        call.id
        for call in calls
        if call.id not in restarting | changes.restarting
        and call.restarting_at is not None
        and call.restarting_at < begun
    )
    return changes | Changes(over=over, restarting=restarting)


def _task(call: SentCall, now: datetime) -> Task:
    """Return a restart task for a call: it runs for 20 minutes, and is then over."""
    goes_on = now < call.restart_ends_at
    return Task(
        id=f"ledger/{call.id}",
        name="sent, and not shown by the cloud",
        status="EXECUTING" if goes_on else "SUCCESS",
        created_at=call.sent_at,
        updated_at=call.restart_ends_at,
        from_ledger=True,
    )


def with_sent_calls(
    observation: Observation, calls: Iterable[SentCall], now: datetime
) -> Observation:
    """Return an observation whose history and restarts include what was sent."""
    calls = tuple(calls)
    tasks: dict[str, tuple[Task, ...]] = {}
    for call in calls:
        # Of other instances no history was read: their calls only count for MAX_RESTARTING, below.
        if call.target in observation.instances and call.is_history(now):
            tasks[call.target] = (*tasks.get(call.target, ()), _task(call, now))
    instances = {
        id_: state._replace(restart_tasks=(*state.restart_tasks, *tasks.get(id_, ())))
        for id_, state in observation.instances.items()
    }
    underway = frozenset(call.target for call in calls if call.is_underway(now))
    return observation._replace(instances=instances, restarting=observation.restarting | underway)


def purge_is_recent(calls: Iterable[SentCall], now: datetime) -> bool:
    """Tell whether a purge was sent within the last 60 seconds."""
    return any(call.target == PURGE and call.is_history(now) for call in calls)


def learned_from_call(
    execution: ExecutionResult,
    entered: Mapping[str, str],
    observation: Observation,
    own_time: datetime,
) -> Changes:
    """Return the changes by the result of the calls: accepted, certainly not done, or neither.

    `entered` maps each target to the id of its call; `own_time` is when it was sent by our clock,
    which the Date of the answer corrects, or else those of the reads before.
    """
    outcomes = {verdict.id: verdict.outcome for verdict in execution.verdicts}
    # A purge names no instance, so the outcome of the whole call is its own.
    if PURGE in entered and execution.ending is not None:
        outcomes = {PURGE: execution.ending.outcome}
    accepted = [id_ for target, id_ in entered.items() if outcomes.get(target) is Outcome.ACCEPTED]
    dropped = [id_ for target, id_ in entered.items() if outcomes.get(target) in NOT_DONE]
    response = execution.response
    # A Date that is a quarter of an hour off dates nothing; the reads before had one that was not.
    if response and response.clock_skew_seconds is not None and not response.clocks_differ:
        observation = observation._replace(clock_skew_seconds=response.clock_skew_seconds)
    sent_at = observation.cloud_time(own_time)
    return Changes(accepted=dict.fromkeys(accepted, sent_at), dropped=frozenset(dropped))


def newest_restarts(calls: Iterable[SentCall], now: datetime) -> dict[str, datetime]:
    """Return the instances whose restart still counts, and when the newest one was sent."""
    counted = [call for call in calls if call.target != PURGE and call.counts(now)]
    counted.sort(key=lambda call: call.sent_at)
    return {call.target: call.sent_at for call in counted}

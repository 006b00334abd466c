"""Execute: send the one changing call, and determine its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from ..model.cloud_state import ApiResponse, InstanceState
from ..model.decision import ActionCall, Decision, Ending, ExecutionResult, Verdict
from ..model.errors import StateUnreadable
from ..model.event import Action, Outcome
from . import call_result
from .call_result import CallResult

# A third resend would not fit into 4.5 s, and a sender repeats the event anyway.
MAX_RESENDS = 2
FIRST_PAUSE_SECONDS = 0.1  # doubled each time: two resends fit into the 4.5 s SMN waits
# Reads count against the limit of 40 calls a minute that the gateway was seen to set.
MAX_PAUSE_SECONDS = 1.0
# None: the cloud knows no such instance any longer.
DELETED_STATUSES = frozenset({"DELETING", "RECYCLE", "DELETED", None})


class ActionPort(Protocol):
    """The operations `execute` needs: send, read again, sleep. Faked in tests."""

    platform_credentials: bool

    def send(self, call: ActionCall) -> ApiResponse:
        """Send the call once and return what came back."""

    def read_states(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        """Read instances again; raise StateUnreadable when that does not work."""

    def now(self) -> datetime:
        """Return the time of day, which a Retry-After may name."""

    def sleep_before_send(self, seconds: float) -> bool:
        """Sleep before the call is sent again; False when there is no time for it."""

    def sleep_before_read(self, seconds: float) -> bool:
        """Sleep before instances are read again; False when there is no time for it."""


def _seconds_before_resend(
    result: CallResult, response: ApiResponse, attempt: int, now: datetime
) -> float | None:
    """Return the pause that the cloud asks for, or a short one; None: do not send again."""
    if result is CallResult.THROTTLED:
        return response.retry_after_seconds(now)
    return FIRST_PAUSE_SECONDS * 2**attempt if result is CallResult.NOT_SENT else None


def _send(call: ActionCall, port: ActionPort) -> tuple[CallResult, ApiResponse, int]:
    """Send until done, refused or unknown; repeat only calls that were certainly not executed."""
    attempt, possibly_sent, throttled = 0, 0, 0
    while True:
        response = port.send(call)
        result = call_result.classify(
            response, call, platform_credentials=port.platform_credentials
        )
        possibly_sent += response.possibly_sent
        throttled += result is CallResult.THROTTLED
        seconds = _seconds_before_resend(result, response, attempt, port.now())
        # Throttled calls count against the limit, so more than one repetition prolongs it.
        is_last = attempt == MAX_RESENDS or throttled > 1
        if is_last or seconds is None or not port.sleep_before_send(seconds):
            return result, response, possibly_sent
        attempt += 1


def _ending(result: CallResult, response: ApiResponse) -> Ending:
    """Return the ending of a result; where its problem is lasting, sending again cannot help."""
    ending = result.ending
    return ending._replace(needs_human=ending.needs_human or response.lasting)


def _effect_is_visible(state: InstanceState, before: InstanceState, action: Action) -> bool:
    """Tell whether the cloud shows what the call asked for."""
    if action is Action.DELETE:
        return state.status in DELETED_STATUSES
    # By id, not by time: the clocks differ, and a task of somebody else may be as new.
    known = {task.id for task in before.restart_tasks}
    return state.status == "RESTARTING" or any(task.id not in known for task in state.restart_tasks)


def _status_lags(state: InstanceState, action: Action) -> bool:
    """Tell whether a restart task is running while the status does not say RESTARTING yet."""
    going_on = any(task.is_running for task in state.restart_tasks)
    return action is Action.RESTART and state.status != "RESTARTING" and going_on


def _seconds_before_read(attempt: int) -> float:
    """Read at once the first time, then after pauses that grow to a second."""
    return min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), MAX_PAUSE_SECONDS) if attempt else 0.0


def _poll_until_visible(
    ids: set[str], before: Mapping[str, InstanceState], action: Action, port: ActionPort
) -> tuple[set[str], dict[str, InstanceState]]:
    """Read until the cloud shows the effect on all of these instances, or time is over.

    Return the instances on which it did, and every instance as last read.

    A task is sufficient evidence, but other events count restarting instances by status only: so
    where a task is running, reading goes on until the status shows it, too.
    """
    visible: set[str] = set()
    listed: set[str] = set()
    last_read: dict[str, InstanceState] = {}
    attempt = 0
    while listed != ids and port.sleep_before_read(_seconds_before_read(attempt)):
        attempt += 1
        try:
            states = port.read_states(tuple(sorted(ids - listed)))
        except StateUnreadable as problem:
            if problem.throttled:  # refused calls count, too, in windows of a minute
                break
            continue
        last_read.update(states)
        shown = {
            id_ for id_, state in states.items() if _effect_is_visible(state, before[id_], action)
        }
        visible |= shown
        listed |= {id_ for id_ in shown if not _status_lags(states[id_], action)}
    return visible, last_read


def _confirm(
    verdicts: Mapping[str, Verdict],
    before: Mapping[str, InstanceState],
    action: Action,
    port: ActionPort,
) -> tuple[dict[str, Verdict], dict[str, InstanceState]]:
    """Resolve unknown results by reading; also read until an accepted restart shows.

    Return the verdicts, and the instances as last read.
    """
    unknown = {id_ for id_, verdict in verdicts.items() if verdict.outcome is Outcome.UNKNOWN}
    accepted = {id_ for id_, verdict in verdicts.items() if verdict.outcome is Outcome.ACCEPTED}
    # A deletion takes seconds, and nothing else waits to see it.
    watched = unknown | accepted if action is Action.RESTART else unknown
    visible, last_read = _poll_until_visible(watched, before, action, port)
    # It may be somebody else's restart, so a restart that was only seen says so in its reason.
    seen = Ending(Outcome.ACCEPTED, "seen_restarting" if action is Action.RESTART else None)
    confirmed = {
        id_: verdict.ended(seen) if id_ in visible & unknown else verdict
        for id_, verdict in verdicts.items()
    }
    return confirmed, last_read


def _already_restarting(verdicts: Mapping[str, Verdict], port: ActionPort) -> dict[str, Verdict]:
    """Read refused instances once more: one that is already restarting is not a failure.

    Whether a wrong status makes the cloud refuse the call or one row of it is not documented.
    """
    refused = {
        id_: verdict for id_, verdict in verdicts.items() if verdict.outcome is Outcome.FAILED
    }
    try:
        states = port.read_states(tuple(refused)) if refused else {}
    except StateUnreadable:
        return {}
    skipped = Ending(Outcome.SKIPPED, "already_restarting")
    return {
        id_: refused[id_].ended(skipped)._replace(status=state.status)
        for id_, state in states.items()
        if state.status == "RESTARTING"
    }


def execute(
    decision: Decision, call: ActionCall, before: Mapping[str, InstanceState], port: ActionPort
) -> ExecutionResult:
    """Send the call and return the result for each of its instances."""
    result, response, attempts = _send(call, port)
    verdicts = {
        verdict.id: verdict.ended(
            _ending(call_result.classify_instance(result, response, verdict.id), response)
        )
        for verdict in decision.verdicts
        if verdict.outcome is None
    }
    # A purge names no instance that could be read again, so it stays as its answer left it.
    states: Mapping[str, InstanceState] = {}
    if call.action is not Action.PURGE_FAILED:
        if result in {CallResult.BUSY, CallResult.PER_INSTANCE}:
            verdicts |= _already_restarting(verdicts, port)
        verdicts, states = _confirm(verdicts, before, call.action, port)
    return ExecutionResult(
        ending=_ending(result, response),
        verdicts=tuple(verdicts.get(verdict.id, verdict) for verdict in decision.verdicts),
        response=response,
        attempts=attempts,
        states=states,
    )

"""Execute: the one call that changes anything, and what became of it: accepted, failed, unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..model.cloud_state import ApiReply, InstanceState
from ..model.decision import ApiCall, Decision, Execution, Verdict
from ..model.errors import StateUnreadable
from ..model.event import Action, Outcome
from . import call_result
from .call_result import Fate
from .instance_rules import RUNNING_TASKS

MOST_RESENDS = 2
GONE = frozenset({"DELETING", "RECYCLE", "DELETED", None})


class Hands(Protocol):
    """What executing needs of the world."""

    platform_credentials: bool

    def send(self, call: ApiCall) -> ApiReply:
        """Send the call once and return what came back."""

    def look(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        """Read instances again; raise StateUnreadable when that does not work."""

    def wait_to_send(self, reply: ApiReply, found: Fate, attempt: int) -> bool:
        """Let time pass until the call may be sent again; False when there is none."""

    def wait_to_look(self, attempt: int) -> bool:
        """Let time pass before another look; False when there is none."""


def _send(call: ApiCall, hands: Hands) -> tuple[Fate, ApiReply, int]:
    """Send until it is done, refused or unknown; only what was certainly not done is repeated."""
    attempt, arrived, throttled = 0, 0, 0
    while True:
        reply = hands.send(call)
        found = call_result.of(reply, call, platform_credentials=hands.platform_credentials)
        arrived += reply.arrived
        throttled += found is Fate.THROTTLED
        again = found is Fate.NOT_SENT or (found is Fate.THROTTLED and throttled == 1)
        if not again or attempt == MOST_RESENDS or not hands.wait_to_send(reply, found, attempt):
            return found, reply, arrived
        attempt += 1


def _final(verdict: Verdict, found: Fate) -> Verdict:
    hopeless = found.outcome is Outcome.FAILED and not found.retryable
    return verdict._replace(
        outcome=found.outcome,
        reason=found.reason,
        retryable=found.retryable,
        needs_human=hopeless or found.outcome is Outcome.UNKNOWN,
    )


def _shows(state: InstanceState, before: InstanceState, action: Action) -> bool:
    """Tell whether the cloud shows what the call asked for."""
    if action is Action.DELETE:
        return state.status in GONE
    known = {task.id for task in before.restarts}
    return state.status == "RESTARTING" or any(task.id not in known for task in state.restarts)


def _lags(state: InstanceState, action: Action) -> bool:
    """Tell whether a restart goes on of which the status does not tell yet."""
    going_on = any(task.status in RUNNING_TASKS for task in state.restarts)
    return action is Action.RESTART and state.status != "RESTARTING" and going_on


def _seen(
    ids: set[str], before: Mapping[str, InstanceState], action: Action, hands: Hands
) -> set[str]:
    """Look until the cloud shows the effect on all of these instances, or time is over.

    A task proves it, but a list of what restarts tells only of the status: so locks and rule 16
    wait for the status, too, as long as the task goes on.
    """
    seen: set[str] = set()
    listed: set[str] = set()
    attempt = 0
    while listed != ids and hands.wait_to_look(attempt):
        attempt += 1
        try:
            states = hands.look(tuple(sorted(ids - listed)))
        except StateUnreadable:
            continue
        shown = {id_ for id_, state in states.items() if _shows(state, before[id_], action)}
        seen |= shown
        listed |= {id_ for id_ in shown if not _lags(states[id_], action)}
    return seen


def _confirmed(
    verdicts: Mapping[str, Verdict],
    before: Mapping[str, InstanceState],
    action: Action,
    hands: Hands,
) -> dict[str, Verdict]:
    """Resolve what is unknown by reading; a restart that was accepted is waited for, too."""
    unknown = {id_ for id_, one in verdicts.items() if one.outcome is Outcome.UNKNOWN}
    accepted = {id_ for id_, one in verdicts.items() if one.outcome is Outcome.ACCEPTED}
    watched = unknown | accepted if action is Action.RESTART else unknown
    seen = _seen(watched, before, action, hands)
    reason = "seen_restarting" if action is Action.RESTART else None
    return {
        id_: one._replace(outcome=Outcome.ACCEPTED, reason=reason, needs_human=False)
        if id_ in seen & unknown
        else one
        for id_, one in verdicts.items()
    }


def _already_restarting(verdicts: Mapping[str, Verdict], hands: Hands) -> dict[str, Verdict]:
    """Look once more at what was refused: what restarts already is not our failure.

    Whether a wrong status makes the cloud refuse the call or one row of it is not documented.
    """
    refused = {id_: one for id_, one in verdicts.items() if one.outcome is Outcome.FAILED}
    try:
        states = hands.look(tuple(refused)) if refused else {}
    except StateUnreadable:
        return {}
    return {
        id_: Verdict(
            id_, Outcome.SKIPPED, "already_restarting", "RESTARTING", refused[id_].last_restart
        )
        for id_, state in states.items()
        if state.status == "RESTARTING"
    }


def carry_out(
    decision: Decision, call: ApiCall, before: Mapping[str, InstanceState], hands: Hands
) -> Execution:
    """Send the call and return what became of every instance that it was for."""
    whole, reply, attempts = _send(call, hands)
    acting = {one.id: one for one in decision.verdicts if one.outcome is None}
    verdicts = {
        id_: _final(one, call_result.of_instance(whole, reply, id_)) for id_, one in acting.items()
    }
    if call.action is not Action.PURGE_FAILED:
        if whole in {Fate.BUSY, Fate.ROWS}:
            verdicts |= _already_restarting(verdicts, hands)
        verdicts = _confirmed(verdicts, before, call.action, hands)
    return Execution(
        outcome=whole.outcome,
        reason=whole.reason,
        retryable=whole.retryable,
        needs_human=_final(Verdict(""), whole).needs_human,
        verdicts=tuple(verdicts.get(one.id, one) for one in decision.verdicts),
        reply=reply,
        attempts=attempts,
    )

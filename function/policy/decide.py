"""Decide: the live state and the limits, into a verdict per instance and the one call (pure)."""

from __future__ import annotations

from datetime import datetime

from ..model.cloud_state import InstanceState, Observation
from ..model.decision import ActionCall, Decision, ScreenedEvent, Verdict
from ..model.errors import NotAllowed, TooMany
from ..model.event import Action, Outcome, Source
from ..settings.model import Limits
from . import action_requests
from .instance_rules import RULES, RUNNING_TASKS, RuleContext, last_restart, restarts_today

MAX_NAMED_IDS = 20
RECYCLE_BIN = {
    True: "Deleted instances go to the recycle bin.",
    False: "The recycle bin is off, so a deletion is final.",
    None: "Whether deleted instances go to the recycle bin is not known.",
}


def _verdict(
    state: InstanceState, screened: ScreenedEvent, limits: Limits, now: datetime
) -> Verdict:
    """Return the verdict of the first rule that matches; no rule means act."""
    context = RuleContext(limits, now, screened.alarm, screened.raised_at.get(state.id))
    verdict = Verdict(state.id, status=state.status, last_restart=last_restart(state))
    for rule in RULES[screened.action]:
        if skip := rule(state, context):
            reason, needs_human = skip
            return verdict._replace(outcome=Outcome.SKIPPED, reason=reason, needs_human=needs_human)
    return verdict


def _apply_storm_limit(
    verdicts: tuple[Verdict, ...], restarting: frozenset[str], limits: Limits
) -> tuple[Verdict, ...]:
    """Apply rule 16: when too much restarts at once, this event restarts nothing."""
    to_restart = {verdict.id for verdict in verdicts if verdict.outcome is None}
    if not to_restart or len(restarting | to_restart) <= limits.max_restarting:
        return verdicts
    return tuple(
        verdict._replace(outcome=Outcome.SKIPPED, reason="storm", needs_human=True)
        if verdict.id in to_restart
        else verdict
        for verdict in verdicts
    )


def _notes(
    verdicts: tuple[Verdict, ...], observation: Observation, action: Action, now: datetime
) -> tuple[str, ...]:
    """Say what a person should know besides the verdicts."""
    if action is Action.DELETE:
        return (RECYCLE_BIN[observation.recycle_bin],)
    restarts = {
        verdict.id: restarts_today(observation.instances[verdict.id], now)
        for verdict in verdicts
        if verdict.reason == "restart_limit"
    }
    return tuple(
        f"{number} restarts of {id_} within 24 hours did not help."
        for id_, number in restarts.items()
    )


def _warnings(observation: Observation, action: Action) -> tuple[str, ...]:
    """Say where RESTART_TASK_PATTERN seems to miss what the cloud calls a restart."""
    return tuple(
        f"{state.id} is RESTARTING, but no task matches RESTART_TASK_PATTERN; "
        f"its newest task is {state.newest_task_name or 'none'}."
        for state in observation.instances.values()
        if action is Action.RESTART
        and state.status == "RESTARTING"
        and not any(task.status in RUNNING_TASKS for task in state.restart_tasks)
    )


def _call(action: Action, verdicts: tuple[Verdict, ...], source: Source) -> ActionCall | None:
    """Build the one call: restarts, a purge or deletions, each from a type of its own."""
    chosen = tuple(verdict.id for verdict in verdicts if verdict.outcome is None)
    if action is Action.PURGE_FAILED:
        return action_requests.purge(action_requests.PurgeRequest(allowed_actions=source.actions))
    if not chosen:
        return None
    if action is Action.DELETE:
        return action_requests.delete(action_requests.DeleteRequest(chosen))
    return action_requests.restart(action_requests.RestartRequest(chosen))


def _id_list(ids: list[str]) -> str:
    """Return ids as the end of a sentence, as many as a person would read."""
    if not ids:
        return ""
    more = f" and {len(ids) - MAX_NAMED_IDS} more" if len(ids) > MAX_NAMED_IDS else ""
    return f"; found were {', '.join(ids[:MAX_NAMED_IDS])}{more}"


def _purge_verdicts(observation: Observation, limits: Limits) -> tuple[Verdict, ...]:
    """Name what a purge would remove, or raise Refused where that is too much or blocked."""
    failed = observation.failed_creations
    found = len(failed) + observation.unlisted
    named = _id_list([state.id for state in failed])
    if found > limits.max_purge:
        raise TooMany(
            f"{found} failed creations are more than MAX_PURGE ({limits.max_purge}){named}"
        )
    for state in failed:
        if state.id in limits.blocked:
            raise NotAllowed(f"{state.id} failed to be created, but is in BLOCKED_INSTANCES{named}")
    return tuple(Verdict(state.id, status=state.status) for state in failed)


def _as_dry_run(verdict: Verdict) -> Verdict:
    if verdict.outcome is not None:
        return verdict
    return verdict._replace(outcome=Outcome.DRY_RUN, reason="dry_run")


def _instance_verdicts(
    screened: ScreenedEvent, observation: Observation, limits: Limits, now: datetime
) -> tuple[Verdict, ...]:
    verdicts = tuple(
        _verdict(observation.instances[target], screened, limits, now)
        for target in screened.targets
    )
    watched = screened.alarm and limits.max_restarting > 0
    return _apply_storm_limit(verdicts, observation.restarting, limits) if watched else verdicts


def decide(
    screened: ScreenedEvent,
    observation: Observation,
    *,
    source: Source,
    limits: Limits,
    now: datetime,
) -> Decision:
    """Apply rules 9 to 18; raise Refused where a purge would go too far."""
    notes: tuple[str, ...] = ()
    if screened.action is Action.PURGE_FAILED:
        found = _purge_verdicts(observation, limits)
    else:
        found = _instance_verdicts(screened, observation, limits, now)
        notes = _notes(found, observation, screened.action, now)
    call = _call(screened.action, found, source)
    return Decision(
        action=screened.action,
        verdicts=screened.verdicts + (tuple(map(_as_dry_run, found)) if limits.dry_run else found),
        call=call,
        dry_run=limits.dry_run,
        notes=notes,
        warnings=_warnings(observation, screened.action),
    )


def decide_without_state(screened: ScreenedEvent, *, dry_run: bool) -> Decision:
    """Return the decision on an event that leaves nothing to look at."""
    return Decision(
        action=screened.action,
        verdicts=screened.verdicts,
        dry_run=dry_run,
        reason=screened.reason,
    )

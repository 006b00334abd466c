"""Decide from the live state and the limits: a verdict per instance, and the one call (pure)."""

from __future__ import annotations

from datetime import datetime

from ..lib import timestamps
from ..model.cloud_state import InstanceState, Observation
from ..model.decision import ActionCall, Decision, Ending, Mode, ScreenedEvent, Verdict
from ..model.errors import NotAllowed, TooMany
from ..model.event import Action, Outcome, Source
from ..model.sent_call import SentCall
from ..settings.model import Limits
from . import action_requests, sent_calls
from .instance_rules import RuleContext, answers, last_restart, restarts_today
from .modes import TAG, mode_of, tag_mode

# More ids than this make a message unreadable; the result event lists all of them.
MAX_NAMED_IDS = 20
RECYCLE_BIN = {
    True: "Deleted instances go to the recycle bin.",
    False: "The recycle bin is off, so a deletion is final.",
    None: "Whether deleted instances go to the recycle bin is not known.",
}


def rule_context(
    instance_id: str, screened: ScreenedEvent, limits: Limits, now: datetime
) -> RuleContext:
    """Return the context of the rules for one instance of this event."""
    return RuleContext(limits, now, screened.alarm, screened.raised_at.get(instance_id))


def _verdict(
    state: InstanceState, screened: ScreenedEvent, limits: Limits, now: datetime
) -> Verdict:
    """Return the verdict of the first rule that matches; none: act, or only observe."""
    verdict = Verdict(state.id, status=state.status, last_restart=last_restart(state))
    context = rule_context(state.id, screened, limits, now)
    for answer in answers(screened.action, state, context):
        if answer.skip is not None:
            reason, needs_human = answer.skip
            return verdict.ended(Ending(Outcome.SKIPPED, reason, needs_human=needs_human))
    observes = mode_of(state.tags, limits.default_mode, now) is Mode.OBSERVE
    return verdict.ended(Ending(Outcome.DRY_RUN, "observed")) if observes else verdict


def _undecided(verdicts: tuple[Verdict, ...]) -> frozenset[str]:
    """Return the instances that no rule has held back so far."""
    return frozenset(verdict.id for verdict in verdicts if verdict.outcome is None)


def _ended(
    verdicts: tuple[Verdict, ...], ids: frozenset[str], ending: Ending
) -> tuple[Verdict, ...]:
    """Return the verdicts, of which those on these instances have an ending."""
    return tuple(verdict.ended(ending) if verdict.id in ids else verdict for verdict in verdicts)


def _observed(verdicts: tuple[Verdict, ...]) -> frozenset[str]:
    """Return the instances that only their mode `observe` has held back."""
    return frozenset(verdict.id for verdict in verdicts if verdict.reason == "observed")


def _apply_storm_limit(
    verdicts: tuple[Verdict, ...], restarting: frozenset[str], limits: Limits
) -> tuple[Verdict, ...]:
    """Skip all instances where too many would restart at once; observed ones do not count."""
    if len(restarting | _undecided(verdicts)) <= limits.max_restarting:
        return verdicts
    held_back = _undecided(verdicts) | _observed(verdicts)
    return _ended(verdicts, held_back, Ending(Outcome.SKIPPED, "storm", needs_human=True))


def _observed_notes(
    verdicts: tuple[Verdict, ...], screened: ScreenedEvent, observation: Observation, limits: Limits
) -> tuple[str, ...]:
    """Name what was only observed, and say where acting on it would have been too much at once."""
    observed = _observed(verdicts)
    ids = [verdict.id for verdict in verdicts if verdict.id in observed]
    notes = [f"Observed only: {', '.join(ids)}."] if 0 < len(ids) < len(verdicts) else []
    at_once = observation.restarting | _undecided(verdicts) | observed
    if observed and screened.alarm and 0 < limits.max_restarting < len(at_once):
        notes.append("If all of them acted, MAX_RESTARTING would hold all of this event back.")
    return tuple(notes)


def _notes(
    verdicts: tuple[Verdict, ...],
    screened: ScreenedEvent,
    observation: Observation,
    limits: Limits,
    now: datetime,
) -> tuple[str, ...]:
    """Return sentences for the message that the verdicts do not contain."""
    observed = _observed_notes(verdicts, screened, observation, limits)
    if screened.action is Action.DELETE:
        return (RECYCLE_BIN[observation.recycle_bin], *observed)
    limited = (verdict.id for verdict in verdicts if verdict.reason == "restart_limit")
    restarts = {id_: restarts_today(observation.instances[id_], now) for id_ in limited}
    texts = (f"{n} restarts of {id_} within 24 hours did not help." for id_, n in restarts.items())
    return (*texts, *observed)


def _ledger_notes(verdicts: tuple[Verdict, ...], observation: Observation) -> tuple[str, ...]:
    """Say which restarts were sent that the cloud's history does not show."""
    notes = []
    for verdict in verdicts:
        tasks = observation.instances[verdict.id].restart_tasks
        sent = [task.created_at for task in tasks if task.from_ledger and task.created_at]
        if sent:
            when = f"A restart of {verdict.id} was sent at {timestamps.text(max(sent))}"
            notes.append(f"{when}; the cloud's history does not show it.")
    return tuple(notes)


def _clock_note(observation: Observation) -> tuple[str, ...]:
    """Return a note if our clock is wrong."""
    skew = observation.clock_skew_seconds
    if not observation.clock_is_off:
        return ()
    side = "ahead of" if skew > 0 else "behind"
    return (
        f"The clock of this machine is {abs(skew)} seconds {side} the cloud's, "
        "so the cloud's time was used.",
    )


def _mode_warnings(observation: Observation, now: datetime) -> tuple[str, ...]:
    """Name the instances whose tag is no mode; not the value, which anybody may have written."""
    tag_modes = {state.id: tag_mode(state.tags, now) for state in observation.instances.values()}
    return tuple(
        f"The tag {TAG} of {instance_id} is not one of act, observe and off, so it counts as off."
        for instance_id, mode in tag_modes.items()
        if mode is not None and not mode.understood
    )


def _pattern_warnings(observation: Observation, action: Action) -> tuple[str, ...]:
    """Say where RESTART_TASK_PATTERN seems to miss what the cloud calls a restart."""
    return tuple(
        f"{state.id} is RESTARTING, but no task matches RESTART_TASK_PATTERN; "
        f"its newest task is {state.newest_task_name or 'none'}."
        for state in observation.instances.values()
        if action is Action.RESTART
        and state.status == "RESTARTING"
        and not any(task.is_running and not task.from_ledger for task in state.restart_tasks)
    )


def _call(action: Action, verdicts: tuple[Verdict, ...], source: Source) -> ActionCall | None:
    """Build the one call: restarts, a purge or deletions, each from its own type.

    Where everything is only observed, it is the call that would be sent for that, which is not.
    """
    acting = tuple(verdict.id for verdict in verdicts if verdict.outcome is None)
    chosen = acting or tuple(verdict.id for verdict in verdicts if verdict.reason == "observed")
    if action is Action.PURGE_FAILED:
        return action_requests.purge(action_requests.PurgeRequest(allowed_actions=source.actions))
    if not chosen:
        return None
    if action is Action.DELETE:
        return action_requests.delete(action_requests.DeleteRequest(chosen))
    return action_requests.restart(action_requests.RestartRequest(chosen))


def _id_list(ids: list[str]) -> str:
    """Return ids as the end of a sentence, shortened after MAX_NAMED_IDS."""
    if not ids:
        return ""
    more = f" and {len(ids) - MAX_NAMED_IDS} more" if len(ids) > MAX_NAMED_IDS else ""
    return f"; found were {', '.join(ids[:MAX_NAMED_IDS])}{more}"


def _purge_verdicts(observation: Observation, limits: Limits) -> tuple[Verdict, ...]:
    """Name what a purge would remove; raise EventRejected where that is too much or blocked."""
    failed = observation.failed_creations
    total = len(failed) + observation.unlisted
    named = _id_list([state.id for state in failed])
    if total > limits.max_purge:
        raise TooMany(
            f"{total} failed creations are more than MAX_PURGE ({limits.max_purge}){named}"
        )
    for state in failed:
        if state.id in limits.blocked:
            raise NotAllowed(f"{state.id} failed to be created, but is in BLOCKED_INSTANCES{named}")
    return tuple(Verdict(state.id, status=state.status) for state in failed)


def _rule_verdicts(
    screened: ScreenedEvent, observation: Observation, limits: Limits, now: datetime
) -> tuple[Verdict, ...]:
    return tuple(
        _verdict(observation.instances[target], screened, limits, now)
        for target in screened.targets
    )


def _decide_restart_or_delete(
    screened: ScreenedEvent,
    observation: Observation,
    calls: tuple[SentCall, ...],
    limits: Limits,
    now: datetime,
) -> tuple[tuple[Verdict, ...], Observation]:
    """Return the verdicts, and the observation with what was sent.

    What the cloud alone would let restart counts for MAX_RESTARTING even where the ledger holds it
    back: an entry must not make room for another instance.
    """
    seen = sent_calls.with_sent_calls(observation, calls, now)
    verdicts = _rule_verdicts(screened, seen, limits, now)
    if sent_calls.watches_storms(screened, limits):
        by_the_cloud = _rule_verdicts(screened, observation, limits, now) if calls else ()
        restarting = seen.restarting | _undecided(by_the_cloud)
        verdicts = _apply_storm_limit(verdicts, restarting, limits)
    return verdicts, seen


def decide(
    screened: ScreenedEvent,
    observation: Observation,
    *,
    source: Source,
    limits: Limits,
    now: datetime,
    calls: tuple[SentCall, ...] = (),
) -> Decision:
    """Apply the rules that need the live state; raise EventRejected where a purge goes too far.

    `now` is the cloud's time of day; `calls` of the ledger only add to the history.
    """
    notes = screened.notes + _clock_note(observation)
    if screened.action is Action.PURGE_FAILED:
        verdicts = _purge_verdicts(observation, limits)
        # A redelivery, most likely; after the listing, so that the result names what is there.
        if sent_calls.purge_is_recent(calls, now):
            skipped = _ended(verdicts, _undecided(verdicts), Ending(Outcome.SKIPPED, "cooldown"))
            notes = ("A purge was sent less than 60 seconds ago.", *notes)
            settled = screened._replace(verdicts=skipped, reason="cooldown", notes=notes)
            return decide_without_state(settled, dry_run=limits.dry_run)
    else:
        verdicts, observation = _decide_restart_or_delete(screened, observation, calls, limits, now)
        notes += _ledger_notes(verdicts, observation)
        notes += _notes(verdicts, screened, observation, limits, now)
    # Also for a dry run: the result shows the very body that would be sent.
    call = _call(screened.action, verdicts, source)
    only_observed = call is not None and bool(verdicts) and not _undecided(verdicts)
    if limits.dry_run:
        verdicts = _ended(verdicts, _undecided(verdicts), Ending(Outcome.DRY_RUN, "dry_run"))
    return Decision(
        action=screened.action,
        verdicts=screened.verdicts + verdicts,
        call=call,
        dry_run=limits.dry_run or only_observed,
        notes=notes,
        warnings=_pattern_warnings(observation, screened.action) + _mode_warnings(observation, now),
        needs_human=screened.needs_human,
    )


def decide_without_state(screened: ScreenedEvent, *, dry_run: bool) -> Decision:
    """Return the decision on an event that screening has settled."""
    return Decision(
        action=screened.action,
        verdicts=screened.verdicts,
        dry_run=dry_run,
        reason=screened.reason,
        notes=screened.notes,
        needs_human=screened.needs_human,
    )

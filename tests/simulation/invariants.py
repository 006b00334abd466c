"""The invariants of every run, for any seed; each check yields its violations."""

from collections import Counter
from collections.abc import Callable, Iterator

from . import answers
from .history import Ask, Handled, History, Restart
from .races import effect_of, events_behind, excused, pairs

DAY = 24 * 3600
ROUNDING = 0.002  # the cloud shows milliseconds

Invariant = Callable[[History], Iterator[str]]


def effects_were_asked_for(history: History) -> Iterator[str]:
    """Every effect was requested by an authenticated event that reports it and had not ended."""
    for effect in history.effects:
        if not events_behind(history, effect):
            yield f"{effect.action} of {effect.instance} at {effect.time:.3f} was not asked for"


def untouchables_are_left_alone(history: History) -> Iterator[str]:
    """Blocked and opted-out instances, and those of other engines, are not changed."""
    for effect in history.effects:
        if effect.instance in history.policy.untouchable:
            yield f"{effect.action} of {effect.instance}, which is not to be touched"
        if effect.action == "delete" and not history.policy.deletes:
            yield f"delete of {effect.instance}, although deleting is off"


def purges_stay_small(history: History) -> Iterator[str]:
    """No purge removes more than MAX_PURGE."""
    purged = Counter(effect.time // 1 for effect in history.effects if effect.action == "purge")
    for moment, count in purged.items():
        if count > history.policy.max_purge:
            yield f"{count} failed creations are purged at {moment:.0f}"


def no_restart_within_the_cooldown(history: History) -> Iterator[str]:
    """An instance is not restarted twice within the cooldown."""
    for earlier, later in pairs(history):
        pause = later.began - earlier.began
        if pause < history.policy.cooldown - ROUNDING and not excused(history, earlier, later):
            yield f"{later.instance} is restarted again after {pause:.3f} s"


def _answered(ask: Ask, earlier: Restart, later: Restart) -> bool:
    """Tell whether the earlier restart had answered the alarm behind the later one."""
    if ask.raised is None:
        return False
    raised = ask.raised.get(later.instance)
    since = later.began - DAY if raised is None else raised
    return min(earlier.ended, later.began) > since + ROUNDING


def no_restart_answers_an_answered_alarm(history: History) -> Iterator[str]:
    """No restart answers an alarm that is older than the last restart."""
    for earlier, later in pairs(history):
        behind = events_behind(history, effect_of(later))
        answered = behind and all(_answered(ask, earlier, later) for _, ask in behind)
        if answered and not excused(history, earlier, later):
            pause = later.began - earlier.began
            yield f"{later.instance} is restarted for an alarm answered {pause:.3f} s before"


def no_more_restarts_than_a_day_allows(history: History) -> Iterator[str]:
    """MAX_RESTARTS_PER_DAY is kept."""
    earlier_today = Counter(
        (later.instance, later.began)
        for earlier, later in pairs(history)
        if later.began - earlier.began < DAY - ROUNDING and not excused(history, earlier, later)
    )
    for (instance, _), count in earlier_today.items():
        if count >= history.policy.restarts_per_day:
            yield f"{instance} is restarted after {count} restarts within a day"


def _counts(history: History, alarm: Handled, restart: Restart, moment: float) -> bool:
    """Tell whether an alarm had to count a restart as one of those going on at a moment."""
    if not restart.began <= moment < restart.ended:
        return False
    behind = events_behind(history, effect_of(restart)) if restart.ours else []
    by_alarm = bool(behind) and all(ask.raised is not None for _, ask in behind)
    return by_alarm or restart.began < alarm.began


def alarms_restart_few_at_once(history: History) -> Iterator[str]:
    """MAX_RESTARTING holds for alarms, concurrent ones too, of replicas that know of each other."""
    if not history.know_of_each_other:
        return
    for restart in history.restarts:
        behind = events_behind(history, effect_of(restart)) if restart.ours else []
        if not behind or any(ask.raised is None for _, ask in behind):
            continue
        alarm = min((handled for handled, _ in behind), key=lambda one: one.began)
        going_on = {
            other.instance
            for other in history.restarts
            if _counts(history, alarm, other, restart.began)
        }
        if len(going_on) > history.policy.max_restarting:
            yield f"{len(going_on)} instances restart at once at {restart.began:.3f}"


INVARIANTS: tuple[Invariant, ...] = (
    answers.every_event_has_one_result,
    answers.every_result_fits_its_schema,
    answers.posts_are_those_that_results_admit,
    answers.posts_have_one_of_three_bodies,
    answers.forged_events_are_rejected,
    effects_were_asked_for,
    untouchables_are_left_alone,
    purges_stay_small,
    no_restart_within_the_cooldown,
    no_restart_answers_an_answered_alarm,
    no_more_restarts_than_a_day_allows,
    alarms_restart_few_at_once,
)


def violations(history: History) -> list[str]:
    """Return what broke, each with the name of the invariant."""
    return [
        f"{invariant.__name__}: {broken}"
        for invariant in INVARIANTS
        for broken in invariant(history)
    ]

"""Human-readable messages: what a reason code means, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model.event import Action, Outcome

ACTIONS = {
    Action.RESTART: "Restart",
    Action.PURGE_FAILED: "Purge of failed creations",
    Action.DELETE: "Deletion",
    Action.CHECK: "Check",
    Action.VERIFY: "Verification",
}
# What each reason code means; right for one instance and for several.
REASON_TEXTS = {
    "not_firing": "no alarm is firing",
    "test_event": "this is a test message",
    "not_mapped": "no metric or label asks for a restart of an instance",
    "stale": "sent too long ago (MAX_EVENT_AGE_SECONDS), or raised more than 30 days ago",
    "from_the_future": "dated more than 5 minutes in the future",
    "not_allowed": "blocked, or not in ALLOWED_INSTANCES",
    "state_unreadable": "the live state could not be read in full, so nothing was sent",
    "not_found": "the cloud knows no such instance",
    "not_kafka": "the engine is not Kafka",
    "opted_out": "the mode is off (tag auto-remediation, or DEFAULT_MODE)",
    "already_restarting": "already restarting",
    "status": "the status does not allow it (RESTART_STATUSES)",
    "already_answered": "restarted after the alarm was raised",
    "cooldown": "done a short time ago (COOLDOWN_SECONDS; 60 s for a purge)",
    "restart_limit": "restarted too often within 24 hours (MAX_RESTARTS_PER_DAY)",
    "storm": "too many instances would restart at once (MAX_RESTARTING)",
    "observed": "the mode is observe (tag auto-remediation, or DEFAULT_MODE), so nothing was sent",
    "recovered": "restarted, and running since",
    "not_recovered": "not running, although the alarm or a restart is over",
    "restarting": "the restart is going on",
    "hanging": "the restart takes longer than 20 minutes",
    "ledger_unreadable": "the ledger (LEDGER_URL) cannot be read or is full; nothing was sent",
    "own_notification": "this is a notification of our own, delivered back",
    "dry_run": "DRY_RUN is true, so nothing was sent",
    "busy": "another operation is going on",
    "seen_restarting": "the answer was lost, but the restart was seen (perhaps somebody else's)",
    "subscription_confirmation": "a person has to open the link in the log to confirm the topic",
    "unsubscribe_confirmation": "the subscription of the topic was cancelled",
    "not_sent": "the cloud could not be reached; nothing was sent",
    "deadline": "time ran out before the call was sent; nothing was sent",
    "throttled": "the cloud throttles; nothing was done",
    "unavailable": "the cloud's identity service is unavailable; nothing was done",
    "clock_skew": "the clock of this machine differs from the cloud's by more than 15 minutes",
    "credentials": "the cloud does not accept the credentials",
    "permission": "the credentials lack a permission for this action",
    "refused": "the cloud refused it; nothing was done",
    "unclear": "no clear answer came, and nothing read afterwards settles it",
    "settings": "the settings are wrong, so nothing is done",
    "internal": "a defect in this function; nothing was sent",
}
# What a person can do about a reason; the most urgent first. A reason that is not here asks for
# nothing: the next alarm, or the sender's repetition, takes care of it.
NEXT_STEPS = {
    "not_recovered": "Look at the instance in the console now: it does not run.",
    "hanging": "Look at the background tasks in the console; if nothing moves, call the vendor.",
    "unclear": "See in the console whether it restarts; if not, restart it by hand.",
    "restart_limit": "Do not restart it again: find out why restarts do not help.",
    "storm": "Look at the whole project (network, zone, quota); restart by hand what must run.",
    "already_answered": "The restart did not end the alarm: look at the instance in the console.",
    "status": "Look at the instance in the console: a restart is no cure for this status.",
    "permission": "Grant the permission that the action needs, then restart by hand.",
    "credentials": "Renew the function's credentials; until then it can do nothing.",
    "settings": "Correct the settings that the log names; until then it can do nothing.",
    "internal": "Look at the log and report the defect; restart by hand what must run.",
    "refused": "Look at the cloud's answer and at the instance in the console.",
    "state_unreadable": "Run the check: it says whether a permission or the network is missing.",
    "clock_skew": "Set the clock of the machine.",
    "unsubscribe_confirmation": "Subscribe the topic again: no alarm comes over it any more.",
    "subscription_confirmation": "Open the link in the log.",
    "too_many": "Look at what so many instances have in common; restart by hand what must run.",
    "not_found": "Take the deleted instance out of the alarm rule.",
    "not_mapped": "Let the alarm rule name its instance and ask for a restart.",
    "invalid_json": "Correct the alarm's template: its alarms cannot be read.",
    "schema": "Correct the alarm's template or request: it cannot be read.",
    "ledger_unreadable": "Look at the Redis of LEDGER_URL: nothing restarts until it answers.",
    "already_restarting": "Nothing yet; if it still restarts an hour later, call the vendor.",
    "seen_restarting": "Nothing yet; if the alarm still fires in 20 minutes, look at the instance.",
}
ACCEPTED_STEPS = {
    Action.RESTART: "Nothing yet; if the alarm still fires in 20 minutes, look at the instance.",
    Action.PURGE_FAILED: "Nothing.",
    Action.DELETE: "Nothing; if that was a mistake, look into the recycle bin at once.",
}
FIX_WHAT_FAILED = "Fix what failed: until then the next alarm may not be answered."
LOOK_AT_THE_LOG = "Look at the log, and at the instances in the console."
_MISSING_KEYS = "HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK: are missing, and the platform sent none"

# The outcomes of a purge that has read its listing, even an empty one.
_AFTER_THE_LISTING = frozenset({Outcome.ACCEPTED, Outcome.DRY_RUN, Outcome.UNKNOWN})
LATE = "Time ran out before the answer came."

DEAD_LINK = (
    "Skipped: this confirmation is older than 48 hours, so its link is dead; "
    "have SMN send a new one to confirm the topic."
)


# The headline for instances whose alarm has ended: the event asked for no restart.
_FOLLOWED_UP = {"recovered": "recovered", "not_recovered": "not recovered"}
# Message and log line stay readable; the result lists every instance.
MAX_NOTES = 5


def missing_credentials(*, container: bool) -> str:
    """Return why there are no keys: a container gets its agency's keys only where configured."""
    if container:
        return (
            f"{_MISSING_KEYS} in the headers of this event: switch on Include Keys in the advanced "
            "settings of the function (enable_auth_in_header in Terraform); it needs an agency too"
        )
    return f"{_MISSING_KEYS}; for example give the function an agency"


def count(number: int) -> str:
    """Return how many instances, in words a person reads.

    >>> count(1), count(3)
    ('1 instance', '3 instances')
    """
    return f"{number} instance{'' if number == 1 else 's'}"


def reason_suffix(reason: str | None) -> str:
    """Return what a reason code means, as the end of a sentence.

    >>> reason_suffix("not_firing"), reason_suffix(None)
    (': no alarm is firing', '')
    """
    return f": {REASON_TEXTS[reason]}" if reason in REASON_TEXTS else ""


def headline(
    action: Action, outcome: Outcome, reason: str | None, *, done: int = 0, total: int = 0
) -> str:
    """Return the outcome of an event in one sentence.

    >>> headline(Action.RESTART, Outcome.ACCEPTED, None, done=1, total=1)
    'Restart of 1 instance accepted.'
    >>> headline(Action.RESTART, Outcome.SKIPPED, "cooldown", total=1)
    'Restart of 1 instance skipped: done a short time ago (COOLDOWN_SECONDS; 60 s for a purge).'
    """
    if action is Action.RESTART and reason in _FOLLOWED_UP:
        return f"{count(total)} {_FOLLOWED_UP[reason]}{reason_suffix(reason)}."
    what = ACTIONS[action]
    if outcome is Outcome.PARTIAL:
        return f"{what} of {done} of {count(total)} accepted."
    if action is not Action.PURGE_FAILED and total:
        what = f"{what} of {count(total)}"
    elif action is Action.PURGE_FAILED and (total or outcome in _AFTER_THE_LISTING):
        what = f"{what} ({count(total) if total else 'none'} listed)"
    ending = {Outcome.DRY_RUN: "not sent", Outcome.UNKNOWN: "may have been done"}
    return f"{what} {ending.get(outcome, outcome.value)}{reason_suffix(reason)}."


def verification(
    outcome: Outcome, reason: str | None, judged: int, listed: int, notes: Sequence[str]
) -> str:
    """Return the result of a verification, with the problems of the first few instances.

    The reason `status` means here that no restart explains a status, not RESTART_STATUSES.

    >>> verification(Outcome.PASSED, None, 0, 3, [])
    'Verification passed: nothing to look after among 3 instances.'
    >>> verification(Outcome.PASSED, "status", 1, 3, [])
    'Verification of 1 instance passed: no recent restart to look after.'
    """
    if not judged:
        return f"Verification {outcome.value}: nothing to look after among {count(listed)}."
    more = [f"And {len(notes) - MAX_NOTES} more."] if len(notes) > MAX_NOTES else []
    first = headline(Action.VERIFY, outcome, reason, total=judged)
    if reason == "status":
        first = f"Verification of {count(judged)} {outcome.value}: no recent restart to look after."
    return " ".join([first, *notes[:MAX_NOTES], *more])


def next_steps(action: Action | None, endings: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return what a person can do about these outcomes and reasons, the most urgent step first.

    >>> next_steps(Action.RESTART, [("accepted", None), ("failed", "permission")])[0]
    'Grant the permission that the action needs, then restart by hand.'
    """
    endings = set(endings)
    reasons = {reason for _, reason in endings}
    steps = [step for reason, step in NEXT_STEPS.items() if reason in reasons]
    accepted = (Outcome.ACCEPTED, None) in endings
    if accepted and action in ACCEPTED_STEPS:
        steps.append(ACCEPTED_STEPS[action])
    return steps

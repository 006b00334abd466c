"""Wording: the sentences of a result, for whoever reads it at night."""

from __future__ import annotations

from ..model.event import Action, Outcome

ACTIONS = {
    Action.RESTART: "Restart",
    Action.PURGE_FAILED: "Purge of failed creations",
    Action.DELETE: "Deletion",
    Action.CHECK: "Check",
    Action.VERIFY: "Verification",
}
# Each is right for one instance and for several.
REASON_TEXTS = {
    "not_firing": "no alarm is firing",
    "test_event": "this is a test message",
    "not_mapped": "no metric or label asks for a restart of an instance",
    "stale": "sent too long ago (MAX_EVENT_AGE_SECONDS)",
    "from_the_future": "dated in the future: check the clocks",
    "not_allowed": "blocked, or not in ALLOWED_INSTANCES",
    "state_unreadable": "the live state could not be read in full, so nothing was sent",
    "not_found": "the cloud knows no such instance",
    "not_kafka": "the engine is not Kafka",
    "opted_out": "the mode is off (tag auto-remediation, or DEFAULT_MODE)",
    "already_restarting": "already restarting",
    "status": "the status does not allow it",
    "already_answered": "restarted after the alarm was raised",
    "cooldown": "restarted only recently (COOLDOWN_SECONDS)",
    "restart_limit": "restarted too often today (MAX_RESTARTS_PER_DAY); look into it",
    "storm": "too many instances would restart at once (MAX_RESTARTING); look at the project",
    "observed": "the mode is observe (tag auto-remediation, or DEFAULT_MODE), so nothing was sent",
    "recovered": "restarted, and running since",
    "not_recovered": "restarted, and still not running; look at the instance",
    "restarting": "the restart is going on",
    "hanging": "the restart takes longer than 20 minutes; look at the instance",
    "ledger_unreadable": "the ledger that copies share (LEDGER_URL) did not answer",
    "own_notification": "our own notification, delivered back to us",
    "dry_run": "DRY_RUN is true, so nothing was sent",
    "busy": "another operation is going on",
    "seen_restarting": "the answer was lost, but the restart was seen (perhaps somebody else's)",
    "subscription_confirmation": "a person has to open the link in the log to confirm the topic",
    "unsubscribe_confirmation": "the subscription of the topic was cancelled; look at it",
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
MISSING_CREDENTIALS = (
    "HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK: are missing, and the platform sent none; "
    "for example give the function an agency"
)

# What becomes of a purge that has read its listing, even an empty one.
_AFTER_THE_LISTING = frozenset({Outcome.ACCEPTED, Outcome.DRY_RUN, Outcome.UNKNOWN})
LATE = "Time ran out before the answer came."


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
    """Return what became of an event, in one sentence.

    >>> headline(Action.RESTART, Outcome.ACCEPTED, None, done=1, total=1)
    'Restart of 1 instance accepted.'
    >>> headline(Action.RESTART, Outcome.SKIPPED, "cooldown", total=1)
    'Restart of 1 instance skipped: restarted only recently (COOLDOWN_SECONDS).'
    """
    what = ACTIONS[action]
    if outcome is Outcome.PARTIAL:
        return f"{what} of {done} of {count(total)} accepted."
    if action is not Action.PURGE_FAILED and total:
        what = f"{what} of {count(total)}"
    elif action is Action.PURGE_FAILED and (total or outcome in _AFTER_THE_LISTING):
        what = f"{what} ({count(total) if total else 'none'} listed)"
    ending = {Outcome.DRY_RUN: "not sent", Outcome.UNKNOWN: "may have been done"}
    return f"{what} {ending.get(outcome, outcome.value)}{reason_suffix(reason)}."

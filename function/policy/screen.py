"""Screen: the rules that need no live state, so that most events cost no call (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ..model.decision import ScreenedEvent, Verdict
from ..model.errors import ActionDisabled, ActionNotForSource, NotAllowed, TooMany
from ..model.event import CHANGING_ACTIONS, Action, Event, Intent, Outcome, Source
from ..settings.model import Limits
from .instance_rules import MAX_FUTURE, Answer, Skip

# As far back as the history is read: whether an older alarm was answered cannot be known.
MAX_ALARM_AGE = timedelta(days=30)
# Such an alarm would be skipped each time, so a person has to mend its rule.
NAMELESS = "The alarm asks for a restart, but names no Kafka instance."
# Cloud Eye's JSON template has the console's name only. What it is for `broker_alive` is not
# documented: the names in English that the vendor's pages use; operators add what they see.
BROKER_ALIVE_NAMES = frozenset({"broker alive", "node alive status"})


def asks_for_restart(metric: str | None, alarm_metrics: Iterable[str]) -> bool:
    """Tell whether a metric is one of ALARM_METRICS, in any case; None where labels decide instead.

    >>> [asks_for_restart(name, {"broker_alive"}) for name in ("Broker_Alive", "Broker Alive", "")]
    [True, True, False]
    >>> asks_for_restart("Node Alive Status", {"broker_disk_usage"})
    False
    """
    if metric is None:
        return True
    # The two forms of Cloud Eye write a metric's name in different cases.
    wanted = {name.casefold() for name in alarm_metrics}
    if "broker_alive" in wanted:
        wanted |= BROKER_ALIVE_NAMES
    return metric.strip().casefold() in wanted


def _names_no_instance(intent: Intent, limits: Limits) -> bool:
    """Tell whether an alarm asks for a restart without saying of which instance."""
    fires = intent.skip is None and intent.metric is not None and not intent.instances
    return fires and asks_for_restart(intent.metric, limits.alarm_metrics)


def intent_answers(intent: Intent, event: Event, limits: Limits, now: datetime) -> Iterator[Answer]:
    """Yield what each rule says of an intent, in order, up to and with the first that applies."""
    sent, raised = event.sent_at or now, intent.raised_at or now
    mapped = asks_for_restart(intent.metric, limits.alarm_metrics)
    applies = {
        "not_firing": False,
        "test_event": False,
        "not_mapped": not mapped or _names_no_instance(intent, limits),
        "stale": sent < now - limits.max_event_age or raised < now - MAX_ALARM_AGE,
        "from_the_future": sent > now + MAX_FUTURE,
    }
    if intent.skip is not None:  # the source has read it in the document; some know other reasons
        applies = {**(applies if intent.skip in applies else {}), intent.skip: True}
    for reason, skips in applies.items():
        yield Answer(reason, Skip(reason) if skips else None)
        if skips:
            return


def skip_reason(intent: Intent, event: Event, limits: Limits, now: datetime) -> str | None:
    """Return why this intent asks for nothing, or None."""
    answers = intent_answers(intent, event, limits, now)
    return next((answer.rule for answer in answers if answer.skip is not None), None)


def _newest(moments: list[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def is_allowed(instance: str, limits: Limits) -> bool:
    """Tell whether ALLOWED_INSTANCES and BLOCKED_INSTANCES let this instance be touched."""
    allowed = limits.allowed is None or instance in limits.allowed
    return allowed and instance not in limits.blocked


def _notes(
    event: Event, reasons: list[tuple[Intent, str | None]], limits: Limits
) -> tuple[str, ...]:
    """Return what to say of the event and of intents that are not mapped, each sentence once."""
    skipped = [intent for intent, reason in reasons if reason == "not_mapped"]
    notes = [
        NAMELESS if _names_no_instance(intent, limits) else intent.not_mapped_note
        for intent in skipped
    ]
    return tuple(dict.fromkeys(note for note in (event.note, *notes) if note is not None))


def screen(event: Event, source: Source, limits: Limits, now: datetime) -> ScreenedEvent:
    """Apply the rules that need no live state; raise EventRejected where they reject the event."""
    reasons = [(intent, skip_reason(intent, event, limits, now)) for intent in event.intents]
    asking = [intent for intent, reason in reasons if reason is None]
    # All intents of an event ask for the same; a group without alerts is an alarm's.
    action = event.intents[0].action if event.intents else Action.RESTART
    if action not in source.actions:
        raise ActionNotForSource(f"this source may not ask for {action.value}")
    if asking and action in CHANGING_ACTIONS - limits.enabled_actions:
        raise ActionDisabled(f"{action.value} is not in ENABLED_ACTIONS")
    raised: dict[str, list[datetime | None]] = {}
    for intent in asking:
        for instance in intent.instances:
            raised.setdefault(instance, []).append(intent.raised_at)
    # The first reason of an instance counts; one that an intent asks for is not skipped at all.
    skipped = {
        instance: Verdict(instance, Outcome.SKIPPED, reason)
        for intent, reason in reversed(reasons)
        for instance in intent.instances
        if reason is not None and instance not in raised
    }
    return _within_limits(
        ScreenedEvent(
            action=action,
            alarm=source.alarm,
            targets=tuple(raised),
            verdicts=tuple(reversed(skipped.values())),
            raised_at={instance: _newest(moments) for instance, moments in raised.items()},
            reason=None if asking else next((reason for _, reason in reasons), "not_mapped"),
            notes=_notes(event, reasons, limits),
            needs_human=any(_names_no_instance(intent, limits) for intent in event.intents),
        ),
        limits,
    )


def _within_limits(screened: ScreenedEvent, limits: Limits) -> ScreenedEvent:
    """Apply ALLOWED_INSTANCES, BLOCKED_INSTANCES and MAX_INSTANCES.

    An alarm skips instances that it may not touch, because no person chose its targets; any other
    event is rejected as a whole.
    """
    forbidden = [target for target in screened.targets if not is_allowed(target, limits)]
    # The first one is enough to say: the caller chose the ids and knows them.
    if forbidden and not screened.alarm:
        raise NotAllowed(f"{forbidden[0]} is blocked or not in ALLOWED_INSTANCES")
    targets = tuple(target for target in screened.targets if target not in forbidden)
    if len(targets) > limits.max_instances:
        raise TooMany(
            f"{len(targets)} instances are more than MAX_INSTANCES ({limits.max_instances})",
            alarm=screened.alarm,
        )
    skipped = tuple(Verdict(target, Outcome.SKIPPED, "not_allowed") for target in forbidden)
    return screened._replace(targets=targets, verdicts=screened.verdicts + skipped)

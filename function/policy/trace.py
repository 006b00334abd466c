"""The answers of all rules to one instance of an event, up to the one that decides (pure).

Nothing is decided here: the answers come from the functions that decide, and what the decision
adds for the event as a whole is taken from its verdict.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from ..model.cloud_state import Observation
from ..model.decision import ScreenedEvent
from ..model.event import CHANGING_ACTIONS, Event, Intent
from ..settings.model import Limits
from .decide import rule_context
from .instance_rules import RULES, Answer, Skip, answers
from .screen import intent_answers, skip_reason

# In the order in which they apply: what refuses or skips before the live state is read, and what
# is decided for the whole event once every instance has its verdict.
RULES_OF_THE_EVENT = ("action_disabled", "not_allowed", "too_many")
RULES_OF_THE_DECISION = ("storm", "observed", "dry_run")


class TracedEvent(NamedTuple):
    """An event with what is known after its processing; `rejected` is the reason of a rejection."""

    event: Event
    screened: ScreenedEvent
    observation: Observation
    limits: Limits
    now: datetime
    rejected: str | None = None


def deciding_intent(traced: TracedEvent, instance_id: str) -> Intent | None:
    """Return the intent that counts for an instance: the first that asks, else the first."""
    intents = [intent for intent in traced.event.intents if instance_id in intent.instances]
    reasons = (skip_reason(intent, traced.event, traced.limits, traced.now) for intent in intents)
    asking = (intent for intent, reason in zip(intents, reasons, strict=True) if reason is None)
    return next(asking, intents[0] if intents else None)


def _in_order(traced: TracedEvent, instance_id: str, reason: str | None) -> Iterator[Answer]:
    """Yield every answer in order, also beyond the one that decides."""
    intent, action = deciding_intent(traced, instance_id), traced.screened.action
    if intent is not None:
        yield from intent_answers(intent, traced.event, traced.limits, traced.now)
    if action not in CHANGING_ACTIONS:  # these rules decide nothing for check and verify
        return
    # These reject or fail the whole event, so each applies where it is the reason, and only there.
    for rule in (*RULES_OF_THE_EVENT, "state_unreadable"):
        yield Answer(rule, Skip(rule) if reason == rule else None)
    state = traced.observation.instances.get(instance_id)
    if state is not None and action in RULES:
        now = traced.observation.cloud_time(traced.now)
        context = rule_context(instance_id, traced.screened, traced.limits, now)
        yield from answers(action, state, context)
    for rule in RULES_OF_THE_DECISION:
        yield Answer(rule, Skip(rule) if reason == rule else None)


def trace(traced: TracedEvent, instance_id: str, reason: str | None) -> tuple[Answer, ...]:
    """Return the answers to an instance, up to and with the rule that its verdict names.

    `reason` is the reason of its verdict, or of the rejection of the event; None means act. An
    alarm that is not firing may be followed up: what that finds stands behind that answer.
    """
    reason = traced.rejected or reason
    traced_answers: list[Answer] = []
    for answer in _in_order(traced, instance_id, reason):
        traced_answers.append(answer)
        if answer.skip is not None:
            break
    last = traced_answers[-1] if traced_answers else None
    # A reason of a step that is no rule: of a follow-up, of the ledger, or of the envelope.
    if reason is not None and (last is None or last.skip is None or last.rule != reason):
        traced_answers.append(Answer(reason, Skip(reason)))
    return tuple(traced_answers)

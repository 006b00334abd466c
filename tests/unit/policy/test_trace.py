"""The trace of an instance: the answers of the rules, up to the deciding rule."""

from __future__ import annotations

from typing import Any

import pytest

from function.model.cloud_state import Observation
from function.model.decision import ScreenedEvent
from function.model.event import Action, Event, Intent
from function.policy.instance_rules import RULES, Answer, Skip
from function.policy.trace import TracedEvent, deciding_intent, trace
from tests.factories import (
    DAY,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    limits,
    observed,
    restart,
    screened,
    state,
    task,
)

OF_THE_INTENT = ["not_firing", "test_event", "not_mapped", "stale", "from_the_future"]
OF_THE_EVENT = ["action_disabled", "not_allowed", "too_many", "state_unreadable"]
OF_THE_INSTANCE = list(RULES[Action.RESTART])


def traced(
    *intents: Intent,
    observation: Observation | None = None,
    asked: ScreenedEvent | None = None,
    rejected: str | None = None,
    **settings: Any,
) -> TracedEvent:
    return TracedEvent(
        event=Event(intents or (restart(),)),
        screened=asked or screened(),
        observation=observation or observed(state()),
        limits=limits(**settings),
        now=NOW,
        rejected=rejected,
    )


def rules(answers: tuple[Answer, ...]) -> list[str]:
    """Return the names of the rules; only the last of them applies."""
    *before, last = answers
    assert last.skip is not None
    assert not any(answer.skip for answer in before)
    return [answer.rule for answer in answers]


def test_an_instance_that_would_be_restarted_has_met_every_rule_in_order() -> None:
    assert rules(trace(traced(), ORDERS, "dry_run")) == [
        *OF_THE_INTENT,
        *OF_THE_EVENT,
        *OF_THE_INSTANCE,
        *("storm", "observed", "dry_run"),
    ]


def test_an_instance_that_acts_has_met_every_rule_and_none_applies() -> None:
    answers = trace(traced(), ORDERS, None)

    assert len(answers) == 20
    assert not any(answer.skip for answer in answers)


@pytest.mark.parametrize("reason", ["storm", "observed"])
def test_event_level_rules_follow_the_instance_rules(
    reason: str,
) -> None:
    asked = rules(trace(traced(), ORDERS, reason))

    assert asked[-1] == reason
    assert asked[: len(asked) - (1 if reason == "storm" else 2)] == [
        *OF_THE_INTENT,
        *OF_THE_EVENT,
        *OF_THE_INSTANCE,
    ]


def test_a_rule_of_the_instance_ends_the_trace() -> None:
    restarted = observed(state(restart_tasks=(task(30 * MINUTE),)))

    assert rules(trace(traced(observation=restarted), ORDERS, "cooldown"))[-2:] == [
        "already_answered",
        "cooldown",
    ]


def test_an_intent_that_asks_for_nothing_ends_the_trace_before_the_event_is_looked_at() -> None:
    old = TracedEvent(
        Event((restart(),), sent_at=NOW - DAY), screened(), Observation(), limits(), NOW
    )

    assert rules(trace(old, ORDERS, "stale")) == OF_THE_INTENT[:4]


@pytest.mark.parametrize("reason", OF_THE_EVENT)
def test_a_rejection_and_a_failed_read_end_it_before_the_instance_is_looked_at(reason: str) -> None:
    nothing_read = traced(observation=Observation(), rejected=reason)

    asked = rules(trace(nothing_read, ORDERS, None))

    assert asked == [*OF_THE_INTENT, *OF_THE_EVENT[: OF_THE_EVENT.index(reason) + 1]]


def test_a_rejection_for_another_reason_stands_at_the_end() -> None:
    assert trace(traced(rejected="action_not_for_source"), ORDERS, None)[-1] == Answer(
        "action_not_for_source", Skip("action_not_for_source")
    )


def test_follow_up_is_listed_after_not_firing() -> None:
    answers = trace(traced(restart(skip="not_firing")), ORDERS, "recovered")

    assert [answer.rule for answer in answers if answer.skip] == ["not_firing", "recovered"]


def test_verify_result_lists_no_restart_rule() -> None:
    asked = ScreenedEvent(Action.VERIFY, alarm=False)
    event = traced(Intent(Action.VERIFY), asked=asked, observation=Observation())

    assert trace(event, ORDERS, "hanging") == (Answer("hanging", Skip("hanging")),)


def test_a_purge_meets_the_rules_of_the_event_and_none_of_an_instance() -> None:
    asked = ScreenedEvent(Action.PURGE_FAILED, alarm=False)
    event = traced(Intent(Action.PURGE_FAILED), asked=asked)

    assert rules(trace(event, ORDERS, "dry_run")) == [*OF_THE_EVENT, "storm", "observed", "dry_run"]


def test_a_deletion_meets_its_own_rules() -> None:
    event = traced(asked=screened(action=Action.DELETE, alarm=False))

    asked = rules(trace(event, ORDERS, "dry_run"))

    assert "already_answered" not in asked
    assert asked.index("opted_out") < asked.index("status")


def test_first_intent_that_asks_counts_else_the_first() -> None:
    resolved, firing = restart(skip="not_firing"), restart(metric="broker_alive")
    other = restart(PAYMENTS)

    assert deciding_intent(traced(resolved, firing), ORDERS) == firing
    assert deciding_intent(traced(resolved, other), ORDERS) == resolved
    assert deciding_intent(traced(other), ORDERS) is None


def test_the_rules_of_the_instance_look_at_the_time_of_the_cloud() -> None:
    """Our clock is an hour ahead, so a restart half an hour ago is not as old as it seems."""
    late = observed(state(restart_tasks=(task(90 * MINUTE),)), clock_skew_seconds=3600)
    asked = screened(raised_at={ORDERS: NOW - 60 * MINUTE})

    answers = trace(traced(observation=late, asked=asked), ORDERS, "cooldown")

    assert rules(answers)[-1] == "cooldown"

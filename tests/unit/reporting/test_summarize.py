"""The summary of an event: what its result says, and with which HTTP status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.decision import ActionCall, Decision, Ending, ExecutionResult, Verdict
from function.model.event import Action, Event, Outcome, UnwrappedEvent
from function.model.result import Summary, with_envelope_fields
from function.reporting import summarize
from tests.factories import NOW, ORDERS, PAYMENTS

CALL = ActionCall(Action.RESTART, {"action": "restart", "instances": [ORDERS]}, (ORDERS,))


PURGE = ActionCall(Action.PURGE_FAILED, {"action": "delete", "all_failure": "kafka"})


A, B = ORDERS, PAYMENTS


def verdict(outcome: Outcome | None, one: str = ORDERS, **fields: Any) -> Verdict:
    return Verdict(one, outcome, **fields)


def judged(
    *verdicts: Verdict, execution: ExecutionResult | None = None, **decision: Any
) -> Summary:
    given = {"action": Action.RESTART, "verdicts": verdicts, **decision}
    return summarize.decision_outcome(Decision(**given), execution or ExecutionResult())


def carried_out(*verdicts: Verdict, attempts: int = 1, **fields: Any) -> Summary:
    execution = ExecutionResult(verdicts=verdicts, attempts=attempts, **fields)
    return judged(*verdicts, execution=execution, call=CALL)


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ("accepted accepted", "accepted"),
        ("skipped skipped", "skipped"),
        ("dry_run dry_run", "dry_run"),
        ("failed failed", "failed"),
        ("unknown unknown", "unknown"),
        ("accepted skipped", "partial"),
        ("accepted failed unknown", "partial"),
        ("unknown failed skipped", "unknown"),
        ("failed dry_run skipped", "failed"),
        ("skipped failed", "failed"),
        ("dry_run skipped", "dry_run"),
    ],
)
def test_the_outcome_of_the_whole_follows_from_its_parts(outcomes: str, whole: str) -> None:
    parts = [Verdict(str(number), Outcome(one)) for number, one in enumerate(outcomes.split())]

    assert summarize.combined(parts).outcome is Outcome(whole)
    assert summarize.combined(parts[::-1]).outcome is Outcome(whole)


@given(st.lists(st.sampled_from(["cooldown", "status", None]), min_size=1, max_size=4))
def test_a_reason_stands_at_the_top_only_where_all_instances_have_it(
    reasons: list[str | None],
) -> None:
    summary = judged(*[verdict(Outcome.SKIPPED, reason=reason) for reason in reasons])

    assert summary.ending.reason == (reasons[0] if len(set(reasons)) == 1 else None)


@pytest.mark.parametrize(
    ("outcome", "retryable", "status"),
    [
        (Outcome.ACCEPTED, False, 200),
        (Outcome.SKIPPED, False, 200),
        (Outcome.UNKNOWN, False, 202),
        (Outcome.FAILED, False, 200),
        (Outcome.FAILED, True, 503),
    ],
)
def test_the_status_tells_a_sender_whether_to_send_again(
    outcome: Outcome, status: int, *, retryable: bool
) -> None:
    summary = carried_out(verdict(outcome, retryable=retryable))

    assert (summary.status, summary.ending.retryable) == (status, retryable)


def test_a_failed_event_is_retryable_when_all_that_failed_is() -> None:
    again, hopeless = verdict(Outcome.FAILED, retryable=True), verdict(Outcome.FAILED, B)
    skipped = verdict(Outcome.SKIPPED, B)

    assert carried_out(again, skipped).ending.retryable
    assert not carried_out(again, hopeless).ending.retryable
    assert not carried_out(again, verdict(Outcome.ACCEPTED, B)).ending.retryable
    assert not carried_out(again, verdict(Outcome.UNKNOWN, B)).ending.retryable


def test_one_instance_that_needs_a_person_is_enough() -> None:
    assert carried_out(
        verdict(Outcome.ACCEPTED), verdict(Outcome.SKIPPED, B, needs_human=True)
    ).ending.needs_human
    assert not carried_out(
        verdict(Outcome.ACCEPTED), verdict(Outcome.SKIPPED, B)
    ).ending.needs_human


@pytest.mark.parametrize(
    ("outcome", "reason", "retryable", "status"),
    [
        (Outcome.ACCEPTED, None, False, 200),
        (Outcome.UNKNOWN, "unclear", False, 202),
        (Outcome.FAILED, "throttled", True, 503),
        (Outcome.FAILED, "permission", False, 200),
    ],
)
def test_a_purge_that_names_no_instance_ends_as_its_call(
    outcome: Outcome, reason: str | None, status: int, *, retryable: bool
) -> None:
    hopeless = status != 503 and reason is not None
    ending = Ending(outcome, reason, retryable=retryable, needs_human=hopeless)
    execution = ExecutionResult(ending, attempts=1)
    summary = judged(action=Action.PURGE_FAILED, call=PURGE, execution=execution)

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        outcome,
        reason,
        status,
    )
    assert (summary.ending.retryable, summary.ending.needs_human) == (retryable, hopeless)
    assert summary.request == PURGE.body


def test_a_dry_purge_that_names_no_instance_would_be_sent() -> None:
    summary = judged(action=Action.PURGE_FAILED, call=PURGE, dry_run=True)

    assert (summary.ending.outcome, summary.ending.reason, summary.request) == (
        Outcome.DRY_RUN,
        "dry_run",
        PURGE.body,
    )


def test_event_without_instances_keeps_its_reason() -> None:
    summary = judged(reason="not_mapped")

    assert (summary.ending.outcome, summary.ending.reason, summary.request) == (
        Outcome.SKIPPED,
        "not_mapped",
        None,
    )


@pytest.mark.parametrize(("attempts", "body"), [(0, None), (1, CALL.body), (2, CALL.body)])
def test_the_request_is_what_was_sent_and_null_where_nothing_was(attempts: int, body: Any) -> None:
    summary = carried_out(verdict(Outcome.FAILED, retryable=True), attempts=attempts)

    assert summary.request == body


def test_the_message_says_what_happened_and_what_is_worth_knowing_besides() -> None:
    done, left = verdict(Outcome.ACCEPTED), verdict(Outcome.SKIPPED, B)
    execution = ExecutionResult(verdicts=(done, left), attempts=1)
    summary = judged(execution=execution, call=CALL, notes=("One.",), warnings=("Two.",))

    assert summary.message == "Restart of 1 of 2 instances accepted. One. Two."


@pytest.mark.parametrize("own", [None, "own"])
def test_event_id_wins_over_the_envelope_but_not_its_time(
    own: str | None,
) -> None:
    envelope = UnwrappedEvent(
        "direct", b"", (), id="m1", sent_at="2026-01-05T03:00:00Z", name="subject"
    )
    event = Event((), id=own, sent_at=None, name=own)
    summary = with_envelope_fields(event, envelope)

    assert (summary.id, summary.name, summary.sent_at) == (own or "m1", own or "subject", NOW)
    earlier = datetime(2026, 1, 5, 2, 0, tzinfo=NOW.tzinfo)
    assert with_envelope_fields(Event((), sent_at=earlier), envelope).sent_at == NOW
    assert (
        with_envelope_fields(Event((), sent_at=earlier), envelope._replace(sent_at=None)).sent_at
        == earlier
    )
    assert (
        with_envelope_fields(Event((), sent_at=earlier), envelope._replace(sent_at="noon")).sent_at
        == earlier
    )

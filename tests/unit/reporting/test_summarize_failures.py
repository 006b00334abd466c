"""Summaries of rejected, unreadable and crashed events."""

from __future__ import annotations

from typing import Any

import pytest

from function.model import errors
from function.model.cloud_state import ApiResponse
from function.model.decision import ActionCall, Decision, Verdict
from function.model.event import Action, Outcome, RawEvent, SubscriptionNotice
from function.model.result import EventContext
from function.reporting import summarize
from tests.factories import NOW, ORDERS, PAYMENTS, screened

RECEIVED = RawEvent("direct", b"{}", NOW)


CALL = ActionCall(Action.RESTART, {"action": "restart", "instances": [ORDERS]}, (ORDERS,))


PURGE = ActionCall(Action.PURGE_FAILED, {"action": "delete", "all_failure": "kafka"})


A, B = ORDERS, PAYMENTS


def verdict(outcome: Outcome | None, one: str = ORDERS, **fields: Any) -> Verdict:
    return Verdict(one, outcome, **fields)


def test_a_rejected_event_gets_the_status_and_the_reason_of_its_rejection() -> None:
    summary = summarize.rejection(errors.TooMany("11 are more than 10"))

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.REJECTED,
        "too_many",
        403,
    )
    assert not summary.ending.needs_human
    assert summarize.rejection(errors.TooMany("11 are more than 10", alarm=True)).ending.needs_human
    assert summary.message == "Rejected: 11 are more than 10."
    assert not summary.ending.needs_human


@pytest.mark.parametrize(
    ("reason", "needs_human"),
    [("subscription_confirmation", False), ("unsubscribe_confirmation", True)],
)
def test_only_a_lost_subscription_needs_a_person(reason: str, *, needs_human: bool) -> None:
    summary = summarize.notice(SubscriptionNotice(reason))

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.SKIPPED,
        reason,
        200,
    )
    assert summary.ending.needs_human == needs_human


def reply(status: int | None, code: str | None = None, skew: int | None = None) -> ApiResponse:
    document = {"error_code": code} if code else None
    return ApiResponse(
        possibly_sent=True, status=status, document=document, clock_skew_seconds=skew
    )


def test_malformed_state_needs_a_person_and_no_retry() -> None:
    problem = errors.StateUnreadable("an instance in the answer has odd tags")
    summary = summarize.unreadable_state(screened(ORDERS), problem)

    assert (summary.ending.retryable, summary.status, summary.ending.needs_human) == (
        False,
        200,
        True,
    )


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (None, True),
        (reply(None), True),
        (reply(200), True),
        (reply(204), True),
        (reply(302), False),
        (reply(300), False),
        (reply(400), False),
        (reply(401), False),
        (reply(401, "APIGW.0307"), False),
        (reply(401, "APIGW.0303"), True),
        (reply(401, "APIGW.0301", skew=1000), True),
        (reply(403), False),
        (reply(404), False),
        (reply(404, "DMS.10240407"), True),
        (reply(408), True),
        (reply(429), True),
        (reply(499), False),
        (reply(500), True),
        (reply(503), True),
    ],
)
def test_transient_read_failure_is_retryable(
    answer: ApiResponse | None, *, retryable: bool
) -> None:
    problem = errors.StateUnreadable("the cloud answered", response=answer, transient=True)
    skipped = Verdict(B, Outcome.SKIPPED, "not_firing")
    summary = summarize.unreadable_state(screened(ORDERS, verdicts=(skipped,)), problem)

    assert (summary.ending.outcome, summary.ending.reason, summary.ending.retryable) == (
        Outcome.FAILED,
        None,
        retryable,
    )
    assert summary.status == (503 if retryable else 200)
    assert summary.ending.needs_human == (not retryable)
    assert summary.verdicts == (
        skipped,
        Verdict(
            ORDERS,
            Outcome.FAILED,
            "state_unreadable",
            needs_human=not retryable,
            retryable=retryable,
        ),
    )
    assert summary.message.endswith("so nothing was sent. The cloud answered.")
    assert summary.response == answer


def test_a_state_that_is_unreadable_for_a_purge_names_no_instance() -> None:
    purge = screened(action=Action.PURGE_FAILED, targets=())
    summary = summarize.unreadable_state(purge, errors.StateUnreadable("no"))

    assert (summary.ending.reason, summary.verdicts) == ("state_unreadable", ())
    assert summary.message.startswith("Purge of failed creations failed: the live state")


def test_an_event_that_finds_its_instance_held_may_come_again() -> None:
    summary = summarize.busy(screened())

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.FAILED,
        "busy",
        503,
    )
    assert (summary.ending.retryable, summary.ending.needs_human) == (True, False)
    assert summary.message == ("Restart of 1 instance failed: another operation is going on.")


def test_wrong_settings_are_named_and_need_a_person() -> None:
    summary = summarize.invalid_settings(("A: is missing", "B: is wrong"))

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.FAILED,
        "settings",
        500,
    )
    assert summary.message.endswith("A: is missing B: is wrong")
    assert (summary.ending.retryable, summary.ending.needs_human) == (False, True)


@pytest.mark.parametrize(
    ("decision", "attempts"),
    [
        (None, 0),
        (None, 1),
        (Decision(Action.RESTART), 1),
        (Decision(Action.RESTART, (verdict(None),), CALL), 0),
    ],
)
def test_exception_before_the_call_is_failed(decision: Decision | None, attempts: int) -> None:
    context = EventContext(RECEIVED, "0" * 32, authenticated=True, decision=decision)
    summary = summarize.crash(context, attempts)

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.FAILED,
        "internal",
        500,
    )
    assert (summary.ending.needs_human, summary.request) == (True, None)


def test_exception_after_the_call_is_unknown() -> None:
    skipped = verdict(Outcome.SKIPPED, B, reason="status")
    decision = Decision(Action.RESTART, (verdict(None), skipped), CALL)
    context = EventContext(RECEIVED, "0" * 32, authenticated=True, decision=decision)
    summary = summarize.crash(context, 1)

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.UNKNOWN,
        None,
        202,
    )
    assert summary.verdicts == (
        verdict(Outcome.UNKNOWN, reason="internal", needs_human=True),
        skipped,
    )
    assert (summary.request, summary.attempts, summary.ending.needs_human) == (CALL.body, 1, True)
    assert summary.message.startswith("It may have been sent")


def test_exception_after_a_purge_is_unknown() -> None:
    decision = Decision(Action.PURGE_FAILED, (), PURGE)
    summary = summarize.crash(EventContext(RECEIVED, "0" * 32, decision=decision), 1)

    assert (summary.ending.outcome, summary.ending.reason, summary.status) == (
        Outcome.UNKNOWN,
        "internal",
        202,
    )

"""Summarize the outcome of an event, at whichever step it ended, for its result event (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.cloud_state import ApiResponse
from ..model.decision import Decision, ExecutionResult, ScreenedEvent, Verdict
from ..model.errors import EventRejected, StateUnreadable
from ..model.event import Action, Outcome, SubscriptionNotice
from ..model.result import EventContext, Summary
from . import messages

# The outcome that most needs attention first: unknown hides nothing that was done.
PRECEDENCE = (Outcome.UNKNOWN, Outcome.FAILED, Outcome.DRY_RUN, Outcome.SKIPPED)


def combined_outcome(verdicts: Sequence[Verdict]) -> Outcome:
    """Return the outcome of an event by those of its instances, of which there is at least one.

    >>> combined_outcome([Verdict("a", Outcome.ACCEPTED), Verdict("b", Outcome.SKIPPED)])
    <Outcome.PARTIAL: 'partial'>
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    if Outcome.ACCEPTED in outcomes:
        return Outcome.PARTIAL if len(outcomes) > 1 else Outcome.ACCEPTED
    return next(outcome for outcome in PRECEDENCE if outcome in outcomes)


def common_reason(verdicts: Sequence[Verdict]) -> str | None:
    """Return the reason that holds for all instances, or None."""
    reasons = {verdict.reason for verdict in verdicts}
    return reasons.pop() if len(reasons) == 1 else None


def _status(outcome: Outcome, *, retryable: bool) -> int:
    if outcome is Outcome.UNKNOWN:
        return 202
    return 503 if outcome is Outcome.FAILED and retryable else 200


def _message(action: Action, summary: Summary, notes: Sequence[str | None]) -> str:
    done = sum(verdict.outcome is Outcome.ACCEPTED for verdict in summary.verdicts)
    first = messages.headline(
        action, summary.outcome, summary.reason, done=done, total=len(summary.verdicts)
    )
    return " ".join([first, *(note for note in notes if note)])


def _without_instances(
    decision: Decision, execution: ExecutionResult
) -> tuple[Outcome, str | None]:
    """Return outcome and reason of an event that names no instance."""
    if execution.outcome is not None:
        return execution.outcome, execution.reason
    if decision.call is not None:
        return Outcome.DRY_RUN, "dry_run"
    return Outcome.SKIPPED, decision.reason


def _sentence(problem: str) -> str:
    return f"{problem[0].upper()}{problem[1:]}."


def _failure_text(outcome: Outcome, execution: ExecutionResult) -> str | None:
    """Say what stood in the way of an answer, unless reading has settled what it was about."""
    response = execution.response
    if response is None or not response.problem:
        return None
    if response.timed_out and execution.attempts:
        return messages.LATE
    settled = outcome not in {Outcome.FAILED, Outcome.UNKNOWN}
    return None if settled else _sentence(response.problem)


def decision_outcome(decision: Decision, execution: ExecutionResult) -> Summary:
    """Say what was decided and done."""
    verdicts = execution.verdicts or decision.verdicts
    outcome, reason = _without_instances(decision, execution)
    if verdicts:
        outcome, reason = combined_outcome(verdicts), common_reason(verdicts)
    sent = execution.attempts > 0
    failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAILED]
    retryable = outcome is Outcome.FAILED and (
        all(verdict.retryable for verdict in failed) if verdicts else execution.retryable
    )
    summary = Summary(
        outcome=outcome,
        reason=reason,
        message="",
        status=_status(outcome, retryable=retryable),
        verdicts=verdicts,
        request=decision.call.body if decision.call and (decision.dry_run or sent) else None,
        response=execution.response,
        attempts=execution.attempts,
        retryable=retryable,
        needs_human=decision.needs_human
        or any(verdict.needs_human for verdict in verdicts)
        or (not verdicts and execution.needs_human),
    )
    notes = [_failure_text(outcome, execution), *decision.notes, *decision.warnings]
    return summary._replace(message=_message(decision.action, summary, notes))


def rejection(refusal: EventRejected) -> Summary:
    """Say why an event is rejected."""
    message = f"Rejected: {refusal}."
    return Summary(
        Outcome.REJECTED,
        refusal.reason,
        message,
        refusal.status,
        needs_human=refusal.needs_human,
    )


def notice(notice: SubscriptionNotice) -> Summary:
    """Say what a message about the subscription itself means."""
    message = messages.DEAD_LINK
    if not notice.expired:
        message = f"Skipped{messages.reason_suffix(notice.reason)}."
    lost = notice.reason == "unsubscribe_confirmation"
    return Summary(Outcome.SKIPPED, notice.reason, message, 200, needs_human=lost)


def _failed(
    screened: ScreenedEvent, reason: str, *, retryable: bool, needs_human: bool
) -> tuple[Verdict, ...]:
    targets = (
        Verdict(target, Outcome.FAILED, reason, retryable=retryable, needs_human=needs_human)
        for target in screened.targets
    )
    return (*screened.verdicts, *targets)


def _of_failure(
    screened: ScreenedEvent,
    reason: str,
    *,
    detail: str,
    retryable: bool,
    response: ApiResponse | None = None,
) -> Summary:
    needs_human = not retryable or (response is not None and response.lasting)
    verdicts = _failed(screened, reason, retryable=retryable, needs_human=needs_human)
    summary = Summary(
        Outcome.FAILED,
        common_reason(verdicts) if verdicts else reason,
        "",
        _status(Outcome.FAILED, retryable=retryable),
        verdicts=verdicts,
        response=response,
        retryable=retryable,
        needs_human=needs_human,
    )
    # The message names this failure, also where some instances were skipped for other reasons.
    message = _message(screened.action, summary._replace(reason=reason), [detail, *screened.notes])
    return summary._replace(message=message)


def unreadable_state(screened: ScreenedEvent, problem: StateUnreadable) -> Summary:
    """Say what stood in the way of reading the live state; nothing was sent."""
    return _of_failure(
        screened,
        "state_unreadable",
        detail=_sentence(str(problem)),
        retryable=problem.retryable,
        response=problem.response,
    )


def busy(screened: ScreenedEvent) -> Summary:
    """Say that another event holds an instance; nothing was sent."""
    return _of_failure(screened, "busy", detail="", retryable=True)


def unreadable_ledger(screened: ScreenedEvent) -> Summary:
    """Say that the ledger could not be read or claimed; nothing was sent."""
    return _of_failure(screened, "ledger_unreadable", detail="", retryable=True)


def verification(
    verdicts: Sequence[Verdict],
    *,
    notes: Sequence[str] = (),
    listed: int,
    response: ApiResponse | None = None,
) -> Summary:
    """Summarize a verification; `listed` is how many instances the project has.

    The status is 200 also where it failed: a sender that repeats it would only read the same.
    """
    failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAILED]
    outcome = Outcome.FAILED if failed else Outcome.PASSED
    reason = common_reason(verdicts)
    judged = len(failed) or len(verdicts)  # those that passed do not belong to "failed"
    return Summary(
        outcome,
        reason,
        messages.verification(outcome, reason, judged, listed, notes),
        200,
        verdicts=tuple(verdicts),
        response=response,
        retryable=bool(failed) and all(verdict.retryable for verdict in failed),
        needs_human=any(verdict.needs_human for verdict in failed),
    )


def invalid_settings(problems: Sequence[str]) -> Summary:
    """Say what is wrong with the settings; nothing was done."""
    message = " ".join(["The settings are wrong, so nothing was done.", *problems])
    return Summary(Outcome.FAILED, "settings", message, 500, needs_human=True)


def crash(context: EventContext, attempts: int) -> Summary:
    """Say that the function itself broke, and whether the call may have been sent by then."""
    decision = context.decision
    if attempts == 0 or decision is None or decision.call is None:
        message = f"Failed{messages.reason_suffix('internal')}."
        return Summary(Outcome.FAILED, "internal", message, 500, needs_human=True)
    verdicts = tuple(
        verdict._replace(outcome=Outcome.UNKNOWN, reason="internal", needs_human=True)
        if verdict.outcome is None
        else verdict
        for verdict in decision.verdicts
    )
    return Summary(
        combined_outcome(verdicts) if verdicts else Outcome.UNKNOWN,
        common_reason(verdicts) if verdicts else "internal",
        "It may have been sent: the function broke after sending it.",
        202,
        verdicts=verdicts,
        request=decision.call.body,
        attempts=attempts,
        needs_human=True,
    )

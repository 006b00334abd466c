"""Summarize the outcome of an event, at whichever step it ended, for its result event (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.cloud_state import ApiResponse
from ..model.decision import Decision, Ending, ExecutionResult, ScreenedEvent, Verdict
from ..model.errors import EventRejected, StateUnreadable
from ..model.event import Action, Outcome, SubscriptionNotice
from ..model.result import EventContext, Summary
from . import messages

# The outcome that most needs attention first: unknown hides nothing that was done. One that is
# accepted beside any other makes the event partial.
PRECEDENCE = (
    Outcome.UNKNOWN,
    Outcome.FAILED,
    Outcome.ACCEPTED,
    Outcome.DRY_RUN,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


def combined(endings: Sequence[Verdict | Ending]) -> Ending:
    """Return the ending of an event by those of its instances, of which there is at least one.

    >>> combined([Ending(Outcome.ACCEPTED), Ending(Outcome.SKIPPED, "cooldown")]).outcome
    <Outcome.PARTIAL: 'partial'>
    >>> combined([Ending(Outcome.FAILED, "busy", retryable=True), Ending(Outcome.SKIPPED, "busy")])
    Ending(outcome=<Outcome.FAILED: 'failed'>, reason='busy', retryable=True, needs_human=False)
    """
    outcomes = {ending.outcome for ending in endings}
    reasons = {ending.reason for ending in endings}
    outcome = next(outcome for outcome in PRECEDENCE if outcome in outcomes)
    if Outcome.ACCEPTED in outcomes and len(outcomes) > 1:
        outcome = Outcome.PARTIAL
    failed = [ending for ending in endings if ending.outcome is Outcome.FAILED]
    return Ending(
        outcome,
        reasons.pop() if len(reasons) == 1 else None,
        retryable=outcome is Outcome.FAILED and all(ending.retryable for ending in failed),
        needs_human=any(ending.needs_human for ending in endings),
    )


def _status(ending: Ending) -> int:
    # Senders repeat a 5xx and stop at any 2xx: what may have been done is not sent again.
    if ending.outcome is Outcome.UNKNOWN:
        return 202
    return 503 if ending.retryable else 200


def _message(
    action: Action, ending: Ending, verdicts: Sequence[Verdict], notes: Sequence[str | None]
) -> str:
    done = sum(verdict.outcome is Outcome.ACCEPTED for verdict in verdicts)
    first = messages.headline(action, ending.outcome, ending.reason, done=done, total=len(verdicts))
    return " ".join([first, *(note for note in notes if note)])


def _without_instances(decision: Decision, execution: ExecutionResult) -> Ending:
    """Return the ending of an event that names no instance."""
    if execution.ending is not None:
        return execution.ending
    if decision.call is not None:
        return Ending(Outcome.DRY_RUN, "dry_run")
    return Ending(Outcome.SKIPPED, decision.reason)


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
    ending = combined(verdicts or [_without_instances(decision, execution)])
    sent = execution.attempts > 0
    notes = [_failure_text(ending.outcome, execution), *decision.notes, *decision.warnings]
    return Summary(
        ending._replace(needs_human=ending.needs_human or decision.needs_human),
        message=_message(decision.action, ending, verdicts, notes),
        status=_status(ending),
        verdicts=verdicts,
        request=decision.call.body if decision.call and (decision.dry_run or sent) else None,
        response=execution.response,
        attempts=execution.attempts,
    )


def rejection(refusal: EventRejected) -> Summary:
    """Say why an event is rejected."""
    ending = Ending(Outcome.REJECTED, refusal.reason, needs_human=refusal.needs_human)
    return Summary(ending, f"Rejected: {refusal}.", refusal.status)


def notice(notice: SubscriptionNotice) -> Summary:
    """Say what a message about the subscription itself means."""
    message = messages.DEAD_LINK
    if not notice.expired:
        message = f"Skipped{messages.reason_suffix(notice.reason)}."
    lost = notice.reason == "unsubscribe_confirmation"
    return Summary(Ending(Outcome.SKIPPED, notice.reason, needs_human=lost), message, 200)


def _of_failure(
    screened: ScreenedEvent,
    failure: Ending,
    *,
    detail: str | None = None,
    response: ApiResponse | None = None,
) -> Summary:
    """Summarize a failure that kept all targets from being decided."""
    targets = (Verdict(target).ended(failure) for target in screened.targets)
    verdicts = (*screened.verdicts, *targets)
    ending = combined(verdicts or [failure])
    # The message names this failure, also where some instances were skipped for other reasons.
    message = _message(screened.action, failure, verdicts, [detail, *screened.notes])
    return Summary(ending, message, _status(ending), verdicts=verdicts, response=response)


def unreadable_state(screened: ScreenedEvent, problem: StateUnreadable) -> Summary:
    """Say what stood in the way of reading the live state; nothing was sent."""
    detail = _sentence(str(problem))
    return _of_failure(screened, problem.ending, detail=detail, response=problem.response)


def busy(screened: ScreenedEvent) -> Summary:
    """Say that another event holds an instance; nothing was sent."""
    return _of_failure(screened, Ending(Outcome.FAILED, "busy", retryable=True))


def unreadable_ledger(screened: ScreenedEvent) -> Summary:
    """Say that the ledger could not be read or claimed; nothing was sent."""
    return _of_failure(screened, Ending(Outcome.FAILED, "ledger_unreadable", retryable=True))


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
    ending = combined(verdicts or [Ending(Outcome.PASSED)])
    failed = sum(verdict.outcome is Outcome.FAILED for verdict in verdicts)
    judged = failed or len(verdicts)  # those that passed do not belong to "failed"
    message = messages.verification(ending.outcome, ending.reason, judged, listed, notes)
    return Summary(ending, message, 200, verdicts=tuple(verdicts), response=response)


def invalid_settings(problems: Sequence[str]) -> Summary:
    """Say what is wrong with the settings; nothing was done."""
    message = " ".join(["The settings are wrong, so nothing was done.", *problems])
    return Summary(Ending(Outcome.FAILED, "settings", needs_human=True), message, 500)


def crash(context: EventContext, attempts: int) -> Summary:
    """Say that the function itself broke, and whether the call may have been sent by then."""
    decision = context.decision
    # No attempt means that not one byte of a call was written.
    if attempts == 0 or decision is None or decision.call is None:
        message = f"Failed{messages.reason_suffix('internal')}."
        return Summary(Ending(Outcome.FAILED, "internal", needs_human=True), message, 500)
    unknown = Ending(Outcome.UNKNOWN, "internal", needs_human=True)
    verdicts = tuple(
        verdict.ended(unknown) if verdict.outcome is None else verdict
        for verdict in decision.verdicts
    )
    return Summary(
        combined(verdicts or [unknown]),
        "It may have been sent: the function broke after sending it.",
        202,
        verdicts=verdicts,
        request=decision.call.body,
        attempts=attempts,
    )

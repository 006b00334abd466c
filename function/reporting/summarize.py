"""Findings: what the result is to say of an event, however far the event came (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.cloud_state import ApiReply
from ..model.decision import Decision, Execution, Screened, Verdict
from ..model.errors import Refused, StateUnreadable
from ..model.event import Action, Notice, Outcome
from ..model.result import Findings, Trail
from ..policy.call_result import THROTTLED_CODES
from . import messages

PRECEDENCE = (Outcome.UNKNOWN, Outcome.FAILED, Outcome.DRY_RUN, Outcome.SKIPPED)
PASSING_STATUSES = frozenset({408, 429})


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Return the outcome of a whole that has these parts; there is at least one.

    >>> overall([Verdict("a", Outcome.ACCEPTED), Verdict("b", Outcome.SKIPPED)])
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


def _message(action: Action, found: Findings, notes: Sequence[str | None]) -> str:
    done = sum(verdict.outcome is Outcome.ACCEPTED for verdict in found.verdicts)
    first = messages.sentence(
        action, found.outcome, found.reason, done=done, of=len(found.verdicts)
    )
    return " ".join([first, *(note for note in notes if note)])


def _alone(decision: Decision, execution: Execution) -> tuple[Outcome, str | None]:
    """Return outcome and reason of an event that names no instance."""
    if execution.outcome is not None:
        return execution.outcome, execution.reason
    if decision.call is not None:
        return Outcome.DRY_RUN, "dry_run"
    return Outcome.SKIPPED, decision.reason


def of_judgement(trail: Trail, decision: Decision, execution: Execution) -> Findings:
    """Say what was decided and done."""
    verdicts = execution.verdicts or decision.verdicts
    alone, reason = _alone(decision, execution)
    outcome = overall(verdicts) if verdicts else alone
    sent = execution.attempts > 0
    failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAILED]
    retryable = outcome is Outcome.FAILED and (
        all(verdict.retryable for verdict in failed) if verdicts else execution.retryable
    )
    found = Findings(
        outcome=outcome,
        reason=common_reason(verdicts) if verdicts else reason,
        message="",
        status=_status(outcome, retryable=retryable),
        verdicts=verdicts,
        request=decision.call.body if decision.call and (decision.dry_run or sent) else None,
        reply=execution.reply,
        attempts=execution.attempts,
        retryable=retryable,
        needs_human=any(one.needs_human for one in verdicts)
        or (not verdicts and execution.needs_human),
    )
    note = trail.event.note if trail.event else None
    late = messages.LATE if execution.reply and execution.reply.late and sent else None
    notes = [late, note, *decision.notes, *decision.warnings]
    return found._replace(message=_message(decision.action, found, notes))


def of_refusal(refusal: Refused) -> Findings:
    """Say why an event is turned away."""
    message = f"Rejected: {refusal}."
    return Findings(
        Outcome.REJECTED,
        refusal.reason,
        message,
        refusal.status,
        needs_human=refusal.needs_human,
    )


def of_notice(notice: Notice) -> Findings:
    """Say what a message about the subscription itself means."""
    message = f"Skipped{messages.because(notice.reason)}."
    lost = notice.reason == "unsubscribe_confirmation"
    return Findings(Outcome.SKIPPED, notice.reason, message, 200, needs_human=lost)


def _failed(screened: Screened, reason: str, *, retryable: bool) -> tuple[Verdict, ...]:
    targets = (
        Verdict(target, Outcome.FAILED, reason, retryable=retryable, needs_human=not retryable)
        for target in screened.targets
    )
    return (*screened.verdicts, *targets)


def _of_failure(
    screened: Screened, reason: str, *, detail: str, retryable: bool, reply: ApiReply | None = None
) -> Findings:
    verdicts = _failed(screened, reason, retryable=retryable)
    found = Findings(
        Outcome.FAILED,
        common_reason(verdicts) if verdicts else reason,
        "",
        _status(Outcome.FAILED, retryable=retryable),
        verdicts=verdicts,
        reply=reply,
        retryable=retryable,
        needs_human=not retryable,
    )
    said = found._replace(reason=reason)
    return found._replace(message=_message(screened.action, said, [detail]))


def _passes(reply: ApiReply) -> bool:
    """Tell whether what stood in the way of a read may be gone the next time."""
    if reply.skewed or reply.error_code in THROTTLED_CODES or reply.status in PASSING_STATUSES:
        return True
    return not 300 <= (reply.status or 0) < 500


def of_unreadable(screened: Screened, problem: StateUnreadable) -> Findings:
    """Say what stood in the way of reading the live state; nothing was sent."""
    retryable = problem.passing if problem.reply is None else _passes(problem.reply)
    detail = f"{str(problem)[0].upper()}{str(problem)[1:]}."
    return _of_failure(
        screened, "state_unreadable", detail=detail, retryable=retryable, reply=problem.reply
    )


def of_busy(screened: Screened) -> Findings:
    """Say that another event holds an instance; nothing was sent."""
    return _of_failure(screened, "busy", detail="", retryable=True)


def of_settings(problems: Sequence[str]) -> Findings:
    """Say what is wrong with the settings; nothing was done."""
    message = " ".join(["The settings are wrong, so nothing was done.", *problems])
    return Findings(Outcome.FAILED, "settings", message, 500, needs_human=True)


def of_defect(trail: Trail, attempts: int) -> Findings:
    """Say that the function itself broke, and whether the call may have been sent by then."""
    decision = trail.decision
    if attempts == 0 or decision is None or decision.call is None:
        message = f"Failed{messages.because('internal')}."
        return Findings(Outcome.FAILED, "internal", message, 500, needs_human=True)
    verdicts = tuple(
        one._replace(outcome=Outcome.UNKNOWN, reason="internal", needs_human=True)
        if one.outcome is None
        else one
        for one in decision.verdicts
    )
    found = Findings(
        overall(verdicts) if verdicts else Outcome.UNKNOWN,
        common_reason(verdicts) if verdicts else "internal",
        "",
        202,
        verdicts=verdicts,
        request=decision.call.body,
        attempts=attempts,
        needs_human=True,
    )
    return found._replace(message="It may have been sent: the function broke after sending it.")

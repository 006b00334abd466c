"""Summarize a check for its result event: the single checks, and whether one failed (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..model.check import Check, CheckStatus
from ..model.cloud_state import ApiResponse
from ..model.decision import ActionCall, Ending
from ..model.event import Outcome
from ..model.result import Summary


def headline(counts: Mapping[str, int], failed: Sequence[Check]) -> str:
    """Return the headline: what failed and how to fix it, or the counts.

    >>> headline({"pass": 9, "unproven": 3}, [])
    'Check passed. Results: 9 pass, 3 unproven.'
    """
    if not failed:
        listed = ", ".join(f"{number} {word}" for word, number in counts.items())
        return f"Check passed. Results: {listed}."
    parts = [f"{check.name}: {check.detail} {check.fix or ''}".rstrip() for check in failed]
    return f"Check failed. {' '.join(parts)}"


def checked(
    checks: Sequence[Check],
    *,
    probe: ActionCall | None,
    response: ApiResponse | None,
    attempts: int,
) -> Summary:
    """Return the summary of a check; `response` is the answer to the call `probe`."""
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    statuses = Counter(check.status for check in checks)
    counts = {status.value: statuses[status] for status in CheckStatus if statuses[status]}
    return Summary(
        Ending(Outcome.FAILED if failed else Outcome.PASSED, needs_human=bool(failed)),
        headline(counts, failed),
        # A schedule or an operator asked: to send it again would only check again.
        200,
        request=probe.body if probe is not None and attempts else None,
        response=response,
        attempts=attempts,
        checks=tuple(checks),
    )

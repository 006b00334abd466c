"""What the result is to say of a check: its findings, and whether one of them has failed (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..model.check import Check, CheckStatus
from ..model.cloud_state import ApiResponse
from ..model.decision import ActionCall
from ..model.event import Outcome
from ..model.result import Summary


def headline(counts: Mapping[str, int], failed: Sequence[Check]) -> str:
    """Return what a check has come to: what failed and how to mend it, or the counts.

    >>> headline({"pass": 9, "unproven": 3}, [])
    'Check passed. Findings: 9 pass, 3 unproven.'
    """
    if not failed:
        found = ", ".join(f"{number} {word}" for word, number in counts.items())
        return f"Check passed. Findings: {found}."
    parts = [f"{one.name}: {one.detail} {one.fix or ''}".rstrip() for one in failed]
    return f"Check failed. {' '.join(parts)}"


def checked(
    findings: Sequence[Check],
    *,
    probe: ActionCall | None,
    response: ApiResponse | None,
    attempts: int,
) -> Summary:
    """Say what a check has found; `probe` is the call it has sent, `response` what came back."""
    failed = [one for one in findings if one.status is CheckStatus.FAIL]
    statuses = Counter(one.status for one in findings)
    counts = {status.value: statuses[status] for status in CheckStatus if statuses[status]}
    return Summary(
        Outcome.FAILED if failed else Outcome.PASSED,
        None,
        headline(counts, failed),
        200,
        request=probe.body if probe is not None and attempts else None,
        response=response,
        attempts=attempts,
        needs_human=bool(failed),
        checks=tuple(findings),
    )

"""Simulated recoveries, and broken versions of the policy that the simulation must notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from function.model.event import Outcome
from function.policy import follow_up, verify
from function.policy.follow_up import Assessment, EndedAlarm

from . import recovery

pytestmark = pytest.mark.slow

SEEDS = range(1, 7)


@pytest.fixture(scope="module")
def runs() -> recovery.Verdicts:
    """Run some seeds; `python -m tests.simulation.recovery --runs 1000` runs many."""
    total = recovery.Verdicts()
    for seed in SEEDS:
        verdicts = recovery.run_seed(seed)
        total.problems += verdicts.problems
        total.statements += verdicts.statements
    return total


@pytest.mark.timeout(300)
def test_no_false_recovery_and_every_ineffective_restart_is_reported(
    runs: recovery.Verdicts,
) -> None:
    assert runs.problems == []


@pytest.mark.timeout(300)
def test_runs_cover_every_statement(runs: recovery.Verdicts) -> None:
    assert runs.statements.keys() >= {
        "restart None",
        "restart recovered",
        "restart not_recovered",
        "restart not_firing",
        "verify recovered",
        "verify restarting",
        "verify hanging",
        "verify not_recovered",
        "verify status",
    }


def _credulous(judge: Callable[..., Assessment]) -> Callable[..., Assessment]:
    """Report every ended alarm as a recovery."""

    def judged(state: Any, alarm: EndedAlarm, limits: Any, now: Any) -> Assessment:
        followed = judge(state, alarm, limits, now)
        believed = followed.verdict._replace(reason="recovered", needs_human=False)
        return followed._replace(verdict=believed)

    return judged


def _hasty(judge: Callable[..., Assessment]) -> Callable[..., Assessment]:
    """Accept any restart of the day as the one that helped."""
    return lambda state, _, limits, now: judge(state, EndedAlarm(), limits, now)


def _silent(judge: Callable[..., Assessment]) -> Callable[..., Assessment]:
    """Never call a person."""

    def judged(*arguments: Any) -> Assessment:
        finding = judge(*arguments)
        return finding._replace(verdict=finding.verdict._replace(needs_human=False))

    return judged


def _forgiving(judge: Callable[..., Assessment]) -> Callable[..., Assessment]:
    """Report every finished restart as a recovery."""

    def judged(*arguments: Any) -> Assessment:
        finding = judge(*arguments)
        if finding.verdict.reason != "not_recovered":
            return finding
        verdict = finding.verdict._replace(
            outcome=Outcome.PASSED, reason="status", needs_human=False
        )
        return finding._replace(verdict=verdict)

    return judged


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("module", "broken", "noticed"),
    [
        (follow_up, _credulous, "false recovered"),
        (follow_up, _hasty, "false recovered"),
        (verify, _silent, "called no person"),
        (verify, _forgiving, "verify said status, not not_recovered"),
    ],
    ids=["credulous", "hasty", "silent", "forgiving"],
)
def test_broken_policy_is_noticed(
    monkeypatch: pytest.MonkeyPatch, module: Any, broken: Any, noticed: str
) -> None:
    monkeypatch.setattr(module, "judge", broken(module.judge))

    problems = [problem for seed in SEEDS for problem in recovery.run_seed(seed).problems]

    assert any(noticed in problem for problem in problems)

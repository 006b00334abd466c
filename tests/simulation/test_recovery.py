"""Nights that judge the judge, and judges that must not pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from function.model.event import Outcome
from function.policy import follow_up, verify
from function.policy.follow_up import EndedAlarm, FollowUp
from function.policy.verify import Finding

from . import recovery

SEEDS = range(1, 7)


@pytest.fixture(scope="module")
def nights() -> recovery.Verdicts:
    """Play some nights; `python -m tests.simulation.recovery --nights 1000` plays many."""
    total = recovery.Verdicts()
    for seed in SEEDS:
        verdicts = recovery.play(seed)
        total.problems += verdicts.problems
        total.said += verdicts.said
    return total


@pytest.mark.timeout(300)
def test_no_recovery_is_false_and_every_useless_restart_is_named(nights: recovery.Verdicts) -> None:
    assert nights.problems == []


@pytest.mark.timeout(300)
def test_the_nights_have_all_that_can_be_said(nights: recovery.Verdicts) -> None:
    assert nights.said.keys() >= {
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


def _credulous(judge: Callable[..., FollowUp]) -> Callable[..., FollowUp]:
    """Take the end of the alarm for a recovery."""

    def judged(state: Any, alarm: EndedAlarm, limits: Any, now: Any) -> FollowUp:
        followed = judge(state, alarm, limits, now)
        believed = followed.verdict._replace(reason="recovered", needs_human=False)
        return followed._replace(verdict=believed)

    return judged


def _hasty(judge: Callable[..., FollowUp]) -> Callable[..., FollowUp]:
    """Take any restart of the day for the one that helped."""
    return lambda state, _, limits, now: judge(state, EndedAlarm(), limits, now)


def _silent(judge: Callable[..., Finding]) -> Callable[..., Finding]:
    """Never call a person."""

    def judged(*arguments: Any) -> Finding:
        finding = judge(*arguments)
        return finding._replace(verdict=finding.verdict._replace(needs_human=False))

    return judged


def _forgiving(judge: Callable[..., Finding]) -> Callable[..., Finding]:
    """Take every restart that is over for one that helped."""

    def judged(*arguments: Any) -> Finding:
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
        (verify, _silent, "called nobody"),
        (verify, _forgiving, "verify said status, not not_recovered"),
    ],
    ids=["credulous", "hasty", "silent", "forgiving"],
)
def test_a_judge_that_says_too_much_or_too_little_is_noticed(
    monkeypatch: pytest.MonkeyPatch, module: Any, broken: Any, noticed: str
) -> None:
    monkeypatch.setattr(module, "judge", broken(module.judge))

    problems = [problem for seed in SEEDS for problem in recovery.play(seed).problems]

    assert any(noticed in problem for problem in problems)

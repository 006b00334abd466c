"""All invariants hold in all runs, and broken variants are noticed."""

from collections.abc import Mapping

import pytest

from .plan import Plan
from .runs import run_seeds
from .tally import Tally, line, total

pytestmark = pytest.mark.slow

THREADS = [Plan(seed, events=240) for seed in range(1, 7)]
PROCESSES = [Plan(seed, events=160, processes=3) for seed in (7, 8)]
SHARING = [Plan(seed, events=160, processes=3, ledger=True) for seed in (7, 8, 9)]
# What is taken out, the invariant that must notice, and a seed whose run shows it.
BROKEN = {
    Plan(4, 160, broken="without_ledger", lag=30.0): "no_restart_within_the_cooldown",
    Plan(5, 160, broken="without_ledger", lag=30.0): "alarms_restart_few_at_once",
    Plan(8, 160, broken="without_cooldown", lag=0.2): "no_restart_within_the_cooldown",
}
Tallies = Mapping[Plan, Tally]


@pytest.fixture(scope="module")
def tallies() -> Tallies:
    """Play all the runs at once, for most of a run is waiting."""
    return dict(run_seeds([*BROKEN, *THREADS, *PROCESSES, *SHARING], at_once=8))


@pytest.mark.parametrize("plan", THREADS, ids=str)
def test_every_invariant_holds_among_the_threads_of_a_process(plan: Plan, tallies: Tallies) -> None:
    assert tallies[plan].violations == ()


@pytest.mark.parametrize("plan", PROCESSES, ids=str)
def test_every_invariant_but_for_counted_doubles_holds_among_processes(
    plan: Plan, tallies: Tallies
) -> None:
    assert tallies[plan].violations == ()


@pytest.mark.parametrize("plan", SHARING, ids=str)
def test_copies_that_share_a_ledger_double_nothing(plan: Plan, tallies: Tallies) -> None:
    assert tallies[plan].violations == ()
    assert tallies[plan].doubles == 0


def test_the_runs_are_full_of_alarms_and_of_restarts(tallies: Tallies) -> None:
    played = [tallies[plan] for plan in (*THREADS, *PROCESSES, *SHARING)]

    outcomes = {outcome for tally in played for outcome, _ in tally.results}
    reasons = {reason for tally in played for _, reason in tally.results}
    assert sum(tally.deliveries for tally in played) >= 1500
    assert sum(tally.effects["restart"] for tally in played) >= 30
    assert all(sum(tally.effects[action] for tally in played) for action in ("delete", "purge"))
    assert outcomes >= {"accepted", "partial", "failed", "unknown", "skipped", "rejected"}
    assert reasons >= {"already_answered", "already_restarting", "cooldown", "storm", "busy"}
    assert {sender for tally in played for sender in tally.senders} == {
        *("alertmanager", "cloudevents", "direct", "grafana"),
        *("schedule", "smn", "smn trigger", "timer"),
    }


@pytest.mark.parametrize(("plan", "invariant"), BROKEN.items(), ids=str)
def test_a_copy_without_one_of_its_safeties_is_noticed(
    plan: Plan, invariant: str, tallies: Tallies
) -> None:
    broken = {violation.partition(":")[0] for violation in tallies[plan].violations}

    assert invariant in broken


def test_the_tally_tells_of_every_run_and_of_what_broke(tallies: Tallies) -> None:
    bad, good = tallies[next(iter(BROKEN))], tallies[PROCESSES[0]]

    known = "\n".join([line(bad), line(good), *total([bad, good])])

    assert "VIOLATIONS" in line(bad)
    assert "all invariants hold" in line(good)
    assert f"each other, 3 processes, no ledger: {good.doubles}" in known
    assert f"BROKEN in seed {bad.seed}: no_restart_within_the_cooldown" in known

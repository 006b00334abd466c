"""Decide: from the live state and the limits to a verdict per instance and the one call."""

from __future__ import annotations

from typing import Any

import pytest

from function.model.cloud_state import InstanceState
from function.model.decision import Decision, Mode, ScreenedEvent, Verdict
from function.model.event import Action, Outcome
from function.policy import decide
from tests.factories import (
    ALL_THREE,
    AUDIT,
    DAY,
    DRAFT,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    REQUESTS,
    decided,
    ids,
    observed,
    screened,
    state,
    task,
)

DELETION = screened(alarm=False, action=Action.DELETE)


def reasons(decision: Decision) -> dict[str, str | None]:
    return {verdict.id: verdict.reason for verdict in decision.verdicts}


def body(decision: Decision) -> Any:
    return decision.call and decision.call.body


def test_an_instance_that_no_rule_holds_back_is_restarted() -> None:
    decision = decided(observed(state(restart_tasks=(task(DAY),))))

    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert decision.verdicts == (Verdict(ORDERS, status="ERROR", last_restart=NOW - DAY),)
    assert (decision.action, decision.dry_run) == (Action.RESTART, False)


def test_notes_of_screening_are_kept_beside_a_restart() -> None:
    event = screened(ORDERS)._replace(notes=("2 alerts were left out.",), needs_human=True)
    decision = decided(observed(state()), event)

    assert decision.call is not None
    assert (decision.notes, decision.needs_human) == (("2 alerts were left out.",), True)


@pytest.mark.parametrize(
    ("live", "reason", "needs_human"),
    [
        (state(status=None), "not_found", True),
        (state(engine="rabbitmq"), "not_kafka", False),
        (state(tags=(("auto-remediation", "off"),)), "opted_out", False),
        (state(status="RESTARTING"), "already_restarting", False),
        (state(status="UPGRADING"), "status", True),
        (state(restart_tasks=(task(updated_at=NOW),)), "already_answered", False),
        (state(restart_tasks=(task(30 * MINUTE),)), "cooldown", False),
        (state(restart_tasks=tuple(task(n * HOUR) for n in (2, 3, 4))), "restart_limit", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_rule_holds_an_instance_back_and_the_result_shows_its_state(
    live: InstanceState, reason: str, *, needs_human: bool
) -> None:
    decision = decided(observed(live))
    (verdict,) = decision.verdicts

    assert (verdict.outcome, verdict.reason) == (Outcome.SKIPPED, reason)
    assert (verdict.needs_human, verdict.status) == (needs_human, live.status)
    began = [task.created_at for task in live.restart_tasks if task.created_at is not None]
    assert verdict.last_restart == max(began, default=None)
    assert decision.call is None


def test_the_first_rule_that_matches_gives_the_reason() -> None:
    everything = state(
        engine="rabbitmq",
        status="RESTARTING",
        tags=(("auto-remediation", "off"),),
        restart_tasks=(task(MINUTE), task(2 * MINUTE), task(3 * MINUTE)),
    )

    assert reasons(decided(observed(everything))) == {ORDERS: "not_kafka"}


def test_only_what_is_not_held_back_is_in_the_call_and_the_order_stays() -> None:
    skipped = (Verdict(DRAFT, Outcome.SKIPPED, "not_firing"),)
    asked = screened(*ALL_THREE, verdicts=skipped)
    decision = decided(observed(state(AUDIT), state(PAYMENTS, "UPGRADING"), state()), asked)

    assert body(decision)["instances"] == [ORDERS, AUDIT]
    assert [verdict.id for verdict in decision.verdicts] == [DRAFT, ORDERS, PAYMENTS, AUDIT]


@pytest.mark.parametrize(
    ("restarting", "most", "storm"),
    [
        (set(), 2, False),
        (set(), 1, True),
        ({AUDIT}, 3, False),
        ({AUDIT}, 2, True),
        ({ORDERS}, 2, False),
        ({AUDIT, DRAFT}, 0, False),
    ],
)
def test_an_alarm_restarts_nothing_where_too_much_would_restart_at_once(
    restarting: set[str], most: int, *, storm: bool
) -> None:
    result = decided(
        observed(state(), state(PAYMENTS), restarting=frozenset(restarting)), max_restarting=most
    )

    assert reasons(result) == dict.fromkeys((ORDERS, PAYMENTS), "storm" if storm else None)
    assert (result.call is None) == storm
    assert all(verdict.needs_human == storm for verdict in result.verdicts)


def test_a_request_may_restart_as_much_as_it_names() -> None:
    busy = observed(*[state(id_) for id_ in ids(10)], restarting=frozenset(ALL_THREE))
    asked = screened(*ids(10), alarm=False)

    assert body(decided(busy, asked, REQUESTS))["instances"] == ids(10)


def test_a_storm_holds_back_only_what_would_restart_and_keeps_the_other_reasons() -> None:
    result = decided(
        observed(state(), state(PAYMENTS, "UPGRADING"), restarting=frozenset({AUDIT})),
        max_restarting=1,
    )

    assert reasons(result) == {ORDERS: "storm", PAYMENTS: "status"}


def test_a_storm_elsewhere_changes_nothing_for_an_event_that_restarts_nothing() -> None:
    result = decided(observed(state(status="UPGRADING"), restarting=frozenset(ids(9))))

    assert reasons(result) == {ORDERS: "status"}


def test_a_restart_limit_says_how_many_restarts_did_not_help() -> None:
    worn = state(restart_tasks=tuple(task(n * HOUR) for n in (2, 3, 4, 30)))
    decision = decided(observed(worn, state(PAYMENTS)))

    assert decision.notes == (f"3 restarts of {ORDERS} within 24 hours did not help.",)


@pytest.mark.parametrize(
    ("restarts", "newest", "note"),
    [
        ((), None, "its newest task is none."),
        ((task(DAY),), "kafkaReboot", "its newest task is kafkaReboot."),
        ((task(MINUTE, status="EXECUTING"),), "kafkaInstanceRestart", None),
        ((task(MINUTE, status="CREATED"),), "kafkaInstanceRestart", None),
    ],
)
def test_a_restart_that_no_task_shows_warns_that_the_pattern_may_be_wrong(
    restarts: Any, newest: str | None, note: str | None
) -> None:
    live = state(status="RESTARTING", restart_tasks=restarts, newest_task_name=newest)
    warnings = decided(observed(live)).warnings

    assert len(warnings) == (note is not None)
    assert note is None or (warnings[0].endswith(note) and ORDERS in warnings[0])


def test_an_instance_that_does_not_restart_and_a_deletion_warn_of_nothing() -> None:
    assert decided(observed(state())).warnings == ()
    assert decided(observed(state(status="RESTARTING")), DELETION, REQUESTS).warnings == ()


def test_a_dry_run_says_what_would_be_sent_and_of_which_instances() -> None:
    decision = decided(observed(state(), state(PAYMENTS, "UPGRADING")), dry_run=True)

    assert decision.dry_run
    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert decision.verdicts[0] == Verdict(ORDERS, Outcome.DRY_RUN, "dry_run", "ERROR")
    assert decision.verdicts[1].reason == "status"


def test_an_event_that_leaves_nothing_to_look_at_is_decided_without_the_cloud() -> None:
    skipped = (Verdict(ORDERS, Outcome.SKIPPED, "not_firing"),)
    notes = ("2 alerts were left out.",)
    asked = ScreenedEvent(
        Action.RESTART,
        alarm=True,
        verdicts=skipped,
        reason="not_firing",
        notes=notes,
        needs_human=True,
    )

    assert decide.decide_without_state(asked, dry_run=True) == Decision(
        Action.RESTART, skipped, dry_run=True, reason="not_firing", notes=notes, needs_human=True
    )


OBSERVE = (("auto-remediation", "observe"),)


def test_an_observed_instance_is_left_out_of_the_call_and_shows_what_would_be_done() -> None:
    decision = decided(observed(state(), state(PAYMENTS, tags=OBSERVE)))

    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert decision.verdicts[1] == Verdict(PAYMENTS, Outcome.DRY_RUN, "observed", "ERROR")
    assert (decision.dry_run, decision.notes) == (False, (f"Observed only: {PAYMENTS}.",))


def test_an_event_for_observed_instances_alone_is_a_dry_run() -> None:
    decision = decided(observed(state(tags=OBSERVE)))

    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert (decision.dry_run, reasons(decision)) == (True, {ORDERS: "observed"})
    assert decision.notes == ()


def test_an_observed_instance_that_a_rule_holds_back_has_the_reason_of_that_rule() -> None:
    decision = decided(observed(state(status="UPGRADING", tags=OBSERVE)))

    assert reasons(decision) == {ORDERS: "status"}
    assert (decision.call, decision.dry_run) == (None, False)


def test_a_dry_run_leaves_observed_instances_out_as_acting_would() -> None:
    decision = decided(observed(state(), state(PAYMENTS, tags=OBSERVE)), dry_run=True)

    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert reasons(decision) == {ORDERS: "dry_run", PAYMENTS: "observed"}


def test_observed_instances_count_for_no_storm_but_the_result_says_what_acting_would_meet() -> None:
    watching = [state(one, tags=OBSERVE) for one in (PAYMENTS, AUDIT, DRAFT)]
    decision = decided(observed(state(), *watching), max_restarting=1)

    assert body(decision)["instances"] == [ORDERS]
    assert set(reasons(decision).values()) == {None, "observed"}
    assert "MAX_RESTARTING" in decision.notes[1]


def test_a_storm_holds_all_of_an_event_back_and_what_is_observed_with_it() -> None:
    decision = decided(
        observed(state(), state(AUDIT), state(PAYMENTS, tags=OBSERVE)), max_restarting=1
    )

    assert set(reasons(decision).values()) == {"storm"}


def test_the_default_mode_observes_what_has_no_tag_and_acts_on_what_asks_for_it() -> None:
    live = observed(state(tags=(("auto-remediation", "act"),)), state(PAYMENTS))
    decision = decided(live, default_mode=Mode.OBSERVE)

    assert body(decision)["instances"] == [ORDERS]
    assert reasons(decision) == {ORDERS: None, PAYMENTS: "observed"}


def test_a_deletion_leaves_an_observed_instance_alone() -> None:
    decision = decided(observed(state(tags=OBSERVE)), DELETION, REQUESTS)

    assert body(decision) == {"action": "delete", "instances": [ORDERS]}
    assert (decision.dry_run, reasons(decision)) == (True, {ORDERS: "observed"})


def test_a_tag_that_is_no_mode_is_named_by_its_instance_and_not_by_its_value() -> None:
    decision = decided(observed(state(tags=(("auto-remediation", "sometimes"),))))

    assert reasons(decision) == {ORDERS: "opted_out"}
    (warning,) = decision.warnings
    assert ORDERS in warning
    assert "sometimes" not in warning

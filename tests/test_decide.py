"""Decide: the live state and the limits, into a verdict per instance and the one call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function import decide, schemas, sources
from function.errors import NotAllowed, Refused, TooMany
from function.live_state import InstanceState, Observation
from function.model import Action, Event, Intent, Outcome, Source
from function.screen import screen
from function.verdict import Decision, Screened, Verdict

from .values import (
    ALARMS,
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
    SCHEDULES,
    ids,
    limits,
    screened,
    state,
    task,
)

PURGE = screened(alarm=False, action=Action.PURGE_FAILED)
DELETION = screened(alarm=False, action=Action.DELETE)


def observed(*states: InstanceState, **fields: Any) -> Observation:
    return Observation(instances={one.id: one for one in states}, **fields)


def decided(
    observation: Observation, asked: Screened | None = None, source: Source = ALARMS, **given: Any
) -> Decision:
    asked = asked or screened(*observation.instances)
    return decide.verdicts(asked, observation, source=source, limits=limits(**given), now=NOW)


def reasons(decision: Decision) -> dict[str, str | None]:
    return {verdict.id: verdict.reason for verdict in decision.verdicts}


def body(decision: Decision) -> Any:
    return decision.call and decision.call.body


def failed_creations(number: int) -> tuple[InstanceState, ...]:
    return tuple(state(one, "CREATEFAILED") for one in ids(number))


def test_an_instance_that_no_rule_holds_back_is_restarted() -> None:
    decision = decided(observed(state(restarts=(task(DAY),))))

    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert decision.verdicts == (Verdict(ORDERS, status="ERROR", last_restart=NOW - DAY),)
    assert (decision.action, decision.dry_run) == (Action.RESTART, False)


@pytest.mark.parametrize(
    ("live", "reason", "needs_human"),
    [
        (state(status=None), "not_found", True),
        (state(engine="rabbitmq"), "not_kafka", False),
        (state(tags=(("auto-remediation", "off"),)), "opted_out", False),
        (state(status="RESTARTING"), "already_restarting", False),
        (state(status="UPGRADING"), "status", True),
        (state(restarts=(task(updated_at=NOW),)), "already_answered", False),
        (state(restarts=(task(30 * MINUTE),)), "cooldown", False),
        (state(restarts=tuple(task(n * HOUR) for n in (2, 3, 4))), "restart_limit", True),
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
    began = [one.created_at for one in live.restarts if one.created_at is not None]
    assert verdict.last_restart == max(began, default=None)
    assert decision.call is None


def test_the_first_rule_that_matches_gives_the_reason() -> None:
    everything = state(
        engine="rabbitmq",
        status="RESTARTING",
        tags=(("auto-remediation", "off"),),
        restarts=(task(MINUTE), task(2 * MINUTE), task(3 * MINUTE)),
    )

    assert reasons(decided(observed(everything))) == {ORDERS: "not_kafka"}


def test_only_what_is_not_held_back_is_in_the_call_and_the_order_stays() -> None:
    skipped = (Verdict(DRAFT, Outcome.SKIPPED, "not_firing"),)
    asked = screened(*ALL_THREE, verdicts=skipped)
    decision = decided(observed(state(AUDIT), state(PAYMENTS, "UPGRADING"), state()), asked)

    assert body(decision)["instances"] == [ORDERS, AUDIT]
    assert [one.id for one in decision.verdicts] == [DRAFT, ORDERS, PAYMENTS, AUDIT]


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
    found = decided(
        observed(state(), state(PAYMENTS), restarting=frozenset(restarting)), max_restarting=most
    )

    assert reasons(found) == dict.fromkeys((ORDERS, PAYMENTS), "storm" if storm else None)
    assert (found.call is None) == storm
    assert all(one.needs_human == storm for one in found.verdicts)


def test_a_request_may_restart_as_much_as_it_names() -> None:
    busy = observed(*[state(one) for one in ids(10)], restarting=frozenset(ALL_THREE))
    asked = screened(*ids(10), alarm=False)

    assert body(decided(busy, asked, REQUESTS))["instances"] == ids(10)


def test_a_storm_holds_back_only_what_would_restart_and_keeps_the_other_reasons() -> None:
    found = decided(
        observed(state(), state(PAYMENTS, "UPGRADING"), restarting=frozenset({AUDIT})),
        max_restarting=1,
    )

    assert reasons(found) == {ORDERS: "storm", PAYMENTS: "status"}


def test_a_storm_elsewhere_changes_nothing_for_an_event_that_restarts_nothing() -> None:
    found = decided(observed(state(status="UPGRADING"), restarting=frozenset(ids(9))))

    assert reasons(found) == {ORDERS: "status"}


def test_a_restart_limit_says_how_many_restarts_did_not_help() -> None:
    worn = state(restarts=tuple(task(n * HOUR) for n in (2, 3, 4, 30)))
    decision = decided(observed(worn, state(PAYMENTS)))

    assert decision.notes == (f"3 restarts of {ORDERS} within 24 hours did not help.",)


@pytest.mark.parametrize(
    ("restarts", "newest", "said"),
    [
        ((), None, "its newest task is none."),
        ((task(DAY),), "kafkaReboot", "its newest task is kafkaReboot."),
        ((task(MINUTE, status="EXECUTING"),), "kafkaInstanceRestart", None),
        ((task(MINUTE, status="CREATED"),), "kafkaInstanceRestart", None),
    ],
)
def test_a_restart_that_no_task_shows_warns_that_the_pattern_may_be_wrong(
    restarts: Any, newest: str | None, said: str | None
) -> None:
    live = state(status="RESTARTING", restarts=restarts, newest_task=newest)
    warnings = decided(observed(live)).warnings

    assert len(warnings) == (said is not None)
    assert said is None or (warnings[0].endswith(said) and ORDERS in warnings[0])


def test_an_instance_that_does_not_restart_and_a_deletion_warn_of_nothing() -> None:
    assert decided(observed(state())).warnings == ()
    assert decided(observed(state(status="RESTARTING")), DELETION, REQUESTS).warnings == ()


def test_a_dry_run_says_what_would_be_sent_and_of_which_instances() -> None:
    decision = decided(observed(state(), state(PAYMENTS, "UPGRADING")), dry_run=True)

    assert decision.dry_run
    assert body(decision) == {"action": "restart", "instances": [ORDERS]}
    assert decision.verdicts[0] == Verdict(ORDERS, Outcome.DRY_RUN, "dry_run", "ERROR")
    assert decision.verdicts[1].reason == "status"


def test_a_purge_names_what_failed_to_be_created() -> None:
    decision = decided(observed(failed_creations=failed_creations(2)), PURGE, SCHEDULES)

    assert body(decision) == {"action": "delete", "all_failure": "kafka"}
    assert decision.verdicts == tuple(Verdict(one, status="CREATEFAILED") for one in ids(2))
    assert (decision.notes, decision.warnings) == ((), ())


def test_an_empty_listing_does_not_stop_a_purge() -> None:
    decision = decided(observed(), PURGE, SCHEDULES)

    assert body(decision) == {"action": "delete", "all_failure": "kafka"}
    assert decision.verdicts == ()


@pytest.mark.parametrize(("listed", "unlisted"), [(20, 0), (0, 20), (11, 9)])
def test_a_purge_of_as_many_as_the_limit_is_sent_and_of_one_more_refused(
    listed: int, unlisted: int
) -> None:
    creations = failed_creations(listed)
    found = observed(failed_creations=creations, unlisted=unlisted)
    assert decided(found, PURGE, SCHEDULES).call is not None

    one_more = observed(failed_creations=creations, unlisted=unlisted + 1)
    with pytest.raises(TooMany, match=r"21 failed creations are more than MAX_PURGE \(20\)"):
        decided(one_more, PURGE, SCHEDULES)


def test_a_refused_purge_names_what_it_found_as_far_as_a_person_would_read() -> None:
    with pytest.raises(TooMany) as few:
        decided(observed(failed_creations=failed_creations(2)), PURGE, SCHEDULES, max_purge=1)
    assert str(few.value).endswith("; found were " + ", ".join(ids(2)))

    with pytest.raises(TooMany) as twenty:
        decided(observed(failed_creations=failed_creations(20)), PURGE, SCHEDULES, max_purge=1)
    assert str(twenty.value).endswith(", ".join(ids(20)))

    with pytest.raises(TooMany) as many:
        decided(observed(failed_creations=failed_creations(25)), PURGE, SCHEDULES)
    assert str(many.value).endswith(f"{ids(20)[-1]} and 5 more")

    with pytest.raises(TooMany) as counted:
        decided(observed(unlisted=21), PURGE, SCHEDULES)
    assert str(counted.value).endswith("(20)")


def test_a_purge_that_an_alarm_should_ask_for_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="may not ask for a purge"):
        decided(observed(), PURGE, ALARMS)


def test_a_purge_is_refused_where_a_blocked_instance_is_among_the_failed_creations() -> None:
    found = observed(failed_creations=failed_creations(2))
    with pytest.raises(NotAllowed, match=f"^{ids(2)[1]} failed to be created, but is in BLOCKED"):
        decided(found, PURGE, SCHEDULES, blocked=frozenset(ids(2)[1:]))

    assert decided(found, PURGE, SCHEDULES, blocked=frozenset({ORDERS})).call is not None
    assert decided(found, PURGE, SCHEDULES, allowed=frozenset()).call is not None


@pytest.mark.parametrize(
    ("recycle_bin", "words"), [(True, "go to the recycle"), (False, "is off"), (None, "not known")]
)
def test_a_deletion_says_what_is_known_of_the_recycle_bin(
    words: str, *, recycle_bin: bool | None
) -> None:
    decision = decided(observed(state(), recycle_bin=recycle_bin), DELETION, REQUESTS)

    assert body(decision) == {"action": "delete", "instances": [ORDERS]}
    (note,) = decision.notes
    assert "recycle bin" in note
    assert words in note


def test_a_deletion_is_not_held_back_by_restarts() -> None:
    live = state(restarts=tuple(task(n * MINUTE) for n in (1, 2, 3)))
    decision = decided(observed(live, restarting=frozenset(ids(9))), DELETION, REQUESTS)

    assert body(decision) == {"action": "delete", "instances": [ORDERS]}


def test_an_event_that_leaves_nothing_to_look_at_is_decided_without_the_cloud() -> None:
    skipped = (Verdict(ORDERS, Outcome.SKIPPED, "not_firing"),)
    asked = Screened(Action.RESTART, alarm=True, verdicts=skipped, reason="not_firing")

    assert decide.skipped(asked, dry_run=True) == Decision(
        Action.RESTART, skipped, dry_run=True, reason="not_firing"
    )


STATUSES = ["RUNNING", "ERROR", "RESTARTING", "CREATEFAILED", "A_NEW_WORD", None]
SOURCES = st.sampled_from([*sources.discover(schemas.load().names("events")).values()])
ANY_ID = st.sampled_from([*ALL_THREE, DRAFT])
INTENTS = st.lists(
    st.builds(
        Intent,
        st.just(Action.RESTART),
        st.lists(ANY_ID, unique=True, max_size=3).map(tuple),
        skip=st.sampled_from([None, "not_firing"]),
    )
) | st.builds(lambda action: [Intent(action, ALL_THREE)], st.sampled_from(Action))
LIMITS = st.fixed_dictionaries(
    {
        "dry_run": st.booleans(),
        "enabled_actions": st.frozensets(st.sampled_from(Action)),
        "blocked": st.frozensets(ANY_ID, max_size=1),
        "max_purge": st.integers(1, 3),
        "max_instances": st.integers(1, 4),
        "max_restarting": st.integers(0, 3),
    }
)
STATES = st.fixed_dictionaries(
    {one: st.builds(state, st.just(one), st.sampled_from(STATUSES)) for one in (*ALL_THREE, DRAFT)}
)
CREATIONS = st.lists(st.builds(state, ANY_ID, st.just("CREATEFAILED")), max_size=4)


@settings(max_examples=300)
@given(INTENTS, SOURCES, LIMITS, STATES, CREATIONS)
def test_all_failure_appears_only_for_a_purge_that_source_and_settings_allow(
    intents: list[Intent], source: Source, given: Any, live: Any, creations: Any
) -> None:
    allowed = limits(**given)
    observation = Observation(instances=live, failed_creations=tuple(creations))
    try:
        asked = screen(Event(tuple(intents)), source, allowed, NOW)
        decision = decide.verdicts(asked, observation, source=source, limits=allowed, now=NOW)
    except Refused:
        return
    sent = body(decision) or {}
    if "all_failure" in sent:
        assert sent == {"action": "delete", "all_failure": "kafka"}
        assert [one.action for one in intents] == [Action.PURGE_FAILED]
        assert Action.PURGE_FAILED in source.actions & allowed.enabled_actions
        assert len(creations) <= allowed.max_purge
        assert not {one.id for one in creations} & allowed.blocked
    elif sent:
        assert set(sent) == {"action", "instances"}
        assert set(sent["instances"]) <= {one for intent in intents for one in intent.instances}
        assert not set(sent["instances"]) & allowed.blocked
        assert len(sent["instances"]) <= allowed.max_instances
        assert sent["action"] == intents[0].action

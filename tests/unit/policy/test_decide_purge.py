"""Decide: purges and deletions; no other action becomes a purge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import sources
from function.lib import schemas
from function.model.cloud_state import InstanceState, Observation
from function.model.decision import Decision, Verdict
from function.model.errors import EventRejected, NotAllowed, TooMany
from function.model.event import CHANGING_ACTIONS, Action, Event, Intent, Source
from function.policy import decide
from function.policy.screen import screen
from tests.factories import (
    ALARMS,
    ALL_THREE,
    DRAFT,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    REQUESTS,
    SCHEDULES,
    decided,
    ids,
    limits,
    observed,
    screened,
    state,
    task,
)

PURGE = screened(alarm=False, action=Action.PURGE_FAILED)


DELETION = screened(alarm=False, action=Action.DELETE)


def body(decision: Decision) -> Any:
    return decision.call and decision.call.body


def failed_creations(number: int) -> tuple[InstanceState, ...]:
    return tuple(state(id_, "CREATEFAILED") for id_ in ids(number))


def test_a_purge_names_what_failed_to_be_created() -> None:
    decision = decided(observed(failed_creations=failed_creations(2)), PURGE, SCHEDULES)

    assert body(decision) == {"action": "delete", "all_failure": "kafka"}
    assert decision.verdicts == tuple(Verdict(id_, status="CREATEFAILED") for id_ in ids(2))
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
    result = observed(failed_creations=creations, unlisted=unlisted)
    assert decided(result, PURGE, SCHEDULES).call is not None

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
    result = observed(failed_creations=failed_creations(2))
    with pytest.raises(NotAllowed, match=f"^{ids(2)[1]} failed to be created, but is in BLOCKED"):
        decided(result, PURGE, SCHEDULES, blocked=frozenset(ids(2)[1:]))

    assert decided(result, PURGE, SCHEDULES, blocked=frozenset({ORDERS})).call is not None
    assert decided(result, PURGE, SCHEDULES, allowed=frozenset()).call is not None


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
    live = state(restart_tasks=tuple(task(n * MINUTE) for n in (1, 2, 3)))
    decision = decided(observed(live, restarting=frozenset(ids(9))), DELETION, REQUESTS)

    assert body(decision) == {"action": "delete", "instances": [ORDERS]}


STATUSES = ["RUNNING", "ERROR", "RESTARTING", "CREATEFAILED", "A_NEW_WORD", None]


SOURCES = st.sampled_from([*sources.discover(schemas.load().names("events")).values()])


ANY_ID = st.sampled_from([*ALL_THREE, DRAFT])


INTENTS = st.lists(
    st.builds(
        Intent,
        st.just(Action.RESTART),
        st.lists(ANY_ID, unique=True, max_size=3).map(tuple),
        skip=st.sampled_from([None, "not_firing"]),
        raised_at=st.sampled_from([None, NOW - HOUR]),
        metric=st.none(),
    )
) | st.builds(lambda action: [Intent(action, ALL_THREE)], st.sampled_from(sorted(CHANGING_ACTIONS)))


LIMITS = st.fixed_dictionaries(
    {
        "dry_run": st.booleans(),
        "enabled_actions": st.frozensets(st.sampled_from(sorted(CHANGING_ACTIONS))),
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


@given(INTENTS, SOURCES, LIMITS, STATES, CREATIONS)
def test_all_failure_appears_only_for_a_purge_that_source_and_settings_allow(
    intents: list[Intent], source: Source, given: Any, live: Any, creations: Any
) -> None:
    allowed = limits(**given)
    observation = Observation(instances=live, failed_creations=tuple(creations))
    try:
        asked = screen(Event(tuple(intents)), source, allowed, NOW)
        decision = decide.decide(asked, observation, source=source, limits=allowed, now=NOW)
    except EventRejected:
        return
    sent = body(decision) or {}
    if "all_failure" in sent:
        assert sent == {"action": "delete", "all_failure": "kafka"}
        assert [intent.action for intent in intents] == [Action.PURGE_FAILED]
        assert Action.PURGE_FAILED in source.actions & allowed.enabled_actions
        assert len(creations) <= allowed.max_purge
        assert not {one.id for one in creations} & allowed.blocked
    elif sent:
        assert set(sent) == {"action", "instances"}
        assert set(sent["instances"]) <= {
            instance for intent in intents for instance in intent.instances
        }
        assert not set(sent["instances"]) & allowed.blocked
        assert len(sent["instances"]) <= allowed.max_instances
        assert sent["action"] == intents[0].action

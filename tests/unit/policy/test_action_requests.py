"""The three request types, which cannot be built wrong."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib import schemas
from function.model.event import Action
from function.policy import action_requests
from tests.factories import ALARMS, ORDERS, PAYMENTS, SCHEDULES, ids

SELECTIONS = (action_requests.RestartRequest, action_requests.DeleteRequest)
SCHEMAS = schemas.load()
WRONG = {
    "none": (),
    "one twice": (ORDERS, ORDERS),
    "51": tuple(ids(51)),
    "upper case": (ORDERS.upper(),),
    "no id": ("*",),
    "one of two": (ORDERS, PAYMENTS + "\n"),
    "longer": (ORDERS + "0",),
}


def test_a_restart_names_its_instances_and_nothing_else() -> None:
    call = action_requests.restart(action_requests.RestartRequest((ORDERS, PAYMENTS)))

    assert call.body == {"action": "restart", "instances": [ORDERS, PAYMENTS]}
    assert (call.action, call.instances) == (Action.RESTART, (ORDERS, PAYMENTS))


def test_a_deletion_names_its_instances_and_never_forces() -> None:
    call = action_requests.delete(action_requests.DeleteRequest((ORDERS,)))

    assert call.body == {"action": "delete", "instances": [ORDERS]}
    assert (call.action, call.instances) == (Action.DELETE, (ORDERS,))


def test_a_purge_names_no_instance() -> None:
    call = action_requests.purge(action_requests.PurgeRequest(allowed_actions=SCHEDULES.actions))

    assert call.body == {"action": "delete", "all_failure": "kafka"}
    assert (call.action, call.instances) == (Action.PURGE_FAILED, ())


def test_an_alarm_cannot_make_a_purge() -> None:
    with pytest.raises(ValueError, match=r"^this source may not ask for a purge$"):
        action_requests.PurgeRequest(allowed_actions=ALARMS.actions)


@pytest.mark.parametrize("kind", SELECTIONS)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_invalid_selection_raises(
    wrong: tuple[str, ...],
    kind: type[action_requests.RestartRequest | action_requests.DeleteRequest],
) -> None:
    with pytest.raises(ValueError, match=r"^a selection (names 1 to 50 .* once|is made .* ids)$"):
        kind(wrong)


@pytest.mark.parametrize("kind", SELECTIONS)
def test_more_than_fifty_instances_are_rejected(
    kind: type[action_requests.RestartRequest | action_requests.DeleteRequest],
) -> None:
    assert kind(tuple(ids(50))).instances == tuple(ids(50))


@given(st.lists(st.uuids().map(str), min_size=1, max_size=50, unique=True))
def test_every_body_that_can_be_made_is_one_of_the_schemas(chosen: list[str]) -> None:
    selection = tuple(chosen)
    purge = action_requests.PurgeRequest(allowed_actions=frozenset(Action))
    made = {
        "restart": action_requests.restart(action_requests.RestartRequest(selection)).body,
        "delete": action_requests.delete(action_requests.DeleteRequest(selection)).body,
        "purge_failed": action_requests.purge(purge).body,
    }

    for name, body in made.items():
        SCHEMAS.check(f"requests/{name}", body)
    assert set(chain.from_iterable(made.values())) == {"action", "instances", "all_failure"}

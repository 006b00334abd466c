"""Observe: as few reads as it takes, the history far enough back, and nothing half read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from function.dms import observe
from function.model.cloud_state import Observation
from function.model.errors import StateUnreadable
from function.model.event import Action
from tests.factories import (
    ALL_THREE,
    AUDIT,
    DRAFT,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    ids,
    limits,
    screened,
)
from tests.fake_dms import Alter, Behaviour, Hold, Reply
from tests.harness import World, ago, world


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world() as night:
        for one in (PAYMENTS, AUDIT):
            night.cloud.add_instance(one)
        yield night


def seen(night: World, *targets: str, seconds: float = 3, **fields: Any) -> Observation:
    settings = {name: fields.pop(name) for name in ("max_restarting",) if name in fields}
    asked = screened(*targets, **fields)
    return observe.read(asked, limits(**settings), night.reader(seconds), NOW)


def kinds(night: World) -> dict[str, int]:
    counted = {
        kind: len(night.cloud.arrived(kind)) for kind in ("list", "show", "tasks", "recycle")
    }
    return {kind: number for kind, number in counted.items() if number}


def with_many_instances(night: World) -> None:
    for one in ids(60):
        night.cloud.add_instance(one)


def test_an_alarm_is_answered_with_a_list_and_one_history(night: World) -> None:
    assert set(seen(night, ORDERS).instances) == {ORDERS}
    assert kinds(night) == {"list": 1, "tasks": 1}


def test_a_request_for_one_instance_needs_no_list(night: World) -> None:
    assert seen(night, ORDERS, alarm=False).restarting == frozenset()
    assert kinds(night) == {"show": 1, "tasks": 1}


def test_a_request_for_several_instances_reads_them_from_a_list(night: World) -> None:
    found = seen(night, *ALL_THREE, alarm=False)

    assert {one: state.status for one, state in found.instances.items()} == {
        ORDERS: "ERROR",
        PAYMENTS: "RUNNING",
        AUDIT: "RUNNING",
    }
    assert kinds(night) == {"list": 1, "tasks": 3}


@pytest.mark.parametrize("missing", [{"tags": None}, {"engine": None}])
def test_a_row_that_does_not_say_everything_is_read_again(
    night: World, missing: dict[str, Any]
) -> None:
    night.cloud.add_instance(ORDERS, status="ERROR", tags={"team": "a"})
    rows = Alter(lambda body: {**body, "instances": [row | missing for row in body["instances"]]})
    night.cloud.fault(rows, kind="list")

    found = seen(night, ORDERS).instances[ORDERS]
    assert (found.tags, found.engine) == ((("team", "a"),), "kafka")
    assert kinds(night) == {"list": 1, "show": 1, "tasks": 1}


def test_what_the_list_does_not_show_is_read_by_its_id(night: World) -> None:
    with_many_instances(night)
    night.cloud.add_instance(DRAFT, status="DELETING")
    found = seen(night, ids(60)[59], DRAFT, alarm=False)

    assert [state.status for state in found.instances.values()] == ["RUNNING", "DELETING"]


def test_an_instance_that_does_not_exist_has_no_history(night: World) -> None:
    assert seen(night, DRAFT, alarm=False).instances[DRAFT].status is None
    assert kinds(night) == {"show": 1}


@pytest.mark.parametrize("many", [False, True])
def test_what_restarts_in_the_project_is_seen_however_many_instances_it_has(
    night: World, *, many: bool
) -> None:
    if many:
        with_many_instances(night)
    for one in (AUDIT, PAYMENTS):
        night.cloud.set_status(one, "RESTARTING")

    assert seen(night, ORDERS).restarting == {AUDIT, PAYMENTS}
    assert kinds(night)["list"] == (2 if many else 1)


def test_a_project_is_not_watched_for_a_storm_that_the_operator_does_not_mind(
    night: World,
) -> None:
    assert seen(night, ORDERS, max_restarting=0).restarting == frozenset()
    assert kinds(night) == {"show": 1, "tasks": 1}


def test_restarting_instances_that_are_counted_and_not_shown_make_the_state_unreadable(
    night: World,
) -> None:
    night.cloud.set_status(AUDIT, "RESTARTING")
    one_more = Alter(lambda body: {**body, "instance_num": body["instance_num"] + 1})
    night.cloud.fault(one_more, kind="list", times=None)

    with pytest.raises(StateUnreadable, match="list of instances is not complete"):
        seen(night, ORDERS)


def test_a_deletion_reads_the_recycle_bin_and_no_history(night: World) -> None:
    night.cloud.behaviour.recycle_bin = True
    found = seen(night, ORDERS, alarm=False, action=Action.DELETE)

    assert found.recycle_bin is True
    assert kinds(night) == {"show": 1, "recycle": 1}


@pytest.mark.parametrize(
    ("way", "listed", "unlisted"), [("rows", 2, 0), ("count", 0, 2), ("hidden", 0, 0)]
)
def test_failed_creations_are_told_from_the_instances_that_were_created(
    night: World, way: Any, listed: int, unlisted: int
) -> None:
    night.cloud.behaviour.failed_creations = way
    for one in ids(2):
        night.cloud.add_failed_creation(one)
    purge = screened(alarm=False, action=Action.PURGE_FAILED)
    found = observe.read(purge, limits(), night.reader(), NOW)

    assert [one.id for one in found.failed_creations] == ids(2)[:listed]
    assert found.unlisted == unlisted
    assert kinds(night) == {"list": 1}


@pytest.mark.parametrize("kind", ["list", "show", "tasks"])
def test_a_read_that_never_ends_ends_with_the_time_for_reading(night: World, kind: str) -> None:
    night.cloud.fault(Hold(), kind=kind, times=None)
    target = DRAFT if kind == "show" else ORDERS
    night.cloud.behaviour.rows_have_tags = kind != "show"

    with pytest.raises(StateUnreadable, match="did not answer in time"):
        seen(night, target, AUDIT, PAYMENTS, seconds=0.3)


def test_a_recycle_bin_that_never_answers_holds_up_no_deletion(night: World) -> None:
    night.cloud.fault(Hold(), kind="recycle", times=None)
    found = seen(night, ORDERS, alarm=False, action=Action.DELETE, seconds=1)

    assert (found.recycle_bin, found.instances[ORDERS].status) == (None, "ERROR")


def test_one_instance_that_cannot_be_read_makes_the_whole_state_unreadable(night: World) -> None:
    night.cloud.fault(Reply(200, "?"), kind="tasks", skip=1)

    with pytest.raises(StateUnreadable):
        seen(night, *ALL_THREE)


def test_looking_again_reads_no_history_of_what_restarts() -> None:
    with world(Behaviour(restart_seconds=60)) as night:
        night.cloud.add_instance(PAYMENTS, status="RESTARTING")
        night.cloud.add_task(ORDERS, created_at=ago(MINUTE))
        found = observe.again(night.reader(), (ORDERS, PAYMENTS, DRAFT), limits(), NOW)

        assert [len(one.restarts) for one in found.values()] == [1, 0, 0]
        assert [one.status for one in found.values()] == ["ERROR", "RESTARTING", None]
        assert kinds(night) == {"show": 3, "tasks": 1}

"""Observe: few reads, a history that is long enough, and no partial state."""

from __future__ import annotations

import threading
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
from tests.fake_dms import Alter, Behaviour, Hold, Reply, vendor_error
from tests.harness import Remediator, ago, open_remediator
from tests.unit.dms.observing import seen


@pytest.fixture(name="remediator")
def open_the_remediator() -> Iterator[Remediator]:
    with open_remediator() as remediator:
        for one in (PAYMENTS, AUDIT):
            remediator.cloud.add_instance(one)
        yield remediator


def kinds(remediator: Remediator) -> dict[str, int]:
    counted = {
        kind: len(remediator.cloud.arrived(kind)) for kind in ("list", "show", "tasks", "recycle")
    }
    return {kind: number for kind, number in counted.items() if number}


def with_many_instances(remediator: Remediator) -> None:
    for one in ids(60):
        remediator.cloud.add_instance(one)


def test_alarm_costs_one_list_and_one_history(remediator: Remediator) -> None:
    assert set(seen(remediator, ORDERS).instances) == {ORDERS}
    assert kinds(remediator) == {"list": 1, "tasks": 1}


def test_a_request_for_one_instance_needs_no_list(remediator: Remediator) -> None:
    assert seen(remediator, ORDERS, alarm=False).restarting == frozenset()
    assert kinds(remediator) == {"show": 1, "tasks": 1}


def test_a_request_for_several_instances_reads_them_from_a_list(remediator: Remediator) -> None:
    observed = seen(remediator, *ALL_THREE, alarm=False)

    assert {one: state.status for one, state in observed.instances.items()} == {
        ORDERS: "ERROR",
        PAYMENTS: "RUNNING",
        AUDIT: "RUNNING",
    }
    assert kinds(remediator) == {"list": 1, "tasks": 3}


@pytest.mark.parametrize("missing", [{"tags": None}, {"engine": None}])
def test_incomplete_list_row_is_read_by_id(remediator: Remediator, missing: dict[str, Any]) -> None:
    remediator.cloud.add_instance(ORDERS, status="ERROR", tags={"team": "a"})
    rows = Alter(lambda body: {**body, "instances": [row | missing for row in body["instances"]]})
    remediator.cloud.fault(rows, kind="list")

    observed = seen(remediator, ORDERS).instances[ORDERS]
    assert (observed.tags, observed.engine) == ((("team", "a"),), "kafka")
    assert kinds(remediator) == {"list": 1, "show": 1, "tasks": 1}


def test_an_instance_with_two_rows_is_read_by_id(remediator: Remediator) -> None:
    remediator.cloud.add_instance(ORDERS, status="RESTARTING")
    opposite = Alter(
        lambda page: {
            **page,
            "instances": [
                *page["instances"],
                *({**row, "status": "ERROR"} for row in page["instances"]),
            ],
            "instance_num": 2 * len(page["instances"]),
        }
    )
    remediator.cloud.fault(opposite, "list", times=1)

    observed = seen(remediator, ORDERS)

    assert observed.instances[ORDERS].status == "RESTARTING"
    assert ORDERS in observed.restarting


def test_a_repeated_row_does_not_hide_an_instance_that_restarts(remediator: Remediator) -> None:
    remediator.cloud.add_instance(PAYMENTS, status="RESTARTING")
    hidden = Alter(
        lambda page: {
            **page,
            "instances": [
                row if row["status"] != "RESTARTING" else page["instances"][0]
                for row in sorted(page["instances"], key=lambda row: str(row["status"]))
            ],
        }
    )
    remediator.cloud.fault(hidden, "list", times=1)

    assert seen(remediator, ORDERS).restarting == {PAYMENTS}


def test_instance_missing_from_the_list_is_read_by_id(remediator: Remediator) -> None:
    with_many_instances(remediator)
    remediator.cloud.add_instance(DRAFT, status="DELETING")
    observed = seen(remediator, ids(60)[59], DRAFT, alarm=False)

    assert [state.status for state in observed.instances.values()] == ["RUNNING", "DELETING"]


@pytest.mark.parametrize("alarm", [True, False])
def test_an_instance_that_does_not_exist_is_not_found_though_its_history_cannot_be_read(
    remediator: Remediator, *, alarm: bool
) -> None:
    remediator.cloud.fault(vendor_error(404, "DMS.00404022"), kind="tasks")

    assert seen(remediator, DRAFT, alarm=alarm).instances[DRAFT].status is None
    assert kinds(remediator) == {"show": 1, "tasks": 1} | ({"list": 1} if alarm else {})


@pytest.mark.parametrize("alarm", [True, False])
def test_list_and_histories_are_requested_in_parallel(
    remediator: Remediator, *, alarm: bool
) -> None:
    remediator.cloud.fault(Hold(), times=None)
    targets = ALL_THREE if alarm else (ORDERS,)
    observed: list[Observation] = []
    thread = threading.Thread(
        target=lambda: observed.append(seen(remediator, *targets, alarm=alarm, seconds=20))
    )
    thread.start()
    remediator.cloud.wait_for(len(targets) + 1)
    remediator.cloud.clear_faults()
    remediator.cloud.release()
    thread.join(20)

    assert set(observed[0].instances) == set(targets)
    assert len(remediator.cloud.requests) == len(targets) + 1


@pytest.mark.parametrize("many", [False, True])
def test_restarting_instances_are_seen_in_large_projects(
    remediator: Remediator, *, many: bool
) -> None:
    if many:
        with_many_instances(remediator)
    for one in (AUDIT, PAYMENTS):
        remediator.cloud.set_status(one, "RESTARTING")

    assert seen(remediator, ORDERS).restarting == {AUDIT, PAYMENTS}
    assert kinds(remediator)["list"] == (2 if many else 1)


def test_no_storm_read_without_a_storm_limit(
    remediator: Remediator,
) -> None:
    assert seen(remediator, ORDERS, max_restarting=0).restarting == frozenset()
    assert kinds(remediator) == {"show": 1, "tasks": 1}


def test_restarting_instances_that_are_counted_and_not_shown_make_the_state_unreadable(
    remediator: Remediator,
) -> None:
    remediator.cloud.set_status(AUDIT, "RESTARTING")
    one_more = Alter(lambda body: {**body, "instance_num": body["instance_num"] + 1})
    remediator.cloud.fault(one_more, kind="list", times=None)

    with pytest.raises(StateUnreadable, match="list of instances is not complete"):
        seen(remediator, ORDERS)


def test_a_deletion_reads_the_recycle_bin_and_no_history(remediator: Remediator) -> None:
    remediator.cloud.behaviour.recycle_bin = True
    observed = seen(remediator, ORDERS, alarm=False, action=Action.DELETE)

    assert observed.recycle_bin is True
    assert kinds(remediator) == {"show": 1, "recycle": 1}


def test_a_recycle_bin_of_which_the_cloud_says_no_truth_value_is_unknown(
    remediator: Remediator,
) -> None:
    remediator.cloud.fault(Reply(200, {"default_use_recycle": "false"}), kind="recycle")

    assert seen(remediator, ORDERS, alarm=False, action=Action.DELETE).recycle_bin is None


@pytest.mark.parametrize(
    ("way", "listed", "unlisted"), [("rows", 2, 0), ("count", 0, 2), ("hidden", 0, 0)]
)
def test_failed_creations_are_distinguished_from_created_instances(
    remediator: Remediator, way: Any, listed: int, unlisted: int
) -> None:
    remediator.cloud.behaviour.failed_creations = way
    for one in ids(2):
        remediator.cloud.add_failed_creation(one)
    purge = screened(alarm=False, action=Action.PURGE_FAILED)
    observed = observe.read_live_state(purge, limits(), remediator.reader(), NOW)

    assert [instance.id for instance in observed.failed_creations] == ids(2)[:listed]
    assert observed.unlisted == unlisted
    assert kinds(remediator) == {"list": 1}


@pytest.mark.parametrize("kind", ["list", "show", "tasks"])
def test_hanging_read_ends_at_the_read_deadline(remediator: Remediator, kind: str) -> None:
    remediator.cloud.fault(Hold(), kind=kind, times=None)
    target = DRAFT if kind == "show" else ORDERS
    remediator.cloud.behaviour.rows_have_tags = kind != "show"

    with pytest.raises(StateUnreadable, match="in time"):
        seen(remediator, target, AUDIT, PAYMENTS, seconds=0.3)


def test_hanging_recycle_bin_read_does_not_block_a_deletion(remediator: Remediator) -> None:
    remediator.cloud.fault(Hold(), kind="recycle", times=None)
    observed = seen(remediator, ORDERS, alarm=False, action=Action.DELETE, seconds=2)

    assert (observed.recycle_bin, observed.instances[ORDERS].status) == (None, "ERROR")


def test_one_instance_that_cannot_be_read_makes_the_whole_state_unreadable(
    remediator: Remediator,
) -> None:
    remediator.cloud.fault(Reply(200, "?"), kind="tasks", skip=1)

    with pytest.raises(StateUnreadable):
        seen(remediator, *ALL_THREE)


def test_reread_skips_the_history_of_restarting_instances() -> None:
    with open_remediator(Behaviour(restart_seconds=60)) as remediator:
        remediator.cloud.add_instance(PAYMENTS, status="RESTARTING")
        remediator.cloud.add_task(ORDERS, created_at=ago(MINUTE))
        observed = observe.reread(remediator.reader(), (ORDERS, PAYMENTS, DRAFT), limits(), NOW)

        assert [len(one.restart_tasks) for one in observed.values()] == [1, 0, 0]
        assert [one.status for one in observed.values()] == ["ERROR", "RESTARTING", None]
        assert kinds(remediator) == {"show": 3, "tasks": 1}

"""Reads of background tasks: all pages in every dialect, malformed rows."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.dms import responses
from function.lib import timestamps
from function.model.errors import StateUnreadable
from tests.factories import DAY, MINUTE, NOW, ORDERS
from tests.fake_dms import Alter
from tests.harness import Remediator, ago
from tests.unit.dms.odd_json import JSON

SINCE = NOW - 2 * DAY


def unreadable(match: str) -> Any:
    return pytest.raises(StateUnreadable, match=match)


def with_tasks(remediator: Remediator, number: int) -> set[str]:
    for minute in range(number):
        remediator.cloud.add_task(ORDERS, id=f"t{minute}", created_at=ago(minute * MINUTE))
    return {f"t{minute}" for minute in range(number)}


def changed(**fields: Any) -> Alter:
    return Alter(lambda body: {**body, **fields})


def first_row(rows: str, **fields: Any) -> Alter:
    return Alter(lambda body: {**body, rows: [{**body[rows][0], **fields}, *body[rows][1:]]})


@pytest.mark.parametrize("dialect", ["start", "page", "offset"])
@pytest.mark.parametrize("number", [0, 1, 50, 51, 130])
def test_all_background_tasks_are_read_in_every_dialect(
    remediator: Remediator, dialect: Any, number: int
) -> None:
    remediator.cloud.behaviour.task_paging = dialect
    expected = with_tasks(remediator, number)
    tasks = remediator.reader().tasks(ORDERS, SINCE)

    assert {task.id for task in tasks} == expected
    assert len(tasks) == number


def test_tasks_are_asked_for_from_a_moment_on(remediator: Remediator) -> None:
    with_tasks(remediator, 3)
    remediator.cloud.add_task(ORDERS, id="old", created_at=ago(3 * DAY))

    assert len(remediator.reader().tasks(ORDERS, SINCE)) == 3
    (arrival,) = remediator.cloud.arrived("tasks")
    assert "begin_time=20260103030000" in arrival.target


def test_tasks_that_the_cloud_counts_and_does_not_show_make_the_history_unreadable(
    remediator: Remediator,
) -> None:
    with_tasks(remediator, 3)
    remediator.cloud.fault(changed(task_count="4"), kind="tasks", times=None)

    with unreadable("background tasks is not complete"):
        remediator.reader().tasks(ORDERS, SINCE)


def test_endless_history_is_unreadable(remediator: Remediator) -> None:
    numbers = count()
    endless = Alter(lambda body: {"tasks": [{"id": str(next(numbers))}], "task_count": "999999"})
    remediator.cloud.fault(endless, kind="tasks", times=None)

    with unreadable("background tasks is not complete"):
        remediator.reader(20).tasks(ORDERS, SINCE)
    assert len(remediator.cloud.requests) == 100


def test_a_page_that_repeats_rows_counts_each_once(remediator: Remediator) -> None:
    with_tasks(remediator, 60)
    remediator.cloud.fault(Alter(lambda body: {**body, "tasks": body["tasks"][:40]}), kind="tasks")

    assert len(remediator.reader().tasks(ORDERS, SINCE)) == 60


@pytest.mark.parametrize("row", [{"id": None}, {"id": 7}])
def test_a_task_without_an_id_makes_the_history_unreadable(
    remediator: Remediator, row: Any
) -> None:
    with_tasks(remediator, 2)
    remediator.cloud.fault(first_row("tasks", **row), kind="tasks")

    with unreadable("task in the answer has no id"):
        remediator.reader().tasks(ORDERS, SINCE)


def test_a_task_that_is_no_object_makes_the_history_unreadable(remediator: Remediator) -> None:
    remediator.cloud.fault(changed(tasks=["restart"], task_count="1"), kind="tasks")

    with unreadable("task in the answer has no id"):
        remediator.reader().tasks(ORDERS, SINCE)


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ({"status": "success"}, {"status": "SUCCESS"}),
        ({"status": None}, {"status": ""}),
        ({"name": None}, {"name": ""}),
        ({"name": "n" * 200}, {"name": "n" * 128}),
        ({"created_at": "yesterday"}, {"created_at": NOW}),
        ({"created_at": 7, "updated_at": None}, {"created_at": None, "updated_at": None}),
        ({"updated_at": ""}, {"created_at": NOW, "updated_at": None}),
    ],
)
def test_malformed_task_fields_do_not_raise(
    remediator: Remediator, row: Any, read: dict[str, Any]
) -> None:
    with_tasks(remediator, 1)
    remediator.cloud.fault(first_row("tasks", **row), kind="tasks")
    (task,) = remediator.reader().tasks(ORDERS, SINCE)

    assert {name: getattr(task, name) for name in read} == read


@given(st.dictionaries(st.sampled_from(["name", "status", "created_at", "updated_at"]), JSON))
def test_arbitrary_task_rows_do_not_raise(row: dict[str, Any]) -> None:
    task = responses.parse_task({"id": "t", **row})

    assert task.created_at is None or timestamps.text(task.created_at)

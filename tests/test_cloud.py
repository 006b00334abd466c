"""The cloud as it is read: its pages, its dialects, its odd answers, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function import cloud_answers, timestamps
from function.cloud import Cloud
from function.errors import StateUnreadable
from function.live_state import ApiReply, InstanceState
from function.transport import Answer

from .stand_in import Alter, Reply, vendor_error
from .values import DAY, MINUTE, NOW, ORDERS, PAYMENTS, ids
from .world import World, ago, world

SINCE = NOW - 2 * DAY


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world() as night:
        yield night


def unreadable(match: str) -> Any:
    return pytest.raises(StateUnreadable, match=match)


def with_tasks(night: World, number: int) -> set[str]:
    for minute in range(number):
        night.cloud.add_task(ORDERS, id=f"t{minute}", created_at=ago(minute * MINUTE))
    return {f"t{minute}" for minute in range(number)}


def changed(**fields: Any) -> Alter:
    return Alter(lambda body: {**body, **fields})


def first_row(rows: str, **fields: Any) -> Alter:
    return Alter(lambda body: {**body, rows: [{**body[rows][0], **fields}, *body[rows][1:]]})


def test_an_instance_is_read_as_it_is(night: World) -> None:
    night.cloud.add_instance(PAYMENTS, status="ERROR", tags={"team": "a"})

    assert night.reader().instance(PAYMENTS) == InstanceState(
        PAYMENTS, "ERROR", "kafka", (("team", "a"),)
    )


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Reply(200, "[]"), "the cloud answered 200"),
        (Reply(200, "?"), "answered 200 without JSON"),
        (Reply(204), "answered 204 without JSON"),
        (Reply(302, headers=(("Location", "/"),)), "the cloud answered 302 without JSON"),
        (vendor_error(404, "DMS.00404001"), "the cloud answered 404$"),
        (vendor_error(400, "DMS.00404022"), "the cloud answered 400$"),
        (vendor_error(401, "APIGW.0301"), "refused, or lack dms:instance:get$"),
        (changed(instance_id=PAYMENTS), "answered for another instance"),
        (changed(instance_id=None), "has no id"),
        (changed(status=None), "has no status"),
        (changed(engine=None), "has no engine"),
        (changed(engine=""), "has no engine"),
        (changed(tags={"auto-remediation": "off"}), "odd tags"),
        (changed(tags=["auto-remediation=off"]), "odd tags"),
    ],
)
def test_an_odd_instance_is_not_read_at_all(night: World, fault: Any, problem: str) -> None:
    night.cloud.fault(fault, kind="show")

    with unreadable(problem):
        night.reader().instance(ORDERS)


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"status": "Running"}, {"status": "RUNNING"}),
        ({"engine": "Kafka"}, {"engine": "kafka"}),
        ({"instance_id": ORDERS.upper()}, {"id": ORDERS}),
        ({"tags": None}, {"tags": None}),
        ({"tags": [{"key": "a", "value": False}]}, {"tags": (("a", "False"),)}),
        ({"tags": [{"key": "a"}]}, {"tags": (("a", "None"),)}),
    ],
)
def test_words_in_another_case_and_tags_of_another_type_are_read(
    night: World, fields: Any, read: dict[str, Any]
) -> None:
    night.cloud.fault(changed(**fields), kind="show")
    found = night.reader().instance(ORDERS)

    assert {name: getattr(found, name) for name in read} == read


def test_only_the_code_for_it_means_that_there_is_no_instance(night: World) -> None:
    assert night.reader().instance(PAYMENTS) == InstanceState(PAYMENTS, None)


def test_an_unclear_read_is_repeated(night: World) -> None:
    night.cloud.fault(vendor_error(502, "APIGW.0201"), kind="show", times=2)

    assert night.reader(10).instance(ORDERS).status == "ERROR"
    assert len(night.cloud.arrived("show")) == 3


@pytest.mark.parametrize("number", [0, 49, 50, 51, 100, 120])
def test_a_list_is_read_by_its_count_and_never_beyond(night: World, number: int) -> None:
    for one in ids(number):
        night.cloud.add_instance(one)
    night.cloud.add_instance(PAYMENTS, engine="rabbitmq")
    rows, total = night.reader().instances()

    assert {row.id for row in rows} == {ORDERS, *ids(number)}
    assert total == number + 1
    assert len(night.cloud.arrived("list")) == number // 50 + 1


@pytest.mark.parametrize("empty_list_is_error", [True, False])
def test_a_list_of_nothing_is_empty_in_both_dialects(
    night: World, *, empty_list_is_error: bool
) -> None:
    night.cloud.behaviour.empty_list_is_error = empty_list_is_error

    assert night.reader().instances(status="FROZEN") == ((), 0)
    assert night.reader().page(0, status="FROZEN") == ((), 0)


def test_an_offset_beyond_the_end_is_empty_only_on_the_first_page(night: World) -> None:
    for one in ids(60):
        night.cloud.add_instance(one)
    beyond = vendor_error(400, "DMS.40050010")
    night.cloud.fault(beyond, kind="list", skip=1)

    with unreadable("answered 400"):
        night.reader().instances()


def test_a_list_without_an_end_is_not_read_for_ever(night: World) -> None:
    endless = Reply(200, {"instances": [], "instance_num": 999_999})
    night.cloud.fault(endless, kind="list", times=None)

    with unreadable("more than 5000 instances"):
        night.reader(20).instances()
    assert len(night.cloud.arrivals) == 100


@pytest.mark.parametrize(
    "fault",
    [
        changed(instance_num=None),
        changed(instance_num="many"),
        changed(instance_num=-1),
        changed(instance_num=1.5),
        changed(instance_num=True),
        changed(instances=None),
        changed(instances={}),
    ],
)
def test_a_list_without_rows_or_count_is_not_read(night: World, fault: Any) -> None:
    night.cloud.fault(fault, kind="list")

    with unreadable("has no instances or no instance_num"):
        night.reader().page(0)


def test_a_count_may_be_a_text(night: World) -> None:
    night.cloud.fault(changed(instance_num="1"), kind="list")

    assert night.reader().page(0)[1] == 1


@pytest.mark.parametrize("dialect", ["start", "page", "offset"])
@pytest.mark.parametrize("number", [0, 1, 50, 51, 130])
def test_all_background_tasks_are_read_in_every_dialect(
    night: World, dialect: Any, number: int
) -> None:
    night.cloud.behaviour.task_paging = dialect
    expected = with_tasks(night, number)
    tasks = night.reader().tasks(ORDERS, SINCE)

    assert {task.id for task in tasks} == expected
    assert len(tasks) == number


def test_tasks_are_asked_for_from_a_moment_on(night: World) -> None:
    with_tasks(night, 3)
    night.cloud.add_task(ORDERS, id="old", created_at=ago(3 * DAY))

    assert len(night.reader().tasks(ORDERS, SINCE)) == 3
    (arrival,) = night.cloud.arrived("tasks")
    assert "begin_time=20260103030000" in arrival.target


def test_tasks_that_the_cloud_counts_and_does_not_show_make_the_history_unreadable(
    night: World,
) -> None:
    with_tasks(night, 3)
    night.cloud.fault(changed(task_count="4"), kind="tasks", times=None)

    with unreadable("background tasks is not complete"):
        night.reader().tasks(ORDERS, SINCE)


def test_a_history_without_an_end_is_not_read_for_ever(night: World) -> None:
    numbers = count()
    endless = Alter(lambda body: {"tasks": [{"id": str(next(numbers))}], "task_count": "999999"})
    night.cloud.fault(endless, kind="tasks", times=None)

    with unreadable("background tasks is not complete"):
        night.reader(20).tasks(ORDERS, SINCE)
    assert len(night.cloud.arrivals) == 100


def test_a_page_that_repeats_rows_counts_each_once(night: World) -> None:
    with_tasks(night, 60)
    night.cloud.fault(Alter(lambda body: {**body, "tasks": body["tasks"][:40]}), kind="tasks")

    assert len(night.reader().tasks(ORDERS, SINCE)) == 60


@pytest.mark.parametrize("row", [{"id": None}, {"id": 7}])
def test_a_task_without_an_id_makes_the_history_unreadable(night: World, row: Any) -> None:
    with_tasks(night, 2)
    night.cloud.fault(first_row("tasks", **row), kind="tasks")

    with unreadable("task in the answer has no id"):
        night.reader().tasks(ORDERS, SINCE)


def test_a_task_that_is_no_object_makes_the_history_unreadable(night: World) -> None:
    night.cloud.fault(changed(tasks=["restart"], task_count="1"), kind="tasks")

    with unreadable("task in the answer has no id"):
        night.reader().tasks(ORDERS, SINCE)


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
def test_odd_words_and_times_of_a_task_are_survived(
    night: World, row: Any, read: dict[str, Any]
) -> None:
    with_tasks(night, 1)
    night.cloud.fault(first_row("tasks", **row), kind="tasks")
    (task,) = night.reader().tasks(ORDERS, SINCE)

    assert {name: getattr(task, name) for name in read} == read


def test_a_clock_that_is_far_off_is_named(night: World) -> None:
    reader = night.reader()
    night.cloud.fault(
        Reply(
            401,
            {"error_code": "APIGW.0303", "error_msg": "signature expired"},
            (("Date", "Mon, 05 Jan 2026 02:00:00 GMT"),),
        ),
        kind="show",
    )

    with unreadable("the clock of this machine is 3600 seconds off"):
        reader.instance(ORDERS)


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"X-Request-Id": "a1-b2.c3_d4"}, b"{}", "a1-b2.c3_d4"),
        ({}, b'{"request_id": "r1"}', "r1"),
        ({"X-Request-Id": "h"}, b'{"request_id": "r1"}', "h"),
        ({"X-Request-Id": "a b"}, b"{}", None),
        ({"X-Request-Id": "x" * 65}, b"{}", None),
        ({}, b'{"request_id": 7}', None),
        ({}, b"[]", None),
    ],
)
def test_a_request_id_is_a_short_plain_word(
    headers: dict[str, str], body: bytes, request_id: str | None
) -> None:
    reply = cloud_answers.reply(Answer(200, headers, body), NOW)

    assert reply.request_id == request_id


@pytest.mark.parametrize(
    ("status", "date", "skew"),
    [
        (401, "Mon, 05 Jan 2026 02:00:00 GMT", 3600),
        (403, "Mon, 05 Jan 2026 03:00:30 GMT", -30),
        (401, "now", None),
        (401, "", None),
        (401, "Mon, 05 Jan 2026 02:00:00", None),
        (200, "Mon, 05 Jan 2026 02:00:00 GMT", None),
    ],
)
def test_how_far_the_clocks_differ_is_told_where_it_may_be_the_reason(
    status: int, date: str, skew: int | None
) -> None:
    assert cloud_answers.reply(Answer(status, {"Date": date}, b""), NOW).skew_seconds == skew


def test_no_answer_is_said_to_be_none() -> None:
    with unreadable("gave no whole answer"):
        cloud_answers.required(ApiReply(arrived=True), "dms:instance:get")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.just(ORDERS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["instance_id", "status", "tags", "id", "key"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(JSON)
def test_whatever_the_cloud_says_is_an_instance_or_unreadable(row: Any) -> None:
    try:
        found = cloud_answers.instance(row)
    except StateUnreadable:
        return
    assert found.id == row["instance_id"].lower()
    assert found.status == row["status"][:64].upper()


@given(st.dictionaries(st.sampled_from(["name", "status", "created_at", "updated_at"]), JSON))
def test_whatever_the_cloud_says_of_a_task_is_survived(row: dict[str, Any]) -> None:
    task = cloud_answers.task({"id": "t", **row})

    assert task.created_at is None or timestamps.text(task.created_at)


def test_the_reads_of_many_instances_are_done_at_once_but_ten_at_most(night: World) -> None:
    for one in ids(25):
        night.cloud.add_instance(one)
    reader: Cloud = night.reader()
    found = reader.gather([partial(reader.instance, one) for one in ids(25)])

    assert [state.id for state in found] == ids(25)
    assert night.cloud.connections <= 10

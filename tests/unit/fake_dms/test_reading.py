"""The fake cloud's reading calls page, filter and fail as the vendor's do."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_dms import Clock, FakeDms
from tests.fake_dms.caller import Caller, code, listed

NOON = 1_780_000_000.0
ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
GONE = "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6"


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(clock=Clock(NOON)) as cloud:
        yield cloud


def test_gateway_codes_may_have_the_other_prefix(cloud: FakeDms, caller: Caller) -> None:
    cloud.behaviour.gateway_prefix = "APIG"

    assert code(caller.get("/topics")) == (404, "APIG.0101")


def test_the_list_is_paged_by_the_count(cloud: FakeDms, caller: Caller) -> None:
    for number in range(12):
        cloud.add_instance(f"{number:08}{ONE[8:]}")

    first, rest = caller.get().json(), caller.get(offset=10, limit=50).json()

    assert [len(first["instances"]), len(rest["instances"])] == [10, 2]
    assert first["instance_num"] == rest["instance_num"] == 12
    assert code(caller.get(offset=12)) == (400, "DMS.40050010")
    for limit in (0, 51, "x"):
        assert caller.get(limit=limit).status_code == 400


def test_an_empty_list_is_an_offset_beyond_the_end(cloud: FakeDms, caller: Caller) -> None:
    assert code(caller.get(engine="kafka")) == (400, "DMS.40050010")

    cloud.behaviour.empty_list_is_error = False
    assert caller.get(engine="kafka").json() == {"instances": [], "instance_num": 0}


def test_the_list_is_filtered_and_leaves_out_what_is_leaving(
    cloud: FakeDms, caller: Caller
) -> None:
    cloud.add_instance(ONE, status="ERROR", tags={"team": "a"})
    cloud.add_instance(TWO, engine="rabbitmq")
    cloud.add_instance(GONE, status="DELETING")

    assert listed(caller.get()) == [ONE, TWO]
    assert listed(caller.get(engine="kafka")) == listed(caller.get(status="ERROR")) == [ONE]
    cloud.behaviour.rows_have_tags = False
    assert "tags" not in caller.get().json()["instances"][0]
    assert caller.get(f"/instances/{ONE}").json()["tags"] == [{"key": "team", "value": "a"}]


@pytest.mark.parametrize(
    ("switch", "seen", "count"),
    [("rows", [ONE, TWO], 2), ("count", [ONE], 2), ("hidden", [ONE], 1)],
)
def test_failed_creations_show_as_the_switch_says(
    cloud: FakeDms, caller: Caller, switch: Any, seen: list[str], count: int
) -> None:
    cloud.behaviour.failed_creations = switch
    cloud.add_instance(ONE)
    cloud.add_failed_creation(TWO)

    assert listed(caller.get()) == [ONE]
    assert listed(caller.get(include_failure="true")) == seen
    assert caller.get(include_failure="true").json()["instance_num"] == count


@pytest.mark.parametrize(
    ("dialect", "page"),
    [("start", {"start": 3}), ("page", {"start": 2}), ("offset", {"offset": 2})],
)
def test_tasks_are_paged_in_either_dialect(
    cloud: FakeDms, caller: Caller, dialect: Any, page: dict[str, int]
) -> None:
    cloud.behaviour.task_paging = dialect
    cloud.add_instance(ONE)
    for number in range(5):
        cloud.add_task(ONE, id=str(number), created_at=NOON + number)

    answer = tasks(caller, limit=2, **page)

    assert answer["task_count"] == "5"
    assert [task["id"] for task in answer["tasks"]] == ["2", "1"]
    assert [task["id"] for task in tasks(caller)["tasks"]] == ["4", "3", "2", "1", "0"]
    assert tasks(caller, start=9, offset=9)["tasks"] == []


def test_begin_time_is_applied_in_an_unknown_time_zone(cloud: FakeDms, caller: Caller) -> None:
    cloud.add_instance(ONE)
    cloud.add_task(ONE, id="early", created_at=NOON - 3600)
    cloud.add_task(ONE, id="late", name="Neustart", status="CANCELLED", created_at=NOON)
    begin, end = "20260528202640", "20260528202639"  # noon and a second before, in UTC

    assert [task["id"] for task in tasks(caller, begin_time=begin)["tasks"]] == ["late"]
    assert [task["id"] for task in tasks(caller, end_time=end)["tasks"]] == ["early"]
    cloud.behaviour.begin_time_offset_hours = 1
    assert tasks(caller, begin_time=begin)["task_count"] == "2"


def test_a_task_shows_what_it_was_given(cloud: FakeDms, caller: Caller) -> None:
    cloud.add_instance(ONE)
    given = cloud.add_task(ONE, name="modifyAutoTopic", created_at="soon", updated_at=NOON + 0.046)

    (task,) = tasks(caller)["tasks"]

    assert (task["name"], task["created_at"]) == ("modifyAutoTopic", "soon")
    assert task["updated_at"] == "2026-05-28T20:26:40.046Z"
    cloud.remove_task(ONE, given.id)
    assert tasks(caller) == {"task_count": "0", "tasks": []}


def test_unknown_instance_is_not_found(cloud: FakeDms, caller: Caller) -> None:
    assert code(caller.get(f"/instances/{ONE}")) == (404, "DMS.00404022")
    assert code(caller.get(f"/instances/{ONE}/tasks")) == (404, "DMS.00404022")
    assert code(caller.send("PUT", f"{cloud.url}/v2/x/instances")) == (404, "APIGW.0101")
    assert code(caller.send("GET", f"{cloud.url}/")) == (404, "APIGW.0101")


@pytest.mark.parametrize("query", [{"limit": 0}, {"start": "x"}, {"begin_time": "yesterday"}])
def test_tasks_asked_for_wrongly_are_refused(
    cloud: FakeDms, caller: Caller, query: dict[str, Any]
) -> None:
    cloud.add_instance(ONE)

    assert caller.get(f"/instances/{ONE}/tasks", **query).status_code == 400


def test_the_recycle_bin_may_be_on_off_or_unknown(cloud: FakeDms, caller: Caller) -> None:
    assert caller.get("/recycle").status_code == 404
    for switch in (True, False):
        cloud.behaviour.recycle_bin = switch
        assert caller.get("/recycle").json()["default_use_recycle"] is switch


def tasks(caller: Caller, **query: Any) -> Any:
    return caller.get(f"/instances/{ONE}/tasks", **query).json()

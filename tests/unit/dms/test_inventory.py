"""Reads of instances: pages, dialects, malformed and missing data."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from function.dms.inventory import Inventory
from function.model.cloud_state import InstanceState
from function.model.errors import StateUnreadable
from tests.factories import ORDERS, PAYMENTS, ids
from tests.fake_dms import Alter, Reply, vendor_error
from tests.harness import Remediator


def unreadable(match: str) -> Any:
    return pytest.raises(StateUnreadable, match=match)


def changed(**fields: Any) -> Alter:
    return Alter(lambda body: {**body, **fields})


def test_instance_fields_are_parsed(remediator: Remediator) -> None:
    remediator.cloud.add_instance(PAYMENTS, status="ERROR", tags={"team": "a"})

    assert remediator.reader().instance(PAYMENTS) == InstanceState(
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
def test_malformed_instance_is_unreadable(remediator: Remediator, fault: Any, problem: str) -> None:
    remediator.cloud.fault(fault, kind="show")

    with unreadable(problem):
        remediator.reader().instance(ORDERS)


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
def test_other_letter_case_and_tag_types_are_accepted(
    remediator: Remediator, fields: Any, read: dict[str, Any]
) -> None:
    remediator.cloud.fault(changed(**fields), kind="show")
    state = remediator.reader().instance(ORDERS)

    assert {name: getattr(state, name) for name in read} == read


def test_only_the_not_found_code_means_no_instance(remediator: Remediator) -> None:
    assert remediator.reader().instance(PAYMENTS) == InstanceState(PAYMENTS, None)


def test_an_unclear_read_is_repeated(remediator: Remediator) -> None:
    remediator.cloud.fault(vendor_error(502, "APIGW.0201"), kind="show", times=2)

    assert remediator.reader(10).instance(ORDERS).status == "ERROR"
    assert len(remediator.cloud.arrived("show")) == 3


@pytest.mark.parametrize("number", [0, 49, 50, 51, 100, 120])
def test_list_is_paged_by_its_count_and_not_beyond(remediator: Remediator, number: int) -> None:
    for one in ids(number):
        remediator.cloud.add_instance(one)
    remediator.cloud.add_instance(PAYMENTS, engine="rabbitmq")
    rows, total = remediator.reader().instances()

    assert {row.id for row in rows} == {ORDERS, *ids(number)}
    assert total == number + 1
    assert len(remediator.cloud.arrived("list")) == number // 50 + 1


@pytest.mark.parametrize("empty_list_is_error", [True, False])
def test_empty_list_is_accepted_in_both_dialects(
    remediator: Remediator, *, empty_list_is_error: bool
) -> None:
    remediator.cloud.behaviour.empty_list_is_error = empty_list_is_error

    assert remediator.reader().instances(status="FROZEN") == ((), 0)
    assert remediator.reader().page(0, status="FROZEN") == ((), 0)


def test_an_offset_beyond_the_end_is_empty_only_on_the_first_page(remediator: Remediator) -> None:
    for one in ids(60):
        remediator.cloud.add_instance(one)
    beyond = vendor_error(400, "DMS.40050010")
    remediator.cloud.fault(beyond, kind="list", skip=1)

    with unreadable("answered 400"):
        remediator.reader().instances()


def test_endless_list_is_unreadable(remediator: Remediator) -> None:
    for one in ids(110):
        page = {"instances": [{"instance_id": one, "status": "RUNNING"}], "instance_num": 999_999}
        remediator.cloud.fault(Reply(200, page), kind="list")

    with unreadable("more than 5000 instances"):
        remediator.reader(20).instances()
    assert len(remediator.cloud.requests) == 100


@pytest.mark.parametrize("rows", [[], [{"instance_id": ORDERS, "status": "ERROR"}]])
def test_a_list_that_does_not_go_on_costs_few_calls(
    remediator: Remediator, rows: list[dict[str, str]]
) -> None:
    same = Reply(200, {"instances": rows, "instance_num": 999_999})
    remediator.cloud.fault(same, kind="list", times=None)

    with unreadable("brings nothing new"):
        remediator.reader().instances()
    assert len(remediator.cloud.requests) == len(rows) + 1


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
def test_list_without_rows_or_count_is_unreadable(remediator: Remediator, fault: Any) -> None:
    remediator.cloud.fault(fault, kind="list")

    with unreadable("has no instances or no instance_num"):
        remediator.reader().page(0)


def test_a_count_may_be_a_text(remediator: Remediator) -> None:
    remediator.cloud.fault(changed(instance_num="1"), kind="list")

    assert remediator.reader().page(0)[1] == 1


def test_reads_run_in_parallel_up_to_eleven(
    remediator: Remediator,
) -> None:
    for one in ids(25):
        remediator.cloud.add_instance(one)
    reader: Inventory = remediator.reader()
    states = reader.gather([partial(reader.instance, id_) for id_ in ids(25)])

    assert [state.id for state in states] == ids(25)
    assert remediator.cloud.connections <= 11

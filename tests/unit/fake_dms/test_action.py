"""The fake cloud's instances move, and its action call answers, as the vendor's do."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_dms import Behaviour, Clock, Effect, FakeDms
from tests.fake_dms.caller import Caller, code, listed, rows

NOON = 1_780_000_000.0
ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
GONE = "019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def cloud(clock: Clock) -> Iterator[FakeDms]:
    with FakeDms(Behaviour(restart_seconds=60, delete_seconds=5), clock=clock) as cloud:
        yield cloud


def shown(caller: Caller, instance_id: str) -> str:
    answer = caller.get(f"/instances/{instance_id}").json()
    return str(answer.get("status", answer.get("error_code")))


def tasks(caller: Caller, instance_id: str = ONE, **query: Any) -> list[tuple[str, str]]:
    found = caller.get(f"/instances/{instance_id}/tasks", **query).json()["tasks"]
    return [(task["name"], task["status"]) for task in found]


@pytest.mark.parametrize(
    ("outcome", "status", "task"),
    [
        ("helps", "RUNNING", "SUCCESS"),
        ("fails", "ERROR", "FAILED"),
        ("does_not_help", "ERROR", "SUCCESS"),
    ],
)
def test_a_restart_takes_its_time_and_leaves_a_task(
    cloud: FakeDms, caller: Caller, clock: Clock, outcome: Any, status: str, task: str
) -> None:
    cloud.behaviour.restart_outcome = outcome
    cloud.add_instance(ONE, status="ERROR")

    assert rows(caller.act(action="restart", instances=[ONE])) == {ONE: "success"}

    assert shown(caller, ONE) == "RESTARTING"
    assert tasks(caller) == [("kafkaInstanceRestart", "EXECUTING")]
    clock.advance(60)
    assert shown(caller, ONE) == status
    assert tasks(caller) == [("kafkaInstanceRestart", task)]
    assert cloud.tasks(ONE)[0].updated_at == NOON + 60
    assert cloud.effects == (Effect(NOON, "restart", ONE),)


def test_status_and_task_may_lag_behind(cloud: FakeDms, caller: Caller, clock: Clock) -> None:
    cloud.behaviour.status_lag, cloud.behaviour.task_lag = 10, 5
    cloud.add_instance(ONE)
    caller.act(action="restart", instances=[ONE])

    assert (shown(caller, ONE), tasks(caller)) == ("RUNNING", [])
    clock.advance(5)
    assert tasks(caller) == [("kafkaInstanceRestart", "CREATED")]
    clock.advance(5)
    assert shown(caller, ONE) == "RESTARTING"
    clock.advance(60)
    assert shown(caller, ONE) == "RUNNING"


@pytest.mark.parametrize(("hides", "word"), [(True, "success"), (False, "failed")])
def test_second_restart_within_the_lag_follows_the_switch(
    cloud: FakeDms, caller: Caller, hides: bool, word: str
) -> None:
    cloud.behaviour.status_lag, cloud.behaviour.lag_hides = 10, hides
    cloud.add_instance(ONE)

    assert rows(caller.act(action="restart", instances=[ONE])) == {ONE: "success"}
    assert rows(caller.act(action="restart", instances=[ONE])) == {ONE: word}


def test_a_status_set_by_hand_stays(cloud: FakeDms, caller: Caller, clock: Clock) -> None:
    cloud.add_instance(ONE)
    caller.act(action="restart", instances=[ONE])

    cloud.set_status(ONE, "FROZEN")
    clock.advance(3600)

    assert cloud.instance(ONE).status == "FROZEN"
    assert cloud.tasks(ONE)[0].status == "SUCCESS"


@pytest.mark.parametrize(
    ("recycle_bin", "force", "end"),
    [
        (None, {}, "DMS.00404022"),
        (True, {}, "RECYCLE"),
        (True, {"force_delete": True}, "DMS.00404022"),
    ],
)
def test_a_deleted_instance_leaves_the_list_first(
    cloud: FakeDms, caller: Caller, clock: Clock, recycle_bin: Any, force: Any, end: str
) -> None:
    cloud.behaviour.recycle_bin = recycle_bin
    cloud.add_instance(ONE)
    cloud.add_instance(TWO)

    assert rows(caller.act(action="delete", instances=[ONE], **force)) == {ONE: "success"}

    assert listed(caller.get()) == [TWO]
    assert shown(caller, ONE) == "DELETING"
    clock.advance(5)
    assert shown(caller, ONE) == end


def test_a_purge_deletes_only_failed_creations_of_kafka(cloud: FakeDms, caller: Caller) -> None:
    cloud.add_instance(ONE, status="ERROR")
    cloud.add_failed_creation(TWO)
    cloud.add_failed_creation(GONE, engine="rabbitmq")

    response = caller.act(action="delete", all_failure="kafka")

    assert (response.status_code, response.content) == (204, b"")
    assert {instance.id for instance in cloud.instances} == {ONE, GONE}
    assert cloud.effects == (Effect(NOON, "purge", TWO),)
    assert caller.act(action="delete", all_failure="kafka").status_code == 204


@pytest.mark.parametrize("action", ["restart", "delete"])
def test_a_wrong_state_or_id_fails_its_row_or_the_request(
    cloud: FakeDms, caller: Caller, action: str
) -> None:
    cloud.add_instance(ONE)
    cloud.add_instance(TWO, status="EXTENDEDFAILED")
    refused = {"action": action, "instances": [TWO, GONE, ONE]}

    cloud.behaviour.refusal = "request"
    assert code(caller.act(**refused)) == (400, "DMS.00400026")
    assert code(caller.act(action=action, instances=[ONE, GONE])) == (404, "DMS.00404022")
    assert cloud.effects == ()
    cloud.behaviour.refusal = "row"
    assert rows(caller.act(**refused)) == {TWO: "failed", GONE: "failed", ONE: "success"}


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({}, "64"),
        ({"action": "stop", "instances": [ONE]}, "64"),
        ({"action": "restart", "all_failure": "kafka"}, "64"),
        ({"action": "delete", "all_failure": "all"}, "64"),
        ({"action": "delete", "all_failure": "kafka", "instances": [ONE]}, "64"),
        ({"action": "restart"}, "65"),
        ({"action": "delete", "instances": []}, "65"),
        ({"action": "restart", "instances": [ONE, ONE]}, "82"),
        ({"action": "restart", "instances": [f"{n:08}{ONE[8:]}" for n in range(51)]}, "100"),
        ({"action": "restart", "instances": ["x"]}, "61"),
        ({"action": "restart", "instances": [1]}, "30"),
    ],
)
def test_a_wrong_body_is_refused_whole(
    cloud: FakeDms, caller: Caller, body: dict[str, Any], number: str
) -> None:
    cloud.add_instance(ONE)
    cloud.add_failed_creation(TWO)

    assert code(caller.act(**body)) == (400, f"DMS.00400{number:>03}")
    assert cloud.effects == ()


@pytest.mark.parametrize(("switch", "left"), [("purge", {ONE}), ("instances", {TWO, ONE})])
def test_both_keys_at_once_do_what_the_switch_says(
    cloud: FakeDms, caller: Caller, switch: Any, left: set[str]
) -> None:
    cloud.behaviour.both_keys = switch
    cloud.add_instance(ONE)
    cloud.add_failed_creation(TWO)

    caller.act(action="delete", all_failure="kafka", instances=[ONE])

    assert {instance.id for instance in cloud.instances} == left
    assert cloud.instance(ONE).status == ("RUNNING" if switch == "purge" else "DELETING")

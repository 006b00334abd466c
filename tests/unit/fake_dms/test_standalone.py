"""The fake cloud as a program, steered through its control page; its log and its threads."""

import contextlib
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fake_dms import Arrival, Clock, FakeDms, Hold
from tests.fake_dms.__main__ import SEED, SEED_FAILED
from tests.fake_dms.caller import Caller, rows

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"


@pytest.fixture
def caller() -> Iterator[Caller]:
    with FakeDms(clock=Clock(1_780_000_000)) as cloud:
        cloud.add_instance(ONE)
        yield Caller(cloud)


def control(caller: Caller, method: str, page: str, **document: Any) -> Any:
    return caller.send(method, f"{caller.endpoint}/fake/{page}", json=document).json()


def test_the_page_shows_what_there_is_and_what_was_done(caller: Caller) -> None:
    caller.act(action="restart", instances=[ONE])

    state = control(caller, "GET", "state")

    assert state["instances"][0]["status"] == "RESTARTING"
    assert state["tasks"][ONE][0]["status"] == "EXECUTING"
    restart = {"action": "restart", "instances": [ONE]}
    assert state["actions"] == [{"time": 1_780_000_000, "body": restart}]
    assert [effect["instance"] for effect in state["effects"]] == [ONE]
    assert state["arrivals"] == 1


def test_control_page_sets_the_fault_plan(caller: Caller) -> None:
    waiting = control(caller, "POST", "faults", fault="throttled", kind="list", retry_after="7")
    control(caller, "POST", "faults", fault="Rows", change="none", kind="action")
    throttled = caller.get()

    assert waiting == {"waiting": 1}
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "7")
    assert rows(caller.act(action="restart", instances=[ONE])) == {}
    control(caller, "POST", "faults", fault="Reset", times=None)
    assert control(caller, "DELETE", "faults") == {"waiting": 0}
    assert caller.get().status_code == 200


def test_the_page_adds_instances_and_tasks(caller: Caller) -> None:
    control(caller, "POST", "instances", id=TWO, status="ERROR")
    control(caller, "POST", "tasks", instance=TWO, name="restart", created_at=1.5)

    assert caller.get(f"/instances/{TWO}").json()["status"] == "ERROR"
    assert caller.get(f"/instances/{TWO}/tasks").json()["tasks"][0]["name"] == "restart"


@pytest.mark.parametrize(
    ("page", "document"),
    [("faults", {"fault": "Nothing"}), ("faults", {"fault": "Reset", "x": 1}), ("other", {})],
)
def test_the_page_refuses_what_it_does_not_know(
    caller: Caller, page: str, document: dict[str, Any]
) -> None:
    assert "error" in control(caller, "POST", page, **document)


def test_standalone_server_prints_requests() -> None:
    command = [sys.executable, "-m", "tests.fake_dms", "--restart-seconds", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [shlex.split(process.stdout.readline()) for _ in range(4)]
        settings = dict(line[1].split("=", 1) for line in lines)
        state = requests.get(f"{settings['DMS_ENDPOINT']}/fake/state", timeout=10).json()
        requests.get(f"{settings['DMS_ENDPOINT']}/x", timeout=10)
        printed = process.stdout.readline()
        process.terminate()

    assert {row["id"] for row in state["instances"]} == SEED.keys() | SEED_FAILED.keys()
    assert printed.endswith("GET /x -> 404 APIGW.0101\n")
    assert process.returncode == 0


def test_every_request_is_logged_and_observed() -> None:
    observed: list[tuple[Arrival, str]] = []
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        cloud.observer = lambda arrival, story: observed.append((arrival, story))
        Caller(cloud).get(name="ü&=")
        Caller(cloud).act(action="restart", instances=[ONE])

    read, post = cloud.requests
    assert (read.kind, read.path) == ("list", f"/v2/{cloud.account.project_id}/instances")
    assert (read.parameters, read.number, read.connection) == ({"name": "ü&="}, 1, 1)
    assert (post.kind, post.json["instances"], post.complete) == ("action", [ONE], True)
    assert post.headers["content-type"] == "application/json"
    observed.sort(key=lambda pair: pair[0].number)  # each connection has a thread, which tells last
    assert observed == [(read, "200"), (post, "200")]
    assert (cloud.posts, cloud.arrived("list"), cloud.connections) == ((post,), (read,), 2)
    cloud.forget()
    assert (cloud.requests, cloud.effects, cloud.connections) == ((), (), 0)


def test_a_connection_is_kept_for_the_next_request() -> None:
    with FakeDms() as cloud, requests.Session() as session:
        session.trust_env = False
        for _ in range(3):
            session.get(f"{cloud.url}/x", timeout=10)

    assert (len(cloud.requests), cloud.connections) == (3, 1)


def test_one_held_call_does_not_hold_others() -> None:
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        cloud.fault(Hold(), kind="show")
        thread = threading.Thread(target=Caller(cloud).get, args=(f"/instances/{ONE}",))
        thread.start()
        cloud.wait_for(1, "show")
        assert Caller(cloud).get().status_code == 200
        cloud.release()
        thread.join()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"POST /v2/p/instances/action HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x" * 70_000,
    ],
)
def test_invalid_http_is_disconnected(nonsense: bytes) -> None:
    with FakeDms() as cloud, socket.create_connection(cloud.address, timeout=10) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(nonsense)
            assert wire.recv(1) == b""

        assert Caller(cloud).get().status_code == 400


def test_waiting_for_a_missing_request_times_out() -> None:
    with FakeDms() as cloud, pytest.raises(TimeoutError):
        cloud.wait_for(1, timeout=0.01)

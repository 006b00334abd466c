"""Every fault of the fake DMS that ends, holds or interrupts an exchange, on real sockets."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fake_dms import Close, Drip, FakeDms, Fault, Hold, Raw, Reply, Reset, throttled
from tests.fake_dms.caller import Caller, rows

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
RESTART: dict[str, Any] = {"action": "restart", "instances": [ONE, TWO]}


@contextlib.contextmanager
def in_background(caller: Caller, answers: list[Any]) -> Iterator[None]:
    """Make the action call in a thread that has ended when the context has."""

    def call() -> None:
        try:
            answers.append(caller.act(**RESTART))
        except requests.RequestException as problem:
            answers.append(problem)

    thread = threading.Thread(target=call)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("ending", [Reset, Close])
@pytest.mark.parametrize(
    ("stage", "arrived", "complete", "done"),
    [
        ("connect", 0, False, 0),
        ("head", 1, False, 0),
        ("request", 1, True, 0),
        ("done", 1, True, 2),
        ("answer", 1, True, 2),
    ],
)
def test_a_connection_ends_at_the_stage_asked_for(
    cloud: FakeDms, caller: Caller, ending: Any, stage: Any, arrived: int, complete: bool, done: int
) -> None:
    cloud.fault(ending(at=stage), kind="action")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller.act(**RESTART)

    assert cloud.connections == 1
    assert [post.complete for post in cloud.posts] == [complete] * arrived
    assert len(cloud.effects) == done
    assert caller.get().status_code == 200


def test_a_reset_is_a_reset_and_a_close_is_not(cloud: FakeDms) -> None:
    for fault, reset in ((Reset(at="connect"), True), (Close(at="connect"), False)):
        cloud.fault(fault)
        with socket.create_connection(cloud.address, timeout=10) as wire:
            wire.sendall(b"GET")
            if reset:
                with pytest.raises(ConnectionResetError):
                    wire.recv(1)
            else:
                assert wire.recv(1) == b""


@pytest.mark.parametrize("stage", ["connect", "head", "request", "done", "answer"])
def test_held_call_continues_when_released(cloud: FakeDms, caller: Caller, stage: Any) -> None:
    answers: list[Any] = []
    release = threading.Event()
    cloud.fault(Hold(at=stage, release=release), kind="action")

    with in_background(caller, answers):
        cloud.wait_for_connections(1)
        assert answers == []
        release.set()

    assert rows(answers[0]) == {ONE: "success", TWO: "success"}


def test_hold_can_be_followed_by_another_fault(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(Hold(then=throttled("1")), kind="action")
    cloud.fault(Hold(at="done", then=Reset(at="done")), kind="list")
    cloud.release()

    assert caller.act(**RESTART).status_code == 429
    with pytest.raises(requests.ConnectionError):
        caller.get()


@pytest.mark.parametrize("fault", [Hold(), Hold(at="connect"), Drip(interval=60)])
def test_closing_the_server_ends_held_clients(fault: Fault) -> None:
    answers: list[Any] = []
    with FakeDms() as cloud:
        cloud.fault(fault)
        background = in_background(Caller(cloud), answers)
        background.__enter__()
        cloud.wait_for_connections(1)
    background.__exit__(None, None, None)

    assert isinstance(answers[0], requests.RequestException)


def test_an_action_released_after_its_client_has_gone_is_still_done(cloud: FakeDms) -> None:
    done = threading.Event()
    cloud.observer = lambda arrival, story: done.set()
    cloud.fault(Hold(), kind="action")
    impatient = Caller(cloud, timeout=0.01)
    with pytest.raises(requests.ReadTimeout):
        impatient.act(**RESTART)
    assert cloud.effects == ()

    cloud.wait_for(1, "action")
    cloud.release()

    assert done.wait(10)
    assert len(cloud.effects) == 2


def test_fault_plan_limits_kind_times_and_skipped_requests(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(Reply(500), kind="list", times=None)
    cloud.fault(Reply(502), kind="list", skip=1)
    cloud.fault(Reply(429), kind="any", skip=4)

    statuses = [caller.get().status_code for _ in range(3)]

    assert statuses == [500, 502, 500]
    assert caller.get(f"/instances/{ONE}").status_code == 200
    assert cloud.faults_left == 2
    assert caller.get(f"/instances/{TWO}").status_code == 429
    cloud.clear_faults()
    assert caller.get().status_code == 200


def test_raw_bytes_are_sent_raw(cloud: FakeDms) -> None:
    cloud.fault(Raw(b"SSH-2.0-x\r\n", at="connect"))

    with socket.create_connection(cloud.address, timeout=10) as wire:
        assert wire.recv(99) == b"SSH-2.0-x\r\n"

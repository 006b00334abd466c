"""Process end: behaviour on SIGTERM and after SIGKILL."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from function.lib import schemas
from tests.fake_dms import FakeDms, Hold
from tests.fake_dms.faults import Stage
from tests.http_server import refused

from .case import ONE
from .served import Served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
SCHEMAS = schemas.load()


@contextmanager
def asked(served: Served) -> Iterator[list[requests.Response]]:
    """Ask for a restart in the background; the answer, if one comes, is there at the end."""
    answers: list[requests.Response] = []

    def ask() -> None:
        try:
            answers.append(served.ask(action="restart", instances=[ONE], id="7"))
        except requests.RequestException:
            return

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers
    thread.join()


@pytest.mark.parametrize("stage", ["request", "done"])
def test_an_event_that_runs_at_sigterm_ends_and_answers(stage: Stage) -> None:
    with FakeDms() as cloud, Served(cloud) as served, served.connect() as half:
        half.sendall(b"POST /direct HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        cloud.add_instance(ONE)
        cloud.fault(Hold(stage), "action")
        with asked(served) as answers:
            cloud.wait_for_connections(2)
            served.wait_for("About to send")
            served.terminate()
            assert half.recv(1) == b""  # a half-sent request is given up, and holds nothing up
            with pytest.raises(ConnectionRefusedError):
                served.connect()
            cloud.release()
        assert served.wait() == 0
        (result,) = served.results()

    SCHEMAS.check("result", result)
    assert (answers[0].status_code, result["data"]["outcome"]) == (200, "accepted")
    assert len(cloud.posts) == 1


def test_a_server_ends_within_the_deadline_of_its_events_though_the_cloud_is_silent() -> None:
    with FakeDms() as cloud, Served(cloud, DEADLINE_SECONDS="1") as served:
        cloud.add_instance(ONE)
        cloud.fault(Hold("request"), "action")
        with asked(served) as answers:
            served.wait_for("About to send")
            served.terminate()
        assert served.wait() == 0
        (result,) = served.results()
        cloud.release()

    assert (answers[0].status_code, result["data"]["outcome"]) == (202, "unknown")


@pytest.mark.parametrize("stage", ["request", "done"])
def test_a_killed_server_leaves_the_line_that_says_what_was_sent_and_no_half_result(
    stage: Stage,
) -> None:
    expected = threading.Event()
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        cloud.fault(Hold(stage), "action")
        with Served(cloud) as killed:
            with asked(killed) as answers:
                cloud.wait_for(1, "action")
                cloud.observer = lambda *_: expected.set()
                killed.process.kill()
            killed.wait()
            results = killed.results()
        cloud.release()
        assert expected.wait(10)

        with Served(cloud) as served:
            again = served.ask(action="restart", instances=[ONE], id="7")
            results += served.results()

    lines = [json.loads(line) for line in killed.err if "About to send" in line]
    assert answers == []
    assert lines[0]["request"] == {"action": "restart", "instances": [ONE]}
    assert lines[0]["event_id"] == "7"
    assert [result["id"] for result in results] == [again.json()["id"]]
    assert len([effect for effect in cloud.effects if effect.action == "restart"]) == 1


def test_a_server_with_wrong_settings_does_not_start_and_names_them_without_their_values() -> None:
    settings = {"DIRECT_SECRETS": "canary-0123456789\ncanary", "DRY_RUN": "canary"}
    code, out, messages = refused(settings)

    text = "".join(messages)
    assert code == 2
    assert "DIRECT_SECRETS" in text
    assert "DRY_RUN" in text
    assert "canary" not in text + out

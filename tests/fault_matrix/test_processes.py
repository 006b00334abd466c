"""Being ended: what runs when the platform says stop, and what is left when it just kills."""

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
def test_an_event_that_runs_when_the_server_is_told_to_stop_ends_and_reports(stage: Stage) -> None:
    with FakeDms() as cloud, Served(cloud) as served:
        cloud.add_instance(ONE)
        cloud.fault(Hold(stage), "action")
        with asked(served) as answers:
            cloud.wait_for_connections(2)
            served.wait_for("About to send")
            served.terminate()
            served.wait_for("Handling signal: term")
            cloud.release()
        assert served.wait() == 0

    (result,) = served.results()
    SCHEMAS.check("result", result)
    assert (answers[0].status_code, result["data"]["outcome"]) == (200, "accepted")
    assert len(cloud.posts) == 1


@pytest.mark.parametrize("stage", ["request", "done"])
def test_a_killed_worker_leaves_the_line_that_says_what_was_sent_and_no_half_result(
    stage: Stage,
) -> None:
    told = threading.Event()
    with FakeDms() as cloud, Served(cloud) as served:
        cloud.add_instance(ONE)
        cloud.fault(Hold(stage), "action")
        with asked(served) as answers:
            cloud.wait_for(1, "action")
            cloud.observer = lambda *_: told.set()
            served.kill_worker()
        served.wait_for("Booting worker", times=2)
        cloud.release()
        assert told.wait(10)

        again = served.ask(action="restart", instances=[ONE], id="7")
        served.terminate()
        served.wait()

    intents = [json.loads(line) for line in served.err if "About to send" in line]
    assert answers == []
    assert intents[0]["request"] == {"action": "restart", "instances": [ONE]}
    assert intents[0]["event_id"] == "7"
    assert [result["id"] for result in served.results()] == [again.json()["id"]]
    assert len([deed for deed in cloud.effects if deed.action == "restart"]) == 1


def test_a_server_with_wrong_settings_does_not_start_and_names_them_without_their_values() -> None:
    with FakeDms() as cloud:
        served = Served(cloud, DIRECT_SECRETS="canary-0123456789\ncanary", DRY_RUN="canary")
        served.start()
        assert served.wait() == 1

    text = "".join(served.err)
    assert "DIRECT_SECRETS" in text
    assert "DRY_RUN" in text
    assert "canary" not in text + "".join(served.out)

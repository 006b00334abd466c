"""The pipeline: exactly one result per event, whatever arrives and whatever fails."""

from __future__ import annotations

from typing import Any

import pytest

from function.entrypoints.invocation import invoke
from function.entrypoints.routes import HttpRequest, handle_request
from function.ledger.memory import MemoryLedger
from tests.factories import AUDIT, ORDERS, PAYMENTS
from tests.fault_matrix.case import Meanwhile
from tests.harness import SECRET, CloudTime, Remediator, alerts, ces_alarm

REQUEST = {"action": "restart", "instances": [ORDERS]}


@pytest.mark.parametrize(
    ("path", "document", "headers", "status", "reason"),
    [
        ("/direct", REQUEST, {}, 200, None),
        ("/direct", {"action": "purge"}, {}, 400, "schema"),
        ("/direct", b"{", {}, 400, "invalid_json"),
        ("/direct", b"x" * 10, {"content-type": "text/plain"}, 415, "media_type"),
        (
            "/direct",
            REQUEST,
            {"authorization": "Bearer wrong-secret-of-16"},
            401,
            "unauthenticated",
        ),
        ("/smn", REQUEST, {}, 403, "route_closed"),
        ("/alertmanager", alerts("none"), {}, 200, "not_mapped"),
    ],
)
def test_every_event_gets_one_result_in_the_answer_and_as_one_line(
    remediator: Remediator,
    out: Any,
    path: str,
    document: Any,
    headers: Any,
    status: int,
    reason: Any,
) -> None:
    answer = remediator.post(path, document, **headers)
    results, _ = out()

    assert (answer.status, answer.data["reason"]) == (status, reason)
    assert len(results) == 1
    assert results[0].pop("severity") in {"INFO", "WARNING"}
    assert results[0].pop("message")
    assert results[0] == answer.event


def test_an_unauthenticated_sender_learns_nothing_about_the_project(remediator: Remediator) -> None:
    answer = remediator.post("/direct", REQUEST, authorization="Bearer wrong-secret-of-16")

    assert answer.data == {"outcome": "rejected", "reason": "unauthenticated"}
    assert answer.event["source"] == "/kafka-remediator"
    assert not remediator.cloud.requests


@pytest.mark.parametrize("path", ["/", "/direct", "/alertmanager", "/grafana"])
def test_a_result_of_ours_that_comes_back_is_no_event(
    remediator: Remediator, out: Any, path: str
) -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    own = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/kafka-remediator"}
    kind = {"ce-type": "dev.kafka-remediator.result.v1"}
    request = HttpRequest("POST", path, {**headers, **own, **kind}, b"{}")

    assert handle_request(request, remediator.runtime).status == 204
    assert out() == ([], [])


def test_a_result_that_needs_a_person_is_an_error_in_the_log(
    remediator: Remediator, out: Any
) -> None:
    remediator.alert(AUDIT)
    ((result,), _) = out()

    assert (result["severity"], result["needshuman"]) == ("ERROR", True)


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_the_call_is_announced_before_it_is_sent_whatever_the_log_level(
    remediator: Remediator, out: Any, level: str
) -> None:
    remediator.set(LOG_LEVEL=level)
    remediator.ask(**REQUEST, id="change-7")
    _, (line,) = out()

    assert (line["message"], line["event_id"]) == ("About to send.", "change-7")
    assert line["request"] == REQUEST


def test_every_line_about_an_event_has_the_id_of_its_result(
    remediator: Remediator, out: Any
) -> None:
    """The sender's id, else one of ours; for a rejected caller the id of the result itself."""
    remediator.set(LOG_LEVEL="DEBUG")
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    remediator.ask(**REQUEST, id="change-7")
    remediator.alert(PAYMENTS)
    remediator.post("/direct", REQUEST, authorization="Bearer wrong-secret-of-16")
    results, lines = out()

    named, unnamed, rejected = results
    assert [line["event_id"] for line in lines] == [
        "change-7",
        unnamed["data"]["event"]["id"],
        rejected["id"],
    ]
    assert named["data"]["event"]["id"] == "change-7"
    assert [line["message"] for line in lines[:2]] == ["About to send."] * 2


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 1), ("WARNING", 1), ("ERROR", 0)])
def test_log_level_is_configurable_and_results_are_always_logged(
    remediator: Remediator, out: Any, level: str, lines: int
) -> None:
    remediator.set(LOG_LEVEL=level)
    remediator.cloud.set_status(ORDERS, "RESTARTING")
    remediator.alert()
    results, log = out()

    assert (len(results), len(log)) == (1, lines)


def test_an_event_that_asks_for_nothing_needs_no_credentials_and_any_other_names_them(
    remediator: Remediator,
) -> None:
    settings = remediator.runtime.settings._replace(credentials=None)
    remediator.runtime = remediator.runtime._replace(settings=settings)

    unmapped = remediator.post("/alertmanager", alerts("none"))
    assert unmapped.verdict == (200, "skipped", "not_mapped")
    answer = remediator.restart()
    assert answer.verdict == (500, "failed", "settings")
    assert "HUAWEICLOUD_SDK_AK" in answer.data["message"]
    assert answer.data["needs_human"]
    assert not remediator.cloud.requests


def test_several_records_of_one_trigger_are_several_events(
    remediator: Remediator, out: Any
) -> None:
    records = ces_alarm(alarm_status="ok")["record"] * 2
    results = invoke({"record": records}, remediator.runtime, credentials=None, remaining=None)

    assert [result["data"]["reason"] for result in results] == ["not_recovered", "not_recovered"]
    assert len(out()[0]) == 2


class Jumping(CloudTime):
    """A clock that a test can advance."""

    def jump(self, seconds: float) -> None:
        self.ahead += seconds


def jumping(remediator: Remediator) -> Jumping:
    """Give the remediator a clock that jumps."""
    clock = Jumping(remediator.cloud)
    remediator.runtime = remediator.runtime._replace(
        clock=clock, ledger=MemoryLedger(clock.monotonic)
    )
    return clock


def test_a_record_that_takes_long_uses_up_its_share_of_the_time_and_no_more(
    remediator: Remediator,
) -> None:
    clock = jumping(remediator)
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    for number, seconds in enumerate((10, 8), 1):
        # Once the other read is on its way, too: one that begins later would be out of time.
        def jump(number: int = number, seconds: int = seconds) -> None:
            remediator.cloud.wait_for(number, "list")
            clock.jump(seconds)

        remediator.cloud.fault(Meanwhile(jump), "tasks")
    other = f"kafka_instance_id:{PAYMENTS}"
    records = [*ces_alarm()["record"], *ces_alarm(dimension=other)["record"]]
    answer = invoke({"record": records}, remediator.runtime, credentials=None, remaining=25)

    assert [(result["data"]["outcome"], result["data"]["reason"]) for result in answer] == [
        ("failed", "deadline"),  # 10 s are more than 80 % of one half of 24 s
        ("accepted", None),  # 8 s are less than 80 % of the 14 s that are left
    ]
    assert [effect.instance for effect in remediator.cloud.effects] == [PAYMENTS]

"""Report: the findings on an event, into its result event and HTTP answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import report, schemas
from function.live_state import ApiReply
from function.model import Action, Event, Intent, Outcome, Received
from function.trail import Findings, Result, Trail
from function.verdict import Verdict

from .values import HOUR, NOW, ORDERS, PAYMENTS

SCHEMAS = schemas.load()
RECEIVED = Received("direct", b"{}", NOW)
EVENT = Event((Intent(Action.RESTART, (ORDERS,)),), id="e1", sent=NOW, name="nightly")
TRAIL = Trail(RECEIVED, "0123456789abcdef" * 2, proven=True, source="direct", event=EVENT)
ONE = Verdict(ORDERS, Outcome.SKIPPED, "cooldown", "ERROR", NOW - HOUR)
SKIPPED = Findings(Outcome.SKIPPED, "cooldown", "Skipped.", 200, verdicts=(ONE,))
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def result(trail: Trail = TRAIL, found: Findings = SKIPPED) -> Result:
    made = report.result(trail, found, dry_run=False, now=NOW, duration_ms=7)
    SCHEMAS.check("result", made.event)
    return made


def identity(found: Findings = SKIPPED, **changes: Any) -> str:
    received = {name: changes.pop(name) for name in ("channel", "body", "at") if name in changes}
    trail = replace(TRAIL, received=replace(RECEIVED, **received))
    if changes:
        trail = replace(trail, event=replace(EVENT, **changes))
    return str(result(trail, found).event["id"])


def test_a_result_is_a_cloudevent_with_everything_in_it() -> None:
    event = dict(result().event)
    event.pop("id")

    assert event == {
        "specversion": "1.0",
        "source": "/huaweicloud/dms/kafka/0123456789abcdef0123456789abcdef",
        "type": "dev.kafka-remediator.result.v1",
        "time": "2026-01-05T03:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "https://kafka-remediator.dev/schemas/result.json",
        "subject": ORDERS,
        "data": {
            "outcome": "skipped",
            "action": "restart",
            "dry_run": False,
            "reason": "cooldown",
            "message": "Skipped.",
            "event": {
                "source": "direct",
                "id": "e1",
                "time": "2026-01-05T03:00:00Z",
                "name": "nightly",
            },
            "request": None,
            "instances": [
                {
                    "id": ORDERS,
                    "outcome": "skipped",
                    "reason": "cooldown",
                    "status": "ERROR",
                    "last_restart": "2026-01-05T02:00:00Z",
                }
            ],
            "api": {
                "status": None,
                "request_id": None,
                "error_code": None,
                "error_msg": None,
                "attempts": 0,
            },
            "retryable": False,
            "needs_human": False,
            "duration_ms": 7,
        },
    }


def test_the_data_schema_is_the_one_of_the_result() -> None:
    assert schemas.identifier("result") == report.SCHEMA


def test_an_unproven_sender_learns_outcome_and_reason_and_nothing_else() -> None:
    found = Findings(Outcome.REJECTED, "unauthenticated", "secret", 401, needs_human=True)
    event = result(replace(TRAIL, proven=False, event=None), found).event

    assert event["data"] == {"outcome": "rejected", "reason": "unauthenticated"}
    assert event["source"] == "/kafka-remediator"
    assert "needshuman" not in event


@pytest.mark.parametrize("others", [(), (replace(ONE, id=PAYMENTS),)])
def test_the_subject_is_the_instance_when_there_is_exactly_one(others: Any) -> None:
    found = replace(SKIPPED, verdicts=(ONE, *others))

    assert result(found=found).event.get("subject") == (None if others else ORDERS)
    assert "subject" not in result(found=replace(SKIPPED, verdicts=())).event


def test_a_result_that_needs_a_person_says_so_to_triggers_too() -> None:
    assert result(found=replace(SKIPPED, needs_human=True)).event["needshuman"] is True
    assert "needshuman" not in result().event


@pytest.mark.parametrize(("status", "header"), [(503, "30"), (200, None), (500, None)])
def test_only_what_may_be_sent_again_says_when(status: int, header: str | None) -> None:
    made = result(found=replace(SKIPPED, status=status))

    assert made.status == status
    assert made.headers.get("Retry-After") == header
    assert made.headers["Content-Type"] == "application/cloudevents+json"


@pytest.mark.parametrize(
    ("own", "header", "passed_on"),
    [
        (TRACE, None, TRACE),
        (None, TRACE, TRACE),
        (TRACE, TRACE.replace("4b", "00"), TRACE),
        ("odd", TRACE, None),
        (None, "x" + TRACE, None),
        (None, None, None),
    ],
)
def test_a_trace_context_is_passed_on_if_it_is_one(
    own: str | None, header: str | None, passed_on: str | None
) -> None:
    headers = {"traceparent": header} if header else {}
    trail = replace(
        TRAIL,
        received=replace(RECEIVED, headers=headers),
        event=replace(EVENT, traceparent=own),
    )

    assert result(trail).event.get("traceparent") == passed_on


def test_the_same_event_with_the_same_fate_has_the_same_id() -> None:
    later = report.result(TRAIL, SKIPPED, dry_run=True, now=NOW + HOUR, duration_ms=99)

    assert later.event["id"] == identity() == identity(body=b"other", at=NOW + HOUR)
    assert identity(replace(SKIPPED, message="Other words.")) == identity()


@pytest.mark.parametrize(
    "changes", [{"channel": "trigger/timer"}, {"id": "e2"}, {"origin": "/cron"}]
)
def test_another_event_has_another_id(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.FAILED},
        {"verdicts": (replace(ONE, id=PAYMENTS),)},
        {"verdicts": (replace(ONE, outcome=Outcome.FAILED),)},
        {"verdicts": (replace(ONE, reason="status"),)},
        {"verdicts": (replace(ONE, needs_human=True),)},
        {"verdicts": (ONE, replace(ONE, id=PAYMENTS))},
    ],
)
def test_another_fate_has_another_id(changes: dict[str, Any]) -> None:
    assert identity(replace(SKIPPED, **changes)) != identity()


@pytest.mark.parametrize("changes", [{"body": b"[]"}, {"at": NOW + HOUR}])
def test_an_event_without_an_id_is_known_by_its_body_and_the_moment_of_receipt(
    changes: dict[str, Any],
) -> None:
    assert identity(id=None, **changes) != identity(id=None)
    assert identity(id=None) == identity(id=None)


def test_an_event_that_could_not_be_read_has_an_id_too() -> None:
    unread = replace(TRAIL, event=None)
    event = result(unread).event

    assert len(event["id"]) == 32
    assert event["data"]["event"] == {"source": "direct", "id": None, "time": None, "name": None}
    assert event["data"]["action"] is None
    assert event["id"] == identity(id=None)


def api(reply: ApiReply | None, attempts: int = 0) -> Any:
    return result(found=replace(SKIPPED, reply=reply, attempts=attempts)).data["api"]


def refused(status: int, **document: Any) -> ApiReply:
    return ApiReply(arrived=True, status=status, document=document, request_id="r1")


def test_the_answer_of_the_cloud_is_in_the_result() -> None:
    reply = refused(400, error_code="DMS.00400026", error_msg="Not in this state.")

    assert api(reply, attempts=2) == {
        "status": 400,
        "request_id": "r1",
        "error_code": "DMS.00400026",
        "error_msg": "Not in this state.",
        "attempts": 2,
    }


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("two\nlines\t and\r\n\x00more\u2028", "two lines and more"),
        ("x" * 400, "x" * 300),
        ("", ""),
        (None, None),
        (7, None),
    ],
)
def test_the_words_of_the_cloud_are_one_short_line(said: Any, shown: str | None) -> None:
    assert api(refused(400, error_msg=said))["error_msg"] == shown


@pytest.mark.parametrize("status", [401, 403])
def test_the_words_of_the_cloud_about_credentials_are_ours(status: int) -> None:
    found = api(refused(status, error_code="APIGW.0301", error_msg="x-auth-token:secret"))

    assert found["error_msg"] == report.OWN_WORDS[status]
    assert found["error_code"] == "APIGW.0301"


@pytest.mark.parametrize("document", [None, [], "text"])
def test_an_answer_that_is_no_object_has_no_words(document: Any) -> None:
    found = api(ApiReply(arrived=True, status=500, document=document))

    assert (found["error_code"], found["error_msg"], found["status"]) == (None, None, 500)


@given(st.text(), st.text(), st.sampled_from([200, 400, 401, 500]))
def test_whatever_the_cloud_says_the_result_keeps_its_schema(
    code: str, words: str, status: int
) -> None:
    api(refused(status, error_code=code, error_msg=words))

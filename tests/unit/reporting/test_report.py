"""Report: from the summary of an event to its result event and HTTP answer."""

from __future__ import annotations

from typing import Any

import pytest

from function.lib import schemas
from function.model.cloud_state import ApiResponse
from function.model.decision import Ending, Verdict
from function.model.event import Outcome
from function.model.result import Summary
from function.reporting import report
from tests.factories import MINUTE, NOW, ORDERS, PAYMENTS
from tests.unit.reporting.results import CONTEXT, EVENT, ONE, RECEIVED, SKIPPED, result

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


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


def test_an_unauthenticated_sender_learns_outcome_and_reason_and_nothing_else() -> None:
    summary = Summary(Ending(Outcome.REJECTED, "unauthenticated", needs_human=True), "secret", 401)
    raw_event = RECEIVED._replace(headers={"traceparent": TRACE})
    context = CONTEXT._replace(authenticated=False, event=None, raw_event=raw_event)
    event = result(context, summary).event

    assert event["data"] == {"outcome": "rejected", "reason": "unauthenticated"}
    assert event["source"] == "/kafka-remediator"
    assert not {"needshuman", "traceparent"} & event.keys()


@pytest.mark.parametrize("others", [(), (ONE._replace(id=PAYMENTS),)])
def test_the_subject_is_the_instance_when_there_is_exactly_one(others: Any) -> None:
    summary = SKIPPED._replace(verdicts=(ONE, *others))

    assert result(summary=summary).event.get("subject") == (None if others else ORDERS)
    assert "subject" not in result(summary=SKIPPED._replace(verdicts=())).event


def test_a_result_that_needs_a_person_says_so_to_triggers_too() -> None:
    urgent = SKIPPED._replace(ending=Ending(Outcome.SKIPPED, "storm", needs_human=True))

    assert result(summary=urgent).event["needshuman"] is True
    assert "needshuman" not in result().event


@pytest.mark.parametrize(("status", "header"), [(503, "30"), (200, None), (500, None)])
def test_only_what_may_be_sent_again_says_when(status: int, header: str | None) -> None:
    made = result(summary=SKIPPED._replace(status=status))

    assert made.status == status
    assert made.headers.get("Retry-After") == header
    assert made.headers["Content-Type"] == "application/cloudevents+json"


@pytest.mark.parametrize(("status", "seconds"), [(429, "60"), (503, "30"), (None, "30")])
def test_a_throttled_failure_asks_to_be_sent_again_after_a_minute(
    status: int | None, seconds: str
) -> None:
    response = ApiResponse(possibly_sent=True, status=status)
    made = result(summary=SKIPPED._replace(status=503, response=response))

    assert made.headers["Retry-After"] == seconds


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 500])
def test_the_text_of_the_cloud_is_one_short_line_and_ours_where_its_own_quotes_headers(
    status: int,
) -> None:
    text = f"first line\r\n{'x' * 400}"
    document = {"error_code": "DMS.00400064", "error_msg": text}
    response = ApiResponse(possibly_sent=True, status=status, document=document)
    api = result(summary=SKIPPED._replace(response=response)).data["api"]

    assert (api["status"], api["error_code"]) == (status, "DMS.00400064")
    if status in {401, 403}:
        assert api["error_msg"].startswith("The cloud does not")
    else:
        assert api["error_msg"] == "first line " + "x" * 289


def test_what_is_no_text_of_an_error_is_left_out() -> None:
    documents: tuple[Any, ...] = (None, [], {"error_msg": 7})
    for document in documents:
        response = ApiResponse(possibly_sent=True, status=500, document=document)
        assert result(summary=SKIPPED._replace(response=response)).data["api"]["error_msg"] is None


def test_the_id_is_that_of_the_event_and_of_what_became_of_it() -> None:
    def id_(verdict: Verdict = ONE, **fields: Any) -> str:
        summary = SKIPPED._replace(verdicts=(verdict,), message=str(fields), attempts=len(fields))
        return str(result(CONTEXT._replace(**fields), summary).event["id"])

    nameless = EVENT._replace(id=None)
    later = RECEIVED._replace(received_at=NOW + MINUTE)
    assert id_(raw_event=later) == id_(raw_event=RECEIVED._replace(body=b"[]")) == id_()
    different = [
        id_(),
        id_(raw_event=RECEIVED._replace(channel="cloudevents")),
        id_(event=EVENT._replace(id="e2")),
        id_(event=EVENT._replace(origin="/a")),
        id_(event=nameless),
        id_(event=nameless, raw_event=later),
        id_(event=nameless, raw_event=RECEIVED._replace(body=b"[]")),
        id_(event=None),
        id_(ONE._replace(id=PAYMENTS)),
        id_(ONE._replace(reason="status")),
        id_(ONE._replace(outcome=Outcome.FAILED)),
        id_(ONE._replace(needs_human=True)),
    ]
    assert id_(event=None) == id_(event=nameless)
    assert len(set(different)) == len(different) - 1
    assert {len(one) for one in different} == {32}


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
    context = CONTEXT._replace(
        raw_event=RECEIVED._replace(headers=headers),
        event=EVENT._replace(traceparent=own),
    )

    assert result(context).event.get("traceparent") == passed_on


def api(reply: ApiResponse | None, attempts: int = 0) -> Any:
    return result(summary=SKIPPED._replace(response=reply, attempts=attempts)).data["api"]

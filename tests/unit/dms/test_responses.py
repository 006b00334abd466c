"""Responses of the API parsed into the model: ids, clocks, arbitrary content."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from function.dms import responses
from function.lib.send_gate import NoResponse, Stage
from function.lib.transport import RawResponse
from function.model.cloud_state import ApiResponse
from function.model.errors import StateUnreadable
from tests.factories import NOW, ORDERS
from tests.fake_dms import Reply
from tests.harness import Remediator
from tests.unit.dms.odd_json import JSON


def unreadable(match: str) -> Any:
    return pytest.raises(StateUnreadable, match=match)


def test_large_clock_skew_is_reported(remediator: Remediator) -> None:
    reader = remediator.reader()
    remediator.cloud.fault(
        Reply(
            401,
            {"error_code": "APIGW.0303", "error_msg": "signature expired"},
            (("Date", "Mon, 05 Jan 2026 02:00:00 GMT"),),
        ),
        kind="show",
    )

    with unreadable("the clock of this machine is 3600 seconds ahead of"):
        reader.instance(ORDERS)


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"x-request-id": "a1-b2.c3_d4"}, b"{}", "a1-b2.c3_d4"),
        ({}, b'{"request_id": "r1"}', "r1"),
        ({"x-request-id": "h"}, b'{"request_id": "r1"}', "h"),
        ({"x-request-id": "a b"}, b"{}", None),
        ({"x-request-id": "x" * 65}, b"{}", None),
        ({}, b'{"request_id": 7}', None),
        ({}, b"[]", None),
    ],
)
def test_a_request_id_is_a_short_plain_word(
    headers: dict[str, str], body: bytes, request_id: str | None
) -> None:
    reply = responses.parse_response(RawResponse(200, headers, body), NOW, ())

    assert reply.request_id == request_id


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_texts_that_quote_credentials_are_redacted(
    case: Callable[[str], str],
) -> None:
    secret = "HSTAexampleACCESSkey"
    quoted = case(secret[:18])
    body = json.dumps({"error_code": secret, "error_msg": f"{quoted} is wrong"}).encode()

    reply = responses.parse_response(
        RawResponse(400, {"x-request-id": quoted}, body), NOW, (secret,)
    )

    assert (reply.request_id, reply.error_code) == (None, None)
    assert reply.document["error_msg"] == responses.REDACTED


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("DMS.00400026", True),
        ("SVCSTG.DMS.1", True),
        ("DMS", False),
        ("DMS.1\n", False),
        ("DMS.1 2", False),
        ("DMS." + "1" * 60, True),
        ("DMS." + "1" * 61, False),
        (7, False),
    ],
)
def test_an_error_code_is_a_short_word_with_a_dot(code: object, *, kept: bool) -> None:
    reply = ApiResponse(possibly_sent=True, status=400, document={"error_code": code})

    assert reply.error_code == (code if kept else None)


def test_the_name_of_a_task_is_one_printable_line() -> None:
    task = responses.parse_task({"id": "1", "name": "kafka\nRestart\x1b[0m", "status": "SUCCESS"})

    assert task.name == "kafka Restart [0m"


@pytest.mark.parametrize("id_", ["", " ", "a b", "x" * 65, None, 7])
def test_an_instance_without_a_plain_id_is_unreadable(id_: object) -> None:
    with unreadable("no id"):
        responses.parse_instance({"instance_id": id_, "status": "RUNNING", "engine": "kafka"})


@pytest.mark.parametrize(
    ("status", "date", "skew"),
    [
        (401, "Mon, 05 Jan 2026 02:00:00 GMT", 3600),
        (403, "Mon, 05 Jan 2026 03:00:30 GMT", -30),
        (401, "now", None),
        (401, "", None),
        (401, "Mon, 05 Jan 2026 02:00:00", None),
        (200, "Mon, 05 Jan 2026 02:00:00 GMT", 3600),
    ],
)
def test_every_answer_tells_how_far_the_clocks_differ(
    status: int, date: str, skew: int | None
) -> None:
    assert (
        responses.parse_response(
            RawResponse(status, {"date": date}, b""), NOW, ()
        ).clock_skew_seconds
        == skew
    )


@pytest.mark.parametrize(
    ("skew", "words"), [(901, "901 seconds ahead of"), (-901, "901 seconds behind")]
)
def test_a_good_answer_is_unreadable_where_the_clocks_differ_by_over_15_minutes(
    skew: int, words: str
) -> None:
    answer = ApiResponse(possibly_sent=True, status=200, document={}, clock_skew_seconds=skew)
    with unreadable(f"the clock of this machine is {words}"):
        responses.require_ok(answer, "dms:instance:get")

    near = answer._replace(clock_skew_seconds=skew - skew // abs(skew))
    assert responses.require_ok(near, "dms:instance:get") == {}


def test_missing_response_is_reported() -> None:
    with unreadable("the cloud gave no answer"):
        responses.require_ok(ApiResponse(possibly_sent=True), "dms:instance:get")
    with unreadable("DNS knows no host"):
        unknown = ApiResponse(possibly_sent=True, problem="DNS knows no host dms.example")
        responses.require_ok(unknown, "dms:instance:get")


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("timed_out", [False, True])
@pytest.mark.parametrize("stage", Stage)
def test_a_failed_exchange_names_the_host_and_the_stage(
    stage: Stage, *, timed_out: bool, lasting: bool
) -> None:
    failure = NoResponse(stage, timed_out=timed_out, lasting=lasting)
    text = responses.failure_text(failure, "dms.example:443", "proxy.example:3128")

    assert "dms.example:443" in text
    assert ("proxy.example:3128" in text) == (stage is Stage.PROXY)
    assert text.startswith("timeout: ") == timed_out
    assert stage is Stage.ANSWER or stage.value in text


@given(JSON)
def test_arbitrary_rows_are_an_instance_or_unreadable(row: Any) -> None:
    try:
        found = responses.parse_instance(row)
    except StateUnreadable:
        return
    assert found.id == row["instance_id"].lower()
    assert found.status == row["status"][:64].upper()

"""Classification of responses, row by row, and for arbitrary responses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model import cloud_state
from function.model.cloud_state import ApiResponse
from function.model.decision import ActionCall
from function.model.event import Action, Outcome
from function.policy import call_result
from function.policy.call_result import CallResult

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
NOW = datetime(2026, 1, 5, 2, 15, tzinfo=timezone.utc)
PURGE = ActionCall(Action.PURGE_FAILED, {"action": "delete", "all_failure": "kafka"})
RESTART = ActionCall(Action.RESTART, {"action": "restart", "instances": [ONE]}, (ONE,))
DELETE = ActionCall(Action.DELETE, {"action": "delete", "instances": [ONE]}, (ONE,))
CALLS = (PURGE, RESTART, DELETE)


def answered(status: int | None, document: Any = None, **rest: Any) -> ApiResponse:
    return ApiResponse(possibly_sent=True, status=status, document=document, **rest)


def coded(status: int, code: str, **rest: Any) -> ApiResponse:
    return answered(status, {"error_code": code}, **rest)


def found(reply: ApiResponse, call: ActionCall = RESTART, *, platform: bool = False) -> CallResult:
    return call_result.classify(reply, call, platform_credentials=platform)


@pytest.mark.parametrize("call", CALLS)
def test_unsent_call_is_not_sent(call: ActionCall) -> None:
    assert found(ApiResponse(possibly_sent=False), call) is CallResult.NOT_SENT
    assert found(ApiResponse(possibly_sent=False, timed_out=True), call) is CallResult.DEADLINE


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "reply",
    [
        answered(429),
        coded(429, "APIGW.0308"),
        coded(429, "APIG.0308"),
        coded(404, "DMS.10240407"),
        coded(403, "APIGW.0308"),
    ],
)
def test_a_throttled_call_was_not_done(reply: ApiResponse, call: ActionCall) -> None:
    assert found(reply, call) is CallResult.THROTTLED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", sorted(call_result.BUSY_CODES))
def test_a_busy_instance_was_left_alone(code: str, call: ActionCall) -> None:
    assert found(coded(400, code), call) is CallResult.BUSY


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code"), [(401, "APIGW.0307"), (401, "APIG.0307"), (403, "DMS.10240102")]
)
def test_an_expired_key_is_renewed_only_where_the_platform_does_it(
    status: int, code: str, call: ActionCall
) -> None:
    assert found(coded(status, code), call, platform=True) is CallResult.EXPIRED
    assert found(coded(status, code), call) is CallResult.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (coded(401, "APIGW.0303"), CallResult.CLOCK_SKEW),
        (coded(401, "APIG.0303"), CallResult.CLOCK_SKEW),
        (answered(401, clock_skew_seconds=901), CallResult.CLOCK_SKEW),
        (answered(401, clock_skew_seconds=-901), CallResult.CLOCK_SKEW),
        (coded(401, "APIGW.0301", clock_skew_seconds=901), CallResult.CLOCK_SKEW),
        (coded(401, "APIGW.0301", clock_skew_seconds=900), CallResult.UNAUTHENTICATED),
        (answered(401, clock_skew_seconds=900), CallResult.UNAUTHENTICATED),
        (coded(403, "APIGW.0302", clock_skew_seconds=9000), CallResult.FORBIDDEN),
        (coded(503, "APIGW.0613"), CallResult.UNAVAILABLE),
        (coded(503, "APIG.0613"), CallResult.UNAVAILABLE),
        (answered(503), CallResult.UNKNOWN),
        (coded(502, "APIGW.0613"), CallResult.UNKNOWN),
        (answered(401), CallResult.UNAUTHENTICATED),
        (answered(403), CallResult.FORBIDDEN),
        (answered(400), CallResult.REFUSED),
        (answered(408), CallResult.REFUSED),
        (answered(499), CallResult.REFUSED),
        (coded(404, "DMS.00404022"), CallResult.REFUSED),
    ],
)
def test_a_refusal_says_why_with_whatever_keys(reply: ApiResponse, expected: CallResult) -> None:
    assert found(reply) is expected
    assert found(reply, platform=True) is expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [None, 100, 199, 201, 202, 206, 299, 300, 302, 307, 399, 500])
def test_unclear_response_is_unknown(status: int | None, call: ActionCall) -> None:
    assert found(answered(status, {"results": []}), call) is CallResult.UNKNOWN
    assert found(answered(502), call) is CallResult.UNKNOWN
    assert found(answered(600), call) is CallResult.UNKNOWN


@pytest.mark.parametrize(
    ("reply", "purge", "ids"),
    [
        (answered(204), CallResult.DONE, CallResult.UNKNOWN),
        (answered(200), CallResult.UNKNOWN, CallResult.UNKNOWN),
        (answered(200, empty=True), CallResult.DONE, CallResult.UNKNOWN),
        (answered(201, empty=True), CallResult.UNKNOWN, CallResult.UNKNOWN),
        (answered(200, {}), CallResult.DONE, CallResult.UNKNOWN),
        (answered(200, []), CallResult.DONE, CallResult.UNKNOWN),
        (answered(200, {"results": None}), CallResult.DONE, CallResult.UNKNOWN),
        (answered(200, {"results": []}), CallResult.DONE, CallResult.PER_INSTANCE),
    ],
)
def test_a_success_counts_only_as_documented(
    reply: ApiResponse, purge: CallResult, ids: CallResult
) -> None:
    assert [found(reply, call) for call in CALLS] == [purge, ids, ids]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"result": "success", "instance": ONE}], CallResult.DONE),
        ([{"result": "success", "instance": ONE.upper()}], CallResult.DONE),
        ([{"result": "success", "instance": ONE}] * 2, CallResult.DONE),
        ([{"result": "failed", "instance": ONE}], CallResult.REFUSED),
        ([{"result": word, "instance": ONE} for word in ("success", "failed")], CallResult.UNKNOWN),
        ([{"result": "failed", "instance": ONE}, {"instance": ONE}], CallResult.UNKNOWN),
        ([{"result": "Success", "instance": ONE}], CallResult.UNKNOWN),
        ([{"result": True, "instance": ONE}], CallResult.UNKNOWN),
        ([{"result": "success", "instance": TWO}], CallResult.UNKNOWN),
        ([{"result": "success", "instance": None}], CallResult.UNKNOWN),
        (["success", None, [ONE]], CallResult.UNKNOWN),
        ([], CallResult.UNKNOWN),
    ],
)
def test_row_counts_for_its_own_instance_only(rows: list[Any], expected: CallResult) -> None:
    assert (
        call_result.classify_instance(
            CallResult.PER_INSTANCE, answered(200, {"results": rows}), ONE
        )
        is expected
    )


@pytest.mark.parametrize("whole", [one for one in CallResult if one is not CallResult.PER_INSTANCE])
@pytest.mark.parametrize("word", ["success", "failed", "odd"])
def test_without_rows_that_count_the_answer_speaks_for_every_instance(
    whole: CallResult, word: str
) -> None:
    reply = answered(200, {"results": [{"result": word, "instance": ONE}]})
    failed = whole is CallResult.DONE and word == "failed"

    assert call_result.classify_instance(whole, reply, ONE) is (
        CallResult.REFUSED if failed else whole
    )
    assert call_result.classify_instance(whole, reply, TWO) is whole
    assert (
        call_result.classify_instance(whole, ApiResponse(possibly_sent=True, status=204), ONE)
        is whole
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
CODES = st.sampled_from(
    [
        *cloud_state.THROTTLED_CODES,
        *call_result.BUSY_CODES,
        *call_result.EXPIRED_CODES,
        *call_result.UNAVAILABLE_CODES,
        "x",
    ]
)
REPLIES = st.builds(
    ApiResponse,
    possibly_sent=st.booleans(),
    status=st.none() | st.integers(100, 999),
    document=JSON | st.fixed_dictionaries({"error_code": CODES}) | st.just({"results": []}),
    timed_out=st.booleans(),
    clock_skew_seconds=st.none() | st.integers(-9999, 9999),
)


@given(REPLIES, st.sampled_from(CALLS), st.booleans())
def test_every_answer_has_one_meaning_and_only_a_refusal_or_no_arrival_says_not_done(
    reply: ApiResponse, call: ActionCall, platform: bool
) -> None:
    meant = found(reply, call, platform=platform)

    certainly_not_done = meant.ending.outcome is Outcome.FAILED
    refusal = reply.status is not None and (400 <= reply.status < 500 or reply.status == 503)
    assert not certainly_not_done or not reply.possibly_sent or refusal
    assert (meant.ending.outcome is Outcome.ACCEPTED) <= (
        reply.status in {200, 204} and reply.possibly_sent
    )
    assert (meant in {CallResult.DEADLINE, CallResult.NOT_SENT}) == (not reply.possibly_sent)


@given(st.lists(st.fixed_dictionaries({"result": JSON, "instance": st.just(ONE) | JSON}) | JSON))
def test_rows_of_any_form_are_read(rows: list[Any]) -> None:
    results = [row.get("result") for row in rows if isinstance(row, dict)]
    meant = call_result.classify_instance(
        CallResult.PER_INSTANCE, answered(200, {"results": rows}), ONE
    )

    assert meant in {CallResult.DONE, CallResult.REFUSED, CallResult.UNKNOWN}
    assert meant is not CallResult.DONE or "success" in results


def waits(text: str | None) -> float | None:
    return ApiResponse(possibly_sent=True, retry_after=text).retry_after_seconds(NOW)


@given(st.integers(0, 999999))
def test_retry_after_in_seconds_is_that_many(seconds: int) -> None:
    assert waits(f" {seconds} ") == seconds


@given(st.integers(-(10**6), 10**6))
def test_retry_after_as_a_date_is_the_time_until_then(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert waits(date) == max(seconds, 0)


@pytest.mark.parametrize(
    "text", [None, "", "soon", "-1", "1.5", "1e3", "9" * 7, "٣", "Mon, 05 Jan 2026 02:16:00 -0000"]
)
def test_any_other_retry_after_says_nothing(text: str | None) -> None:
    assert waits(text) is None


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(text: str) -> None:
    seconds = waits(text)

    assert seconds is None or seconds >= 0

"""The design's table of answers, row by row, and what holds for every answer there can be."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.cloud_state import ApiReply
from function.model.decision import ApiCall
from function.model.event import Action, Outcome
from function.policy import call_result
from function.policy.call_result import Fate

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
NOW = datetime(2026, 1, 5, 2, 15, tzinfo=timezone.utc)
PURGE = ApiCall(Action.PURGE_FAILED, {"action": "delete", "all_failure": "kafka"})
RESTART = ApiCall(Action.RESTART, {"action": "restart", "instances": [ONE]}, (ONE,))
DELETE = ApiCall(Action.DELETE, {"action": "delete", "instances": [ONE]}, (ONE,))
CALLS = (PURGE, RESTART, DELETE)


def answered(status: int | None, document: Any = None, **rest: Any) -> ApiReply:
    return ApiReply(arrived=True, status=status, document=document, **rest)


def coded(status: int, code: str, **rest: Any) -> ApiReply:
    return answered(status, {"error_code": code}, **rest)


def found(reply: ApiReply, call: ApiCall = RESTART, *, platform: bool = False) -> Fate:
    return call_result.of(reply, call, platform_credentials=platform)


@pytest.mark.parametrize("call", CALLS)
def test_what_did_not_arrive_was_not_sent(call: ApiCall) -> None:
    assert found(ApiReply(arrived=False), call) is Fate.NOT_SENT
    assert found(ApiReply(arrived=False, late=True), call) is Fate.LATE


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
def test_a_throttled_call_was_not_done(reply: ApiReply, call: ApiCall) -> None:
    assert found(reply, call) is Fate.THROTTLED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["DMS.00400026", "DMS.00400017", "DMS.00400099"])
def test_a_busy_instance_was_left_alone(code: str, call: ApiCall) -> None:
    assert found(coded(400, code), call) is Fate.BUSY


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code"), [(401, "APIGW.0307"), (401, "APIG.0307"), (403, "DMS.10240102")]
)
def test_an_expired_key_is_renewed_only_where_the_platform_does_it(
    status: int, code: str, call: ApiCall
) -> None:
    assert found(coded(status, code), call, platform=True) is Fate.EXPIRED
    assert found(coded(status, code), call) is Fate.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (coded(401, "APIGW.0303"), Fate.SKEWED),
        (coded(401, "APIG.0303"), Fate.SKEWED),
        (answered(401, skew_seconds=901), Fate.SKEWED),
        (answered(401, skew_seconds=-901), Fate.SKEWED),
        (answered(401, skew_seconds=900), Fate.UNAUTHENTICATED),
        (coded(403, "APIGW.0302", skew_seconds=9000), Fate.FORBIDDEN),
        (coded(503, "APIGW.0613"), Fate.UNAVAILABLE),
        (coded(503, "APIG.0613"), Fate.UNAVAILABLE),
        (answered(503), Fate.UNKNOWN),
        (coded(502, "APIGW.0613"), Fate.UNKNOWN),
        (answered(401), Fate.UNAUTHENTICATED),
        (answered(403), Fate.FORBIDDEN),
        (answered(400), Fate.REFUSED),
        (answered(408), Fate.REFUSED),
        (answered(499), Fate.REFUSED),
        (coded(404, "DMS.00404022"), Fate.REFUSED),
    ],
)
def test_a_refusal_says_why(reply: ApiReply, expected: Fate) -> None:
    assert found(reply) is expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [None, 100, 199, 201, 202, 206, 299, 300, 302, 307, 399, 500])
def test_whatever_is_not_clear_is_unknown(status: int | None, call: ApiCall) -> None:
    assert found(answered(status, {"results": []}), call) is Fate.UNKNOWN
    assert found(answered(502), call) is Fate.UNKNOWN
    assert found(answered(600), call) is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("reply", "purge", "ids"),
    [
        (answered(204), Fate.DONE, Fate.UNKNOWN),
        (answered(200), Fate.UNKNOWN, Fate.UNKNOWN),
        (answered(200, {}), Fate.DONE, Fate.UNKNOWN),
        (answered(200, []), Fate.DONE, Fate.UNKNOWN),
        (answered(200, {"results": None}), Fate.DONE, Fate.UNKNOWN),
        (answered(200, {"results": []}), Fate.DONE, Fate.ROWS),
    ],
)
def test_a_success_counts_only_as_documented(reply: ApiReply, purge: Fate, ids: Fate) -> None:
    assert [found(reply, call) for call in CALLS] == [purge, ids, ids]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"result": "success", "instance": ONE}], Fate.DONE),
        ([{"result": "success", "instance": ONE.upper()}], Fate.DONE),
        ([{"result": "success", "instance": ONE}] * 2, Fate.DONE),
        ([{"result": "failed", "instance": ONE}], Fate.REFUSED),
        ([{"result": word, "instance": ONE} for word in ("success", "failed")], Fate.UNKNOWN),
        ([{"result": "failed", "instance": ONE}, {"instance": ONE}], Fate.UNKNOWN),
        ([{"result": "Success", "instance": ONE}], Fate.UNKNOWN),
        ([{"result": True, "instance": ONE}], Fate.UNKNOWN),
        ([{"result": "success", "instance": TWO}], Fate.UNKNOWN),
        ([{"result": "success", "instance": None}], Fate.UNKNOWN),
        (["success", None, [ONE]], Fate.UNKNOWN),
        ([], Fate.UNKNOWN),
    ],
)
def test_a_row_speaks_for_its_own_instance_alone(rows: list[Any], expected: Fate) -> None:
    assert call_result.of_instance(Fate.ROWS, answered(200, {"results": rows}), ONE) is expected


@pytest.mark.parametrize("whole", [one for one in Fate if one is not Fate.ROWS])
@pytest.mark.parametrize("word", ["success", "failed", "odd"])
def test_without_rows_that_count_the_answer_speaks_for_every_instance(
    whole: Fate, word: str
) -> None:
    reply = answered(200, {"results": [{"result": word, "instance": ONE}]})
    failed = whole is Fate.DONE and word == "failed"

    assert call_result.of_instance(whole, reply, ONE) is (Fate.REFUSED if failed else whole)
    assert call_result.of_instance(whole, reply, TWO) is whole
    assert call_result.of_instance(whole, ApiReply(arrived=True, status=204), ONE) is whole


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
CODES = st.sampled_from(
    [
        *call_result.THROTTLED_CODES,
        *call_result.BUSY_CODES,
        *call_result.EXPIRED_CODES,
        *call_result.UNAVAILABLE_CODES,
        "x",
    ]
)
REPLIES = st.builds(
    ApiReply,
    arrived=st.booleans(),
    status=st.none() | st.integers(100, 999),
    document=JSON | st.fixed_dictionaries({"error_code": CODES}) | st.just({"results": []}),
    late=st.booleans(),
    skew_seconds=st.none() | st.integers(-9999, 9999),
)


@given(REPLIES, st.sampled_from(CALLS), st.booleans())
def test_every_answer_has_one_meaning_and_only_a_refusal_or_no_arrival_says_not_done(
    reply: ApiReply, call: ApiCall, platform: bool
) -> None:
    meant = found(reply, call, platform=platform)

    certainly_not_done = meant.outcome is Outcome.FAILED
    refusal = reply.status is not None and (400 <= reply.status < 500 or reply.status == 503)
    assert not certainly_not_done or not reply.arrived or refusal
    assert (meant.outcome is Outcome.ACCEPTED) <= (reply.status in {200, 204} and reply.arrived)
    assert (meant in {Fate.LATE, Fate.NOT_SENT}) == (not reply.arrived)


@given(st.lists(st.fixed_dictionaries({"result": JSON, "instance": st.just(ONE) | JSON}) | JSON))
def test_rows_of_any_form_are_read(rows: list[Any]) -> None:
    said = [one.get("result") for one in rows if isinstance(one, dict)]
    meant = call_result.of_instance(Fate.ROWS, answered(200, {"results": rows}), ONE)

    assert meant in {Fate.DONE, Fate.REFUSED, Fate.UNKNOWN}
    assert meant is not Fate.DONE or "success" in said


def waits(text: str | None) -> float | None:
    return call_result.retry_after(ApiReply(arrived=True, retry_after=text), NOW)


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

"""The event entrypoint: FunctionGraph's triggers and context, and its return values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from function.entrypoints.invocation import RetryableFailure
from function.handler import handler
from tests.end_to_end.invoked import Context, brief, checked, gateway, now, record
from tests.factories import DRAFT, ORDERS
from tests.fake_dms import Close, FakeDms, throttled, vendor_error
from tests.signed_requests import RESTART, alarm

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.mark.parametrize("key", ["record", "records"])
def test_an_alarm_by_the_topic_trigger_restarts(key: str, cloud: FakeDms, context: Context) -> None:
    result = handler({key: [record()], "functionname": "f", "requestId": "r"}, context)

    assert brief(result) == ("accepted", None)
    assert result["data"]["event"]["source"] == "ces_alarm"
    assert [effect.instance for effect in cloud.effects] == [ORDERS]


@pytest.mark.parametrize("key", ["record", "records"])
def test_several_records_give_one_result_each(
    key: str, cloud: FakeDms, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {"event_source": "smn", "smn": {"subject": "no message"}}
    records = [record(), record("plain text"), record(message_id="m2"), odd, {"other": 1}]

    results = handler({key: records}, context)

    assert [brief(result) for result in results] == [
        ("accepted", None),
        ("rejected", "invalid_json"),
        ("skipped", "already_restarting"),
        ("rejected", "schema"),
        ("rejected", "schema"),
    ]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in printed] == [result["id"] for result in results]
    assert len(cloud.posts) == 1


def test_a_request_by_a_topic_restarts_and_nothing_else(cloud: FakeDms, context: Context) -> None:
    purge = handler({"record": [record('{"action":"purge_failed"}')]}, context)
    restart = handler({"record": [record(json.dumps(RESTART))]}, context)

    assert brief(purge) == ("rejected", "action_not_for_source")
    assert brief(restart) == ("accepted", None)
    assert len(cloud.posts) == 1


def test_an_alarm_by_sns_restarts(cloud: FakeDms, context: Context) -> None:
    sns = {"Message": alarm(time=round(now().timestamp() * 1000)), "MessageId": "m1"}
    stamped = {**sns, "Timestamp": now().isoformat()}

    result = handler({"Records": [{"EventSource": "aws:sns", "Sns": stamped}]}, context)

    assert brief(result) == ("accepted", None)
    assert result["data"]["event"]["source"] == "ces_alarm"


def test_a_timer_purges(cloud: FakeDms, context: Context) -> None:
    cloud.add_failed_creation(DRAFT)
    event = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": "nightly"}
    asks = {"time": now().isoformat(), "user_event": '{"action":"purge_failed"}'}

    result = handler({**event, **asks}, context)

    assert brief(result) == ("accepted", None)
    assert result["data"]["event"]["name"] == "nightly"
    assert [effect.action for effect in cloud.effects] == ["purge"]


def test_a_bare_request_restarts_or_purges_but_never_deletes(
    cloud: FakeDms, context: Context
) -> None:
    context.settings["ENABLED_ACTIONS"] = "restart,purge_failed,delete"
    delete = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}

    assert brief(handler(delete, context)) == ("rejected", "action_not_for_source")
    assert brief(handler(RESTART, context)) == ("accepted", None)
    assert brief(handler({"action": "purge_failed"}, context)) == ("accepted", None)
    assert len(cloud.posts) == 2


def test_a_cloudevent_restarts_and_our_own_result_is_no_event(
    cloud: FakeDms, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/t", "type": "dev.knative.sources.ping"}

    result = handler({**event, "data": RESTART}, context)
    capsys.readouterr()

    assert brief(result) == ("accepted", None)
    assert handler(result, context) is None
    assert capsys.readouterr().out == ""


def test_gateway_event_is_handled_as_an_http_request(cloud: FakeDms, context: Context) -> None:
    answer = handler(gateway("POST", "/direct", RESTART), context)

    assert set(answer) == {"isBase64Encoded", "statusCode", "headers", "body"}
    assert (answer["isBase64Encoded"], answer["statusCode"]) == (False, 200)
    assert answer["headers"]["Content-Type"] == "application/cloudevents+json"
    assert brief(json.loads(answer["body"])) == ("accepted", None)
    assert len(cloud.posts) == 1


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (gateway("POST", "/direct", RESTART, headers={"content-type": "application/json"}), 401),
        (gateway("POST", "/direct", RESTART, headers=None), 401),
        (gateway("POST", "/alertmanager", {}), 403),
        (gateway("GET", "/direct"), 405),
        (gateway("POST", "/other"), 404),
        (gateway("GET", "/health"), 200),
        (gateway("OPTIONS", "/direct"), 200),
        (gateway("POST", "/direct", RESTART, isBase64Encoded=False), 400),
        (gateway("POST", "/direct", body="not base64"), 400),
    ],
    ids=[
        "no credentials",
        "no headers",
        "closed",
        "method",
        "route",
        "health",
        "options",
        "text",
        "base64",
    ],
)
def test_a_rejected_gateway_event_calls_nothing(
    event: dict[str, Any], status: int, cloud: FakeDms, context: Context
) -> None:
    assert handler(event, context)["statusCode"] == status
    assert cloud.requests == ()


def test_retryable_failure_is_raised_with_its_result(
    cloud: FakeDms, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.fault(throttled(), kind="action", times=None)

    with pytest.raises(RetryableFailure) as again:
        handler(RESTART, context)

    result = json.loads(str(again.value))
    assert (checked(result)["outcome"], checked(result)["retryable"]) == ("failed", True)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_one_of_several_records_that_may_be_repeated_raises_all_results(
    cloud: FakeDms, context: Context
) -> None:
    cloud.fault(throttled(), times=None)

    with pytest.raises(RetryableFailure) as again:
        handler({"record": [record("plain text"), record()]}, context)

    outcomes = [brief(result)[0] for result in json.loads(str(again.value))]
    assert outcomes == ["rejected", "failed"]


@pytest.mark.parametrize("lost", [False, True])
def test_retryable_record_is_not_raised_when_another_was_executed(
    cloud: FakeDms, context: Context, capsys: pytest.CaptureFixture[str], *, lost: bool
) -> None:
    if lost:
        cloud.fault(Close("request"), kind="action")
    cloud.fault(throttled(), kind="list", times=None, skip=1)

    context.milliseconds = 5000

    results = handler({"record": [record(), record()]}, context)

    outcomes = [checked(result)["outcome"] for result in results]
    assert outcomes == ["unknown" if lost else "accepted", "failed"]
    log = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in log if line.get("needshuman")]
    assert line["severity"] == "ERROR"
    assert line["event_id"] == results[1]["data"]["event"]["id"]
    assert len(cloud.posts) == 1


def test_lasting_failure_is_returned(cloud: FakeDms, context: Context) -> None:
    cloud.fault(vendor_error(403, "DMS.00403003"), kind="action")

    data = checked(handler(RESTART, context))

    assert (data["outcome"], data["retryable"], data["needs_human"]) == ("failed", False, True)


def test_a_gateway_event_never_raises(cloud: FakeDms, context: Context) -> None:
    cloud.fault(throttled(), times=None)

    answer = handler(gateway("POST", "/direct", RESTART), context)

    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) > 0


@pytest.mark.parametrize("event", [None, [], 7, "text", {}, {"hello": "world"}, float("nan")])
def test_other_events_are_rejected_with_a_hint(
    event: Any, cloud: FakeDms, context: Context
) -> None:
    data = checked(handler(event, context))

    assert data["outcome"] == "rejected"
    assert data["message"].startswith("Rejected: ")
    assert cloud.requests == ()

"""The event entrypoint: FunctionGraph's triggers and context, and its return values."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from function.entrypoints import platform_context
from function.entrypoints.invocation import RetryableFailure, allowed_seconds
from function.handler import handler
from function.lib import schemas
from tests.factories import AUDIT, DRAFT, ORDERS, PAYMENTS, SETTINGS
from tests.fake_dms import Account, Close, FakeDms, throttled, vendor_error
from tests.signed_requests import RESTART, SECRET, TOPIC, alarm, bearer

SCHEMAS = schemas.load()
TEMPORARY = Account(access_key="TEMPORARYKEY", secret_key="secret", security_token="token")


class Context:
    """The context that FunctionGraph passes with the event."""

    def __init__(
        self,
        settings: dict[str, str] | None = None,
        keys: tuple[object, object, object] = (None, None, None),
        milliseconds: int = 60_000,
        project: str | None = None,
    ) -> None:
        self.settings, self.keys, self.milliseconds = settings or {}, keys, milliseconds
        self.project = project

    def getUserData(self, name: str) -> str | None:  # noqa: N802 - FunctionGraph's name
        return self.settings.get(name)

    def getSecurityAccessKey(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[0]

    def getSecuritySecretKey(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[1]

    def getSecurityToken(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[2]

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802 - FunctionGraph's name
        return self.milliseconds

    def getProjectID(self) -> str | None:  # noqa: N802 - FunctionGraph's name
        return self.project


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SETTINGS, "CLOUD_SDK_AK", "CLOUD_SDK_SK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    """The cloud, with one faulty instance."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        yield cloud


@pytest.fixture
def context(cloud: FakeDms) -> Context:
    """A context with all settings, and keys of its own among them."""
    return Context({"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()})


def now() -> datetime:
    return datetime.now(timezone.utc)


def record(message: str | None = None, **changes: Any) -> dict[str, Any]:
    text = alarm(time=round(now().timestamp() * 1000)) if message is None else message
    smn = {"topic_urn": TOPIC, "message": text, "message_id": "m1", **changes}
    return {"event_version": "1.0", "event_source": "smn", "smn": smn}


def checked(result: Any) -> dict[str, Any]:
    """Return the data of a result, which keeps its schema."""
    SCHEMAS.check("result", result)
    data: dict[str, Any] = result["data"]
    return data


def brief(result: Any) -> tuple[str, str | None]:
    data = checked(result)
    return data["outcome"], data["reason"]


def gateway(method: str, path: str, body: Any = None, **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    headers = {"Content-TYPE": "application/json", "X-Real-Ip": "203.0.113.7"}
    authenticated = {name.title(): value for name, value in bearer().items()}
    event = {"httpMethod": method, "path": path, "headers": {**headers, **authenticated}}
    return {**event, "body": encoded, "isBase64Encoded": True, "requestContext": {}, **fields}


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


@pytest.mark.parametrize("milliseconds", [math.nan, math.inf, True, "60000", None])
def test_invalid_remaining_time_is_ignored(
    milliseconds: Any, cloud: FakeDms, context: Context
) -> None:
    context.milliseconds = milliseconds

    assert brief(handler(RESTART, context)) == ("accepted", None)


def test_a_context_that_raises_has_no_answer(cloud: FakeDms, context: Context) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("canary")

    def user_data(name: str) -> str:
        return context.settings[name]

    answer: Any = context
    answer.getUserData, answer.getProjectID, answer.getSecurityToken = user_data, fail, fail

    assert brief(handler(RESTART, answer)) == ("accepted", None)


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


def test_the_agency_gives_the_credentials_when_the_settings_have_none() -> None:
    with FakeDms(account=TEMPORARY) as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        given = {
            n: v for n, v in cloud.environment().items() if not n.startswith("HUAWEICLOUD_SDK")
        }
        keys = (TEMPORARY.access_key, TEMPORARY.secret_key, TEMPORARY.security_token)
        context = Context({"DRY_RUN": "false", **given}, keys, project=TEMPORARY.project_id)

        assert brief(handler(RESTART, context)) == ("accepted", None)
        assert brief(handler({"record": [record()]}, context)) == ("skipped", "already_restarting")


def test_the_credentials_of_the_settings_come_first(cloud: FakeDms, context: Context) -> None:
    context.keys = ("OTHERKEY", "other-secret", "other-token")
    context.project = "f" * 32

    assert brief(handler(RESTART, context)) == ("accepted", None)
    cloud.add_instance(PAYMENTS, status="ERROR")
    event = gateway("POST", "/direct", {**RESTART, "instances": [PAYMENTS]})
    assert handler(event, context)["statusCode"] == 200
    assert len(cloud.posts) == 2


def test_credentials_of_the_platform_are_known_as_such() -> None:
    values = platform_context.credentials(Context(keys=("AK", "SK", "token")))

    assert values is not None
    assert (values.access_key, values.security_token, values.from_platform) == ("AK", "token", True)


@pytest.mark.parametrize(
    "keys",
    [
        (None, None, None),
        ("null", "null", "null"),
        ("AK", "", ""),
        ("", "SK", ""),
        ("NULL", "SK", None),
        ("A\nK", "SK", None),
        ("ÄK", "SK", None),
    ],
    ids=repr,
)
def test_empty_keys_and_the_word_null_are_no_credentials(keys: tuple[object, ...]) -> None:
    context = Context(keys=keys)  # type: ignore[arg-type]  # each case has three

    assert platform_context.credentials(context) is None


def test_empty_context_yields_no_settings() -> None:
    assert platform_context.credentials(None) is None
    assert platform_context.remaining_seconds(object()) is None
    assert platform_context.settings(object(), ["DRY_RUN"], {}) == {}


def test_settings_of_the_environment_come_first(
    cloud: FakeDms, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")

    assert brief(handler(RESTART, context)) == ("dry_run", "dry_run")


def test_empty_variable_falls_back_to_the_context() -> None:
    names = ["DRY_RUN", "LOG_LEVEL", "K_SINK"]
    environment = {"DRY_RUN": "", "LOG_LEVEL": "ERROR", "K_SINK": ""}

    values = platform_context.settings(
        Context({"DRY_RUN": "true", "LOG_LEVEL": "INFO"}), names, environment
    )

    assert values == {"DRY_RUN": "true", "LOG_LEVEL": "ERROR", "K_SINK": ""}


def test_wrong_settings_are_reported_at_the_first_event_in_the_same_words(
    cloud: FakeDms, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    del context.settings["DRY_RUN"]
    context.settings |= {"MAX_PURGE": "many", "DIRECT_SECRETS": "short"}

    data = checked(handler(RESTART, context))

    assert (data["outcome"], data["reason"], data["retryable"]) == ("failed", "settings", False)
    for line in (
        "DRY_RUN: is missing; for example DRY_RUN=true",
        "MAX_PURGE: must be a whole number from 1 to 1000; for example MAX_PURGE=20",
        "DIRECT_SECRETS: has a secret of fewer than 16 characters; for example DIRECT_SECRETS=",
    ):
        assert line in data["message"]
    assert "short" not in capsys.readouterr().out
    assert cloud.requests == ()


def test_wrong_settings_give_every_record_its_result(context: Context) -> None:
    del context.settings["DRY_RUN"]

    results = handler({"record": [record(), record()]}, context)

    assert [brief(result) for result in results] == [("failed", "settings")] * 2


def test_invalid_settings_go_to_the_log_and_not_to_the_gateway(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    del context.settings["DRY_RUN"]

    answer = handler(gateway("POST", "/direct", RESTART), context)

    out, err = capsys.readouterr()
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["data"] == {"outcome": "failed", "reason": "settings"}
    assert brief(json.loads(out)) == ("failed", "settings")
    assert json.loads(err)["problems"] == ["DRY_RUN: is missing; for example DRY_RUN=true"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/health", 503), ("GET", "/direct", 405), ("POST", "/x", 404), ("OPTIONS", "/", 200)],
)
def test_invalid_settings_do_not_turn_other_requests_into_events(
    method: str, path: str, status: int, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    del context.settings["DRY_RUN"]

    assert handler(gateway(method, path), context)["statusCode"] == status
    assert capsys.readouterr() == ("", "")


def test_missing_credentials_are_reported_when_they_are_needed(
    cloud: FakeDms, context: Context
) -> None:
    keys = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")
    context.settings = {n: v for n, v in context.settings.items() if n not in keys}

    data = checked(handler(RESTART, context))

    assert (data["outcome"], data["reason"]) == ("failed", "settings")
    assert "HUAWEICLOUD_SDK_AK: is missing" in data["message"]
    assert cloud.requests == ()


@pytest.mark.parametrize(
    ("remaining", "allowed"),
    [(None, 25.0), (60.0, 25.0), (26.0, 25.0), (10.0, 9.0), (1.5, 0.5), (1.0, 0.0), (0.2, 0.0)],
)
def test_an_event_ends_a_second_before_the_platform_ends_it(
    remaining: float | None, allowed: float
) -> None:
    assert allowed_seconds(remaining) == allowed


@pytest.mark.parametrize(
    "event", [RESTART, gateway("POST", "/direct", RESTART)], ids=["event", "gateway"]
)
def test_nothing_is_sent_when_no_time_is_left(
    event: dict[str, Any], cloud: FakeDms, context: Context
) -> None:
    context.milliseconds = 900

    if "httpMethod" in event:
        assert handler(event, context)["statusCode"] == 503
    else:
        with pytest.raises(RetryableFailure):
            handler(event, context)

    assert cloud.posts == ()


def test_several_records_share_the_time(cloud: FakeDms, context: Context) -> None:
    for instance in (PAYMENTS, AUDIT):
        cloud.add_instance(instance, status="ERROR")
    records = [
        record(json.dumps({**RESTART, "instances": [one]})) for one in (ORDERS, PAYMENTS, AUDIT)
    ]

    results = handler({"record": records}, context)

    assert [brief(result) for result in results] == [("accepted", None)] * 3

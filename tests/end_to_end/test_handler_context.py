"""The event entrypoint: settings, credentials and time from the context of the platform."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from function.entrypoints import platform_context
from function.entrypoints.invocation import RetryableFailure, allowed_seconds, invoke
from function.handler import handler
from tests.end_to_end.invoked import Context, brief, checked, gateway, record
from tests.factories import AUDIT, ORDERS, PAYMENTS
from tests.fake_dms import Account, FakeDms, throttled
from tests.harness import Remediator, ces_alarm
from tests.signed_requests import RESTART

pytestmark = pytest.mark.usefixtures("bare_environment")
TEMPORARY = Account(access_key="TEMPORARYKEY", secret_key="secret", security_token="token")


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


@pytest.mark.parametrize(("number", "outcome"), [(1, "accepted"), (3, "failed")])
def test_several_records_share_the_time(number: int, outcome: str, remediator: Remediator) -> None:
    """Of 25 s reads have 10; of a third they have 3.3, less than the cloud wants to be left alone.

    The clock of the function is set ahead where it sleeps.
    """
    targets = (ORDERS, PAYMENTS, AUDIT)[:number]
    for instance in targets:
        remediator.cloud.add_instance(instance, status="ERROR")
    remediator.cloud.fault(throttled("6"), kind="list")
    alarms = [ces_alarm(dimension=f"kafka_instance_id:{target}") for target in targets]
    event = {"record": [record for one in alarms for record in one["record"]]}

    result = invoke(event, remediator.runtime, credentials=None, remaining=None)

    results = [result] if number == 1 else result
    assert [one["data"]["outcome"] for one in results] == [outcome, "accepted", "accepted"][:number]

"""AWS Lambda: events of SAM's own generators, see lambda_events/README.md, through the handler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from function.handler import handler
from tests.fake_dms import FakeDms, throttled

ROOT = Path(__file__).parents[2]
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
SECRET = "example-secret-example"
HTTP = ("function_url", "rest_api", "load_balancer")
OTHER_SERVICES = (
    "s3_put",
    "sqs_message",
    "kinesis_records",
    "dynamodb_update",
    "scheduled_event",
    "cloudwatch_logs",
)


class Context:
    """The parts of Lambda's context that the handler reads."""

    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    """The cloud, with one faulty instance, and a function that is set to act on it."""
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        settings = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield cloud


def generated(name: str) -> dict[str, Any]:
    text = (Path(__file__).parent / "lambda_events" / f"{name}.json").read_text(encoding="utf-8")
    event: dict[str, Any] = json.loads(text)
    return event


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def authenticated(event: dict[str, Any]) -> dict[str, Any]:
    """Add what a sender of our own document sends, and the generators do not."""
    own = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    return {**event, "headers": {**event["headers"], **own}}


@pytest.mark.parametrize("name", HTTP)
def test_an_authenticated_request_over_http_restarts(name: str, cloud: FakeDms) -> None:
    answer = handler(authenticated(generated(name)), Context())

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/cloudevents+json"
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"])["data"]["outcome"] == "accepted"
    assert [effect.instance for effect in cloud.effects] == [INSTANCE]


@pytest.mark.parametrize("name", HTTP)
def test_a_request_over_http_without_credentials_is_rejected(name: str, cloud: FakeDms) -> None:
    event = authenticated(generated(name))
    del event["headers"]["Authorization"]

    answer = handler(event, Context())

    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["data"] == {
        "outcome": "rejected",
        "reason": "unauthenticated",
    }
    assert cloud.requests == ()


@pytest.mark.parametrize("name", HTTP)
def test_a_failure_over_http_is_an_answer_and_no_error(name: str, cloud: FakeDms) -> None:
    cloud.fault(throttled(), times=None)

    answer = handler(authenticated(generated(name)), Context())

    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"]


def test_a_document_on_a_topic_restarts(cloud: FakeDms) -> None:
    event = generated("sns_notification")
    event["Records"][0]["Sns"]["Timestamp"] = now()

    result = handler(event, Context())

    assert result["data"]["outcome"] == "accepted"
    assert result["data"]["event"]["id"] == event["Records"][0]["Sns"]["MessageId"]
    assert [effect.instance for effect in cloud.effects] == [INSTANCE]


def test_stale_document_is_skipped(cloud: FakeDms) -> None:
    result = handler(generated("sns_notification"), Context())

    assert (result["data"]["outcome"], result["data"]["reason"]) == ("skipped", "stale")
    assert cloud.requests == ()


def test_the_schedule_of_the_template_purges(cloud: FakeDms) -> None:
    cloud.add_failed_creation("b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801")
    from cfnlint.decode import decode_str  # a second, which only the worker of this test spends

    template, _ = decode_str((ROOT / "template.yaml").read_text(encoding="utf-8"))
    schedule = template["Resources"]["Remediator"]["Properties"]["Events"]["Purge"]["Properties"]
    filled = str(schedule["Input"]).replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")
    event = json.loads(filled.replace("<aws.scheduler.scheduled-time>", now()))

    result = handler(event, Context())

    assert result["data"]["outcome"] == "accepted"
    assert result["data"]["event"]["id"] == "d32c5kddcf5bb8c3"
    assert [effect.action for effect in cloud.effects] == ["purge"]


@pytest.mark.parametrize("name", OTHER_SERVICES)
def test_event_of_another_service_is_rejected_with_a_hint(name: str, cloud: FakeDms) -> None:
    result = handler(generated(name), Context())

    assert (result["data"]["outcome"], result["data"]["reason"]) == ("rejected", "schema")
    assert "messages of SMN and SNS, timers" in result["data"]["message"]
    assert result["data"]["retryable"] is False
    assert cloud.requests == ()

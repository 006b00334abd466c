"""The fake cloud takes what SMN takes, and refuses the rest with SMN's shape of an error."""

from collections.abc import Iterator
from typing import Any

import pytest
from requests import Response

from tests.fake_dms import Account, Clock, FakeDms
from tests.fake_dms.caller import Caller, Signed

NOON = 1_780_000_000.0
ANOTHER_TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:others"


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(clock=Clock(NOON)) as cloud:
        yield cloud


def publish(
    cloud: FakeDms, topic: str | None = None, account: Account | None = None, **body: Any
) -> Response:
    caller = Caller(cloud, Signed(cloud, account))
    urn = topic or cloud.account.topic_urn
    path = f"/v2/{cloud.account.project_id}/notifications/topics/{urn}/publish"
    return caller.send("POST", cloud.url + path, json=body)


def refusal(response: Response) -> tuple[int, str]:
    error = response.json()
    assert set(error) == {"request_id", "code", "message"}
    return response.status_code, error["code"]


def test_a_message_is_published_to_the_topic(cloud: FakeDms) -> None:
    answer = publish(cloud, subject="Kafka", message="Two lines\nof text", time_to_live="3600")

    assert answer.status_code == 200
    assert set(answer.json()) == {"request_id", "message_id"}
    (published,) = cloud.published
    assert (published.time, published.topic_urn) == (NOON, cloud.account.topic_urn)
    assert (published.subject, published.message) == ("Kafka", "Two lines\nof text")
    assert published.message_id == answer.json()["message_id"]
    assert [arrival.kind for arrival in cloud.requests] == ["publish"]


def test_the_subject_may_be_left_out(cloud: FakeDms) -> None:
    assert publish(cloud, message="text").status_code == 200
    assert cloud.published[0].subject is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": 7},
        {"message": "ü" * (128 * 1024) + "x"},
        {"message": "text", "subject": "ü" * 257},
        {"message": "text", "time_to_live": 3600},
        {"message": "text", "time_to_live": "0"},
        {"message": "text", "time_to_live": "86401"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_message_over_a_limit_is_refused(cloud: FakeDms, body: dict[str, Any]) -> None:
    assert refusal(publish(cloud, **body)) == (400, "SMN.0024")
    assert not cloud.published


@pytest.mark.parametrize(
    "body",
    [
        {"message": "ü" * (128 * 1024)},
        {"message": "text", "subject": "ü" * 256},
        {"message": "text", "time_to_live": "86400"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_message_at_a_limit_is_accepted(cloud: FakeDms, body: dict[str, Any]) -> None:
    assert publish(cloud, **body).status_code == 200


def test_another_topic_is_not_found(cloud: FakeDms) -> None:
    assert refusal(publish(cloud, ANOTHER_TOPIC, message="text")) == (404, "SMN.0006")


def test_malformed_topic_urn_is_refused(cloud: FakeDms) -> None:
    assert refusal(publish(cloud, "kafka-people", message="text")) == (400, "SMN.0005")


def test_a_wrong_key_publishes_nothing(cloud: FakeDms) -> None:
    answer = publish(cloud, account=Account(secret_key="another-secret-key"), message="text")

    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert not cloud.published


def test_clearing_removes_published_messages(cloud: FakeDms) -> None:
    publish(cloud, message="text")

    cloud.forget()

    assert not cloud.published

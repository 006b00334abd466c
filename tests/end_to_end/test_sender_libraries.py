"""Requests made by sender libraries pass the real server; modified ones do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cloudevents.http
import pytest
import standardwebhooks
from cloudevents.conversion import to_binary, to_structured

from tests.factories import ORDERS
from tests.fake_dms import FakeDms
from tests.harness import SCHEMAS
from tests.http_server import HttpServer, Reply, serving
from tests.signed_requests import RESTART, bearer

KEY = "whsec_" + b64encode(b"a key of thirty-two random bytes").decode()
OTHER_KEY = "whsec_" + b64encode(b"another key of just as many bytes").decode()
REQUEST_TYPE = "dev.kafka-remediator.request.v1"
SDK_2 = Path(sys.prefix) / "cloudevents2"
DRY_RUN = (200, "dry_run", "dry_run")
Signer = Callable[[str, datetime, bytes], dict[str, str]]


@pytest.fixture(name="server", scope="module")
def a_server() -> Iterator[HttpServer]:
    """Start a server whose routes take KEY, in a dry run."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        keys = {"DIRECT_SECRETS": KEY, "CLOUDEVENTS_SECRETS": KEY, "DRY_RUN": "true"}
        with serving({**cloud.environment(), **keys}) as server:
            yield server


def brief(reply: Reply) -> tuple[int, str, str | None]:
    SCHEMAS.check("result", reply.event)
    return reply.status, reply.event["data"]["outcome"], reply.event["data"]["reason"]


def event_1(**attributes: str) -> cloudevents.http.CloudEvent:
    return cloudevents.http.CloudEvent(
        {"type": REQUEST_TYPE, "source": "/tests/é", **attributes}, RESTART
    )


@pytest.mark.parametrize("mode", [to_binary, to_structured])
@pytest.mark.parametrize("attributes", [{}, {"datacontenttype": "application/json"}], ids=str)
def test_an_event_of_the_cloudevents_sdk_1_is_a_request(
    mode: Any, attributes: dict[str, str], server: HttpServer
) -> None:
    event = event_1(**attributes)

    headers, body = mode(event)
    reply = server.send("POST", "/", body, **headers, **bearer(KEY))

    assert brief(reply) == DRY_RUN
    assert reply.event["data"]["event"]["id"] == event["id"]


def test_the_cloudevents_sdk_1_names_no_content_type_in_binary_mode() -> None:
    """This is why a body without a Content-Type is JSON."""
    headers, _ = to_binary(event_1())

    assert "content-type" not in {name.lower() for name in headers}


@pytest.fixture(name="messages", scope="module")
def messages_of_sdk_2() -> dict[str, Any]:
    """Return what version 2 of the SDK sends, which runs beside version 1."""
    if not SDK_2.is_dir():
        pytest.skip(f"no CloudEvents SDK 2 in {SDK_2.name}: make the virtual environment anew")
    attributes = {"type": REQUEST_TYPE, "source": "/tests/é", "id": "sdk-2", "subject": ORDERS}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("cloudevents2_sender.py")],
        input=json.dumps({"attributes": attributes, "data": RESTART}),
        env={**os.environ, "PYTHONPATH": str(SDK_2)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    messages: dict[str, Any] = json.loads(done.stdout)
    return messages


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_an_event_of_the_cloudevents_sdk_2_is_a_request(
    mode: str, messages: dict[str, Any], server: HttpServer
) -> None:
    message = messages[mode]

    reply = server.send("POST", "/", message["body"], **message["headers"], **bearer(KEY))

    assert brief(reply) == DRY_RUN
    assert reply.event["data"]["event"]["id"] == "sdk-2"


def by_standard_webhooks(key: str, at: datetime, body: bytes) -> dict[str, str]:
    signature = standardwebhooks.Webhook(key).sign("msg_1", at, body.decode())
    return _headers("webhook", at, signature)


def by_svix(key: str, at: datetime, body: bytes) -> dict[str, str]:
    import svix.webhooks  # a second, which only the worker of this test spends

    return _headers("svix", at, svix.webhooks.Webhook(key).sign("msg_1", at, body.decode()))


def _headers(family: str, at: datetime, signature: str) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    values = {"id": "msg_1", "timestamp": stamp, "signature": signature}
    return {f"{family}-{name}": value for name, value in values.items()}


@pytest.mark.parametrize("sign", [by_standard_webhooks, by_svix])
def test_requests_signed_by_webhook_libraries_are_authenticated(
    sign: Signer, server: HttpServer
) -> None:
    now = datetime.now(timezone.utc)
    body = json.dumps({**RESTART, "reason": "çédille"}, ensure_ascii=False).encode()
    signed = sign(KEY, now, body)

    def status(body: bytes, headers: dict[str, str]) -> int:
        return server.send("POST", "/direct", body, **headers).status

    assert brief(server.send("POST", "/direct", body, **signed)) == DRY_RUN
    assert status(body + b" ", signed) == 401
    assert status(body, sign(OTHER_KEY, now, body)) == 401
    assert status(body, sign(KEY, now - timedelta(minutes=6), body)) == 401
    with_rotated_key = {
        name: f"{sign(OTHER_KEY, now, body)[name]} {value}" if "signature" in name else value
        for name, value in signed.items()
    }
    assert status(body, with_rotated_key) == 200

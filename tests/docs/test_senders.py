"""Senders configured as documented are accepted, and rejected without their credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from function.lib.timestamps import text
from tests.factories import DAY, DRAFT, ORDERS
from tests.fake_dms import FakeDms
from tests.harness import SCHEMAS
from tests.http_server import Reply, serving
from tests.readme_blocks import SENDERS, blocks
from tests.signed_requests import (
    LINK,
    alarm,
    bearer,
    certificate,
    grafana,
    rsa_key,
    smn,
    smn_settings,
)

SNIPPETS: list[dict[str, Any]] = [yaml.safe_load(block) for block in blocks("yaml", SENDERS)]
JSON = {"content-type": "application/json"}
ACCEPTED = (200, "accepted", None)
UNAUTHENTICATED = (401, "rejected", "unauthenticated")


@pytest.fixture(name="cloud")
def a_cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        cloud.add_failed_creation(DRAFT)
        yield cloud


def acting(cloud: FakeDms, **settings: str) -> dict[str, str]:
    return {**cloud.environment(), "DRY_RUN": "false", **settings}


def only(found: Iterable[Any]) -> Any:
    (one,) = found
    return one


def snippet(key: str) -> dict[str, Any]:
    found: dict[str, Any] = only(one for one in SNIPPETS if key in one)
    return found


def opened_by(placeholder: str) -> dict[str, str]:
    """Return the setting that a placeholder names, with the placeholder as its secret."""
    return {placeholder.removeprefix("one-of-"): placeholder}


def firing(sender: str, labels: dict[str, str]) -> bytes:
    """Return a real notification of a sender, as if its alert had begun to fire just now."""
    document: dict[str, Any] = {**SCHEMAS.schema(f"events/{sender}")["examples"][0]}
    own = {"alertname": "Down", "kafka_instance_id": ORDERS}
    now = text(datetime.now(timezone.utc))
    document["alerts"] = [
        {**alert, "labels": own | labels, "startsAt": now} for alert in document["alerts"][:1]
    ]
    return json.dumps(document).encode()


def route_of_restarts() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the receiver that calls us, and the labels that lead an alert to it."""
    configuration = snippet("route")
    receiver = only(one for one in configuration["receivers"] if "webhook_configs" in one)
    routes = configuration["route"]["routes"]
    route = only(route for route in routes if route["receiver"] == receiver["name"])
    matchers = (re.fullmatch(r'(\w+)="(.*)"', one) for one in route["matchers"])
    return receiver, {found[1]: found[2] for found in matchers if found}


def brief(reply: Reply) -> tuple[int, str, str | None]:
    SCHEMAS.check("result", reply.event)
    return reply.status, reply.event["data"]["outcome"], reply.event["data"]["reason"]


def done(cloud: FakeDms) -> list[tuple[str, str]]:
    return [(effect.action, effect.instance) for effect in cloud.effects]


def test_an_alertmanager_set_up_as_printed_restarts(cloud: FakeDms) -> None:
    receiver, labels = route_of_restarts()
    (webhook,) = receiver["webhook_configs"]
    authorization = webhook["http_config"]["authorization"]
    path, body = urlsplit(webhook["url"]).path, firing("alertmanager", labels)
    header = {"authorization": f"{authorization['type']} {authorization['credentials']}"}

    with serving(acting(cloud, **opened_by(authorization["credentials"]))) as server:
        assert brief(server.send("POST", path, body, **JSON)) == UNAUTHENTICATED
        assert done(cloud) == []
        assert brief(server.send("POST", path, body, **JSON, **header)) == ACCEPTED

    assert done(cloud) == [("restart", ORDERS)]


def test_a_grafana_set_up_as_printed_restarts(cloud: FakeDms) -> None:
    (point,) = snippet("contactPoints")["contactPoints"]
    settings = only(one["settings"] for one in point["receivers"] if one["type"] == "webhook")
    secret = settings["hmacConfig"]["secret"]
    method, path = settings["httpMethod"], urlsplit(settings["url"]).path
    body = firing("grafana", route_of_restarts()[1])

    with serving(acting(cloud, **opened_by(secret))) as server:
        assert brief(server.send(method, path, body, **JSON)) == UNAUTHENTICATED
        assert done(cloud) == []
        assert brief(server.send(method, path, body, **JSON, **grafana(body, secret))) == ACCEPTED

    assert done(cloud) == [("restart", ORDERS)]


def ping() -> tuple[bytes, dict[str, str]]:
    """Return what a PingSource sends, a CloudEvent in the binary mode."""
    source = only(one for one in SNIPPETS if one.get("kind") == "PingSource")
    name = source["metadata"]["name"]
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "dev.knative.sources.ping",
        "ce-source": f"/apis/v1/namespaces/default/pingsources/{name}",
        "ce-id": "7f2b1f4e-2f0c-4a6e-9a57-5f0b8f1f4f2e",
        "ce-time": text(datetime.now(timezone.utc)),
        "content-type": source["spec"]["contentType"],
    }
    return source["spec"]["data"].encode(), headers


def test_printed_ping_purges_with_platform_authentication(cloud: FakeDms) -> None:
    body, headers = ping()
    named = re.search(r"such a service sets `([A-Z_]+)=(\w+)`", SENDERS)
    assert named is not None

    with serving(acting(cloud, **{named[1]: named[2]})) as server:
        reply = server.send("POST", "/", body, **headers)

    assert brief(reply) == ACCEPTED
    assert reply.event["data"]["action"] == "purge_failed"
    assert done(cloud) == [("purge", DRAFT)]


def test_printed_ping_without_a_secret_is_unauthenticated(cloud: FakeDms) -> None:
    body, headers = ping()
    secret = "one-of-CLOUDEVENTS_SECRETS"

    with serving(acting(cloud, **opened_by(secret))) as server:
        assert brief(server.send("POST", "/", body, **headers)) == UNAUTHENTICATED
        assert done(cloud) == []
        assert brief(server.send("POST", "/", body, **headers, **bearer(secret))) == ACCEPTED


def test_a_topic_is_confirmed_by_hand_and_then_its_alarm_restarts(
    cloud: FakeDms, tmp_path: Path
) -> None:
    now, stranger = datetime.now(timezone.utc), rsa_key(number=1)
    signer = certificate(begins=now - DAY, ends=now + DAY)
    moment = round(now.timestamp() * 1000)
    sent: dict[str, Any] = {"timestamp": text(now), "message": alarm(time=moment)}
    path = only(re.findall(r"subscribe `https://remediator\.example(/\w+)`", SENDERS))
    asked = json.dumps(
        smn(type="SubscriptionConfirmation", subscribe_url=LINK, subject=None, **sent)
    )

    with serving(acting(cloud, **smn_settings(tmp_path, signer))) as server:
        assert (
            brief(server.send("POST", path, json.dumps(smn(key=stranger, **sent))))
            == UNAUTHENTICATED
        )
        confirmation = brief(server.send("POST", path, asked))
        assert done(cloud) == []
        assert brief(server.send("POST", path, json.dumps(smn(**sent)))) == ACCEPTED

    assert confirmation == (200, "skipped", "subscription_confirmation")
    line = json.loads(only(one for one in server.logged.splitlines() if LINK in one))
    assert (line["severity"], line["link"]) == ("WARNING", LINK)
    assert done(cloud) == [("restart", ORDERS)]

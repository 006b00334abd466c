"""Authentication at the routes: which credentials open which route, and what callers learn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from tests import signed_requests
from tests.factories import DAY, HOUR, NOW
from tests.harness import Remediator, alerts, open_remediator
from tests.signed_requests import RESTART, smn, smn_settings

Signer = Callable[[bytes, str], dict[str, str]]
SECRETS = {
    "ALERTMANAGER_SECRETS": "secret-of-alertmanager",
    "GRAFANA_SECRETS": "secret-of-grafana-00",
    "DIRECT_SECRETS": "secret-of-scripts-00",
    "CLOUDEVENTS_SECRETS": "secret-of-the-broker",
}
EVENT = {"specversion": "1.0", "id": "1", "source": "/test", "data": RESTART}
DOCUMENTS: dict[str, Any] = {
    "/alertmanager": alerts(),
    "/grafana": {**alerts(), "version": "1"},
    "/direct": RESTART,
    "/": {**EVENT, "type": "dev.kafka-remediator.request.v1"},
}
ROUTES = dict(zip(DOCUMENTS, SECRETS, strict=True))


def by_bearer(_: bytes, secret: str) -> dict[str, str]:
    return signed_requests.bearer(secret)


SIGNERS: dict[str, Signer] = {
    "bearer": by_bearer,
    "grafana": signed_requests.grafana,
    "standard webhooks": signed_requests.webhook,
}
ACCEPTED = {
    "/alertmanager": {"bearer"},
    "/grafana": {"bearer", "grafana"},
    "/direct": {"bearer", "standard webhooks"},
    "/": {"bearer", "standard webhooks"},
}


@pytest.fixture
def remediator() -> Iterator[Remediator]:
    """The function with a secret of its own for every route, in a dry run."""
    with open_remediator(None, **SECRETS, DRY_RUN="true") as remediator:
        yield remediator


def body_of(route: str) -> bytes:
    return json.dumps(DOCUMENTS[route]).encode()


def send(
    open_remediator: Remediator, route: str, headers: dict[str, str], body: bytes | None = None
) -> HttpResponse:
    kind = "application/cloudevents+json" if route == "/" else "application/json"
    given = {"content-type": kind, **headers}
    return handle_request(
        HttpRequest("POST", route, given, body or body_of(route)), open_remediator.runtime
    )


def reason(reply: HttpResponse) -> tuple[int, str]:
    data = json.loads(reply.body)["data"]
    return reply.status, data["reason"]


@pytest.mark.parametrize("credentials", SIGNERS)
@pytest.mark.parametrize("route", DOCUMENTS)
def test_a_route_accepts_the_credentials_of_its_sender(
    route: str, credentials: str, remediator: Remediator
) -> None:
    headers = SIGNERS[credentials](body_of(route), SECRETS[ROUTES[route]])

    reply = send(remediator, route, headers)

    wanted = (200, "dry_run") if credentials in ACCEPTED[route] else (401, "unauthenticated")
    assert reason(reply) == wanted


@pytest.mark.parametrize("credentials", SIGNERS)
@pytest.mark.parametrize("route", DOCUMENTS)
@pytest.mark.parametrize("other", DOCUMENTS)
def test_secret_authenticates_only_its_own_route(
    route: str, other: str, credentials: str, remediator: Remediator
) -> None:
    if route == other:
        return
    headers = SIGNERS[credentials](body_of(route), SECRETS[ROUTES[other]])

    assert reason(send(remediator, route, headers)) == (401, "unauthenticated")


@pytest.mark.parametrize("route", DOCUMENTS)
def test_two_secrets_open_a_route_while_one_replaces_the_other(
    route: str, remediator: Remediator
) -> None:
    old, new, name = SECRETS[ROUTES[route]], "the-new-secret-of-it", ROUTES[route]
    seen = []

    for secrets in (old, f"{old},{new}", new):
        remediator.set(**{name: secrets})
        credentials = [signed_requests.bearer(secret) for secret in (old, new)]
        seen.append([send(remediator, route, credentials).status for credentials in credentials])

    assert seen == [[200, 401], [200, 200], [401, 200]]


@pytest.mark.parametrize("route", DOCUMENTS)
def test_a_route_without_a_secret_is_closed_even_for_a_signed_request(
    route: str, remediator: Remediator
) -> None:
    secret = SECRETS[ROUTES[route]]
    remediator.set(**{ROUTES[route]: ""})

    for credentials in SIGNERS.values():
        reply = send(remediator, route, credentials(body_of(route), secret))
        assert reason(reply) == (403, "route_closed")
        assert set(json.loads(reply.body)["data"]) == {"outcome", "reason"}


def test_smn_is_closed_without_a_listed_topic(remediator: Remediator, tmp_path: Path) -> None:
    body = json.dumps(smn()).encode()
    remediator.set(SMN_CERTIFICATE_FILE=smn_settings(tmp_path)["SMN_CERTIFICATE_FILE"])

    assert reason(send(remediator, "/smn", {}, body)) == (403, "route_closed")


@pytest.mark.parametrize("route", DOCUMENTS)
def test_a_route_that_the_platform_authenticates_needs_no_credentials(
    route: str, remediator: Remediator
) -> None:
    source = ROUTES[route].removesuffix("_SECRETS").lower()
    remediator.set(**{ROUTES[route]: "", "PLATFORM_AUTHENTICATED": source})

    for other in DOCUMENTS:
        wanted = (200, "dry_run") if other == route else (401, "unauthenticated")
        assert reason(send(remediator, other, {})) == wanted


def test_platform_authentication_does_not_cover_smn(remediator: Remediator, tmp_path: Path) -> None:
    known = "alertmanager,cloudevents,direct,grafana"
    remediator.set(PLATFORM_AUTHENTICATED=known, **smn_settings(tmp_path))
    forged = json.dumps({**smn(), "message_id": "another"}).encode()

    assert reason(send(remediator, "/smn", {}, forged)) == (401, "unauthenticated")


@pytest.mark.parametrize("channel", ["direct", "smn", "invoke", "alertmanager"])
def test_the_payload_does_not_choose_its_authenticator(
    channel: str, remediator: Remediator
) -> None:
    body = json.dumps({**smn(), "record": [], "trigger_type": "TIMER", **RESTART}).encode()
    headers = signed_requests.bearer(SECRETS["GRAFANA_SECRETS"])

    reply = send(remediator, f"/{channel}", headers, body)

    assert reply.status in {401, 403, 404}
    assert remediator.cloud.requests == ()


def test_all_malformed_credentials_get_the_same_answer(remediator: Remediator) -> None:
    good = signed_requests.webhook(body_of("/direct"), SECRETS["DIRECT_SECRETS"])
    malformed: list[dict[str, str]] = [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer ä"},
        {"authorization": "Bearer \u2713\ud800"},
        {"authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        {**good, "webhook-timestamp": "soon"},
        {**good, "webhook-timestamp": "\u0661\u0662"},
        {**good, "webhook-signature": "v1,===="},
        {**good, "webhook-signature": "v1,ä\udcff"},
        {**good, "webhook-id": "\ud83d\ude00"},
        {"x-grafana-alerting-signature": "\u2713"},
    ]

    replies = [send(remediator, "/direct", headers) for headers in malformed]

    assert {reply.status for reply in replies} == {401}
    events = [json.loads(reply.body) for reply in replies]
    varying = {"id", "time"}
    assert all(
        {name: value for name, value in event.items() if name not in varying}
        == {name: value for name, value in events[0].items() if name not in varying}
        for event in events
    )
    assert events[0]["source"] == "/kafka-remediator"
    assert remediator.cloud.requests == ()


def test_a_late_timestamp_is_the_only_difference_that_time_makes(remediator: Remediator) -> None:
    headers = signed_requests.webhook(body_of("/direct"), SECRETS["DIRECT_SECRETS"], at=NOW)

    assert send(remediator, "/direct", headers).status == 200
    remediator.clock.advance(301)
    assert send(remediator, "/direct", headers).status == 401


def test_a_refusal_of_smn_says_in_the_log_which_certificates_were_tried(
    remediator: Remediator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(**smn_settings(tmp_path))

    reply = send(remediator, "/smn", {}, json.dumps({**smn(), "subject": "x"}).encode())

    assert reason(reply) == (401, "unauthenticated")
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["severity"] == "WARNING"
    assert "SHA-256" in line["message"]
    assert "SHA-256" not in reply.body


def test_a_certificate_that_is_not_valid_now_is_named_in_the_log_only(
    remediator: Remediator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expired = signed_requests.certificate(begins=NOW - DAY, ends=NOW - HOUR)
    remediator.set(**smn_settings(tmp_path, expired))
    body = json.dumps(smn()).encode()

    replies = [send(remediator, "/smn", {}, one) for one in (body, body.replace(b"m1", b"m2"))]

    lines = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == (
        "Rejected: signed by a certificate that is valid from 2026-01-04T03:00:00Z to "
        "2026-01-05T02:00:00Z: check the clock, or set SMN_CERTIFICATE_FILE."
    )
    assert "no certificate has signed it" in lines[1]
    data = [json.loads(reply.body)["data"] for reply in replies]
    assert data[0] == data[1] == {"outcome": "rejected", "reason": "unauthenticated"}
    assert replies[0].status == replies[1].status == 401

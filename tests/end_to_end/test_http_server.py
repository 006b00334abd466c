"""The HTTP door under functions-framework: what goes over a real socket, and how it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from function.lib.strict_json import LIMIT
from tests.factories import ORDERS
from tests.fake_dms import FakeDms
from tests.harness import SCHEMAS
from tests.http_server import HttpServer, refused, serving
from tests.signed_requests import RESTART, SECRET, bearer

PROVEN = {"content_type": "application/json", "authorization": f"Bearer {SECRET}"}
BODY = json.dumps(RESTART).encode()
HEAD = b"POST /direct HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    """The cloud, with one faulty instance."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        yield cloud


@pytest.fixture(scope="module")
def running(cloud: FakeDms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A door with /direct open, in a dry run."""
    settings = {"DRY_RUN": "true", "DIRECT_SECRETS": SECRET, **cloud.environment()}
    with serving(settings, tmp_path_factory.mktemp("door")) as door:
        yield door


@pytest.fixture
def door(running: HttpServer) -> HttpServer:
    """The same door, with nothing printed that was not read."""
    running.printed()
    return running


def brief(event: dict[str, Any]) -> tuple[str, str | None]:
    SCHEMAS.check("result", event)
    return event["data"]["outcome"], event["data"]["reason"]


def only_printed(door: HttpServer) -> dict[str, Any]:
    (line,) = door.printed()
    SCHEMAS.check("result", line)
    return line


def test_health_is_ready_and_no_event(door: HttpServer) -> None:
    assert door.send("GET", "/health").event == {"message": "ready"}
    head = door.send("HEAD", "/health")
    assert (head.status, head.body) == (200, b"")
    assert door.printed() == []


@pytest.mark.parametrize("header", [b"SCRIPT_NAME: /direct", b"PATH_INFO: /direct"])
@pytest.mark.parametrize("path", [b"/direct/health", b"/health"])
def test_no_header_changes_the_path(header: bytes, path: bytes, door: HttpServer) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = door.send_raw(head + header + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 " if path == b"/health" else b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 405, "OPTIONS, POST"),
        ("PUT", "/direct", 405, "OPTIONS, POST"),
        ("POST", "/health", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/direct", 200, "OPTIONS, POST"),
        ("GET", "/robots.txt", 404, None),
        ("POST", "/invoke", 404, None),
        ("POST", "/direct/", 404, None),
        ("POST", "/%64irect/x", 404, None),
    ],
)
def test_what_is_no_event_prints_nothing(
    method: str, path: str, status: int, allow: str | None, door: HttpServer
) -> None:
    reply = door.send(method, path, BODY if method == "POST" else None, **PROVEN)

    assert (reply.status, reply.headers.get("allow")) == (status, allow)
    assert door.printed() == []


@pytest.mark.parametrize("chunked", [False, True])
def test_an_event_is_answered_and_printed_once(chunked: bool, door: HttpServer) -> None:
    parts = (BODY[start : start + 7] for start in range(0, len(BODY), 7))

    reply = door.send("POST", "/direct", parts if chunked else BODY, **PROVEN)

    assert (reply.status, brief(reply.event)) == (200, ("dry_run", "dry_run"))
    assert reply.headers["content-type"] == "application/cloudevents+json"
    assert only_printed(door) == {**reply.event, "severity": "INFO"}


def test_a_query_changes_nothing(door: HttpServer) -> None:
    assert door.send("POST", "/direct?x=%ff&action=delete", BODY, **PROVEN).status == 200
    assert brief(only_printed(door)) == ("dry_run", "dry_run")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 401), (LIMIT + 1, 413), (LIMIT * 4, 413)])
def test_a_body_may_be_so_large_and_no_larger(
    chunked: bool, size: int, status: int, door: HttpServer
) -> None:
    body = b"x" * size
    parts = (body[start : start + 65536] for start in range(0, size, 65536))
    kind = {"content_type": "application/json"}

    reply = door.send("POST", "/direct", parts if chunked else body, **kind)

    assert reply.status == status
    assert only_printed(door)["data"] == reply.event["data"]
    assert door.send("GET", "/health").status == 200


@pytest.mark.parametrize("name", ["Content-Encoding", "content-encoding"])
def test_an_encoded_body_is_refused(name: str, door: HttpServer) -> None:
    reply = door.send("POST", "/direct", BODY, **PROVEN, **{name: "gzip"})

    assert (reply.status, brief(reply.event)) == (415, ("rejected", "media_type"))
    only_printed(door)


@pytest.mark.parametrize(
    "header",
    [
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: Bearer \xe2\x9c\x93",
        b"Authorization:",
        b"Webhook-Signature: v1,\xc3\xa4\r\nWebhook-Id: \xff\r\nWebhook-Timestamp: 1",
        b"Authorization: Bearer x\r\nAuthorization: Bearer " + SECRET.encode(),
    ],
)
def test_odd_bytes_in_a_proof_are_no_proof(header: bytes, door: HttpServer) -> None:
    fields = header + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    answer = door.send_raw(HEAD + fields)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert brief(only_printed(door)) == ("rejected", "unauthenticated")


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BODY), BODY),
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
        b"Content-Length: 100\r\n\r\n" + BODY,
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: x\r\n\r\n{}",
    ],
    ids=[
        "no size",
        "cut in a chunk",
        "cut after a chunk",
        "no end of a chunk",
        "cut",
        "negative",
        "no number",
    ],
)
def test_a_broken_body_is_no_defect_of_ours(rest: bytes, door: HttpServer) -> None:
    fields = b"Content-Type: application/json\r\nAuthorization: Bearer " + SECRET.encode()

    answer = door.send_raw(HEAD + fields + b"\r\n" + rest)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert all(brief(event) == ("rejected", "invalid_json") for event in door.printed())
    assert door.send("GET", "/health").status == 200


def test_a_door_acts_and_stops_when_told(cloud: FakeDms, tmp_path: Path) -> None:
    settings = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()}

    with serving(settings, tmp_path) as door:
        reply = door.send("POST", "/direct", BODY, **PROVEN)
        assert brief(reply.event) == ("accepted", None)
        assert brief(only_printed(door)) == ("accepted", None)
        assert [deed.instance for deed in cloud.effects] == [ORDERS]

    assert door.process.returncode == 0


def test_a_door_in_a_container_of_functiongraph_is_invoked(cloud: FakeDms, tmp_path: Path) -> None:
    settings = {"DRY_RUN": "true", "FUNCTIONGRAPH_CONTAINER": "true", **cloud.environment()}

    with serving(settings, tmp_path) as door:
        assert door.send("POST", "/init", b"{}").status == 200
        assert door.send("POST", "/invoke", BODY, **bearer()).status == 403
        reply = door.send("POST", "/invoke", BODY, X_CFF_Request_Id="1")
        assert (reply.status, len(door.printed())) == (200, 2)
        SCHEMAS.check("result", reply.event)


def test_a_wrong_set_up_stops_the_start_with_everything_that_is_wrong(cloud: FakeDms) -> None:
    settings = {**cloud.environment(), "MAX_PURGE": "many-secret", "DIRECT_SECRETS": "short"}

    code, out, err = refused(settings)

    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "Not started:",
        "DRY_RUN: is missing; for example DRY_RUN=true",
        "MAX_PURGE: must be a whole number from 1 to 1000; for example MAX_PURGE=20",
        "DIRECT_SECRETS: has a secret of fewer than 16 characters; "
        "for example DIRECT_SECRETS=a-long-random-secret",
    ]


def test_a_door_that_nobody_may_call_does_not_start(cloud: FakeDms) -> None:
    code, _, err = refused({"DRY_RUN": "true", **cloud.environment()})

    assert code == 1
    assert "DIRECT_SECRETS, GRAFANA_SECRETS, SMN_TOPIC_URNS: set at least one" in err

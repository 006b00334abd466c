"""The HTTP server in its own process, over a real socket."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from function.lib.strict_json import LIMIT
from tests.factories import ORDERS
from tests.fake_dms import FakeDms
from tests.harness import SCHEMAS
from tests.http_server import HttpServer, refused, serving
from tests.loopback import free_port
from tests.signed_requests import RESTART, SECRET, bearer

AUTHENTICATED = {"content_type": "application/json", "authorization": f"Bearer {SECRET}"}
BODY = json.dumps(RESTART).encode()
HEAD = b"POST /direct HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    """The cloud, with one faulty instance."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        yield cloud


@pytest.fixture(scope="module")
def running(cloud: FakeDms) -> Iterator[HttpServer]:
    """A server with /direct open, in a dry run."""
    settings = {"DRY_RUN": "true", "DIRECT_SECRETS": SECRET, **cloud.environment()}
    with serving(settings) as server:
        yield server


@pytest.fixture
def server(running: HttpServer) -> HttpServer:
    """The same server, with its earlier output read."""
    running.printed()
    return running


def brief(event: dict[str, Any]) -> tuple[str, str | None]:
    SCHEMAS.check("result", event)
    return event["data"]["outcome"], event["data"]["reason"]


def only_printed(server: HttpServer) -> dict[str, Any]:
    (line,) = server.printed()
    SCHEMAS.check("result", line)
    return line


def test_health_is_ready_and_no_event(server: HttpServer) -> None:
    assert server.send("GET", "/health").event == {"message": "ready"}
    head = server.send("HEAD", "/health")
    assert (head.status, head.body) == (200, b"")
    assert server.printed() == []


@pytest.mark.parametrize("header", [b"SCRIPT_NAME: /direct", b"PATH_INFO: /direct"])
@pytest.mark.parametrize("path", [b"/direct/health", b"/health"])
def test_no_header_changes_the_path(header: bytes, path: bytes, server: HttpServer) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = server.send_raw(head + header + b"\r\n\r\n")

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
        ("POST", "/favicon.ico", 404, None),
    ],
)
def test_non_event_requests_print_nothing(
    method: str, path: str, status: int, allow: str | None, server: HttpServer
) -> None:
    reply = server.send(method, path, BODY if method == "POST" else None, **AUTHENTICATED)

    assert (reply.status, reply.headers.get("allow")) == (status, allow)
    assert server.printed() == []


@pytest.mark.parametrize("chunked", [False, True])
def test_an_event_is_answered_and_printed_once(chunked: bool, server: HttpServer) -> None:
    parts = (BODY[start : start + 7] for start in range(0, len(BODY), 7))

    reply = server.send("POST", "/direct", parts if chunked else BODY, **AUTHENTICATED)

    assert (reply.status, brief(reply.event)) == (200, ("dry_run", "dry_run"))
    assert reply.headers["content-type"] == "application/cloudevents+json"
    line = only_printed(server)
    assert reply.event.items() <= line.items()
    assert (line["severity"], line["time"]) == ("INFO", reply.event["time"])


def test_a_query_changes_nothing(server: HttpServer) -> None:
    assert server.send("POST", "/direct?x=%ff&action=delete", BODY, **AUTHENTICATED).status == 200
    assert brief(only_printed(server)) == ("dry_run", "dry_run")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 401), (LIMIT + 1, 413), (LIMIT * 4, 413)])
def test_a_body_may_be_so_large_and_no_larger(
    chunked: bool, size: int, status: int, server: HttpServer
) -> None:
    body = b"x" * size
    parts = (body[start : start + 65536] for start in range(0, size, 65536))
    kind = {"content_type": "application/json"}

    reply = server.send("POST", "/direct", parts if chunked else body, **kind)

    assert reply.status == status
    assert only_printed(server)["data"] == reply.event["data"]
    assert server.send("GET", "/health").status == 200


@pytest.mark.parametrize("name", ["Content-Encoding", "content-encoding"])
def test_an_encoded_body_is_refused(name: str, server: HttpServer) -> None:
    reply = server.send("POST", "/direct", BODY, **AUTHENTICATED, **{name: "gzip"})

    assert (reply.status, brief(reply.event)) == (415, ("rejected", "media_type"))
    only_printed(server)


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
def test_non_ascii_credentials_are_unauthenticated(header: bytes, server: HttpServer) -> None:
    fields = header + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    answer = server.send_raw(HEAD + fields)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert brief(only_printed(server)) == ("rejected", "unauthenticated")


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
def test_malformed_body_is_no_internal_error(rest: bytes, server: HttpServer) -> None:
    fields = b"Content-Type: application/json\r\nAuthorization: Bearer " + SECRET.encode()

    answer = server.send_raw(HEAD + fields + b"\r\n" + rest, half_close=True)

    assert answer.startswith(b"HTTP/1.1 400 ") or not answer
    assert server.printed() == []
    assert server.send("GET", "/health").status == 200


EVENT = (
    b"Host: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer "
    + SECRET.encode()
    + b"\r\n"
)
WHOLE = EVENT + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = EVENT + b"Transfer-Encoding: chunked\r\n\r\n%x;name=value\r\n" % len(BODY) + BODY
LAST = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (b"POST /direct HTTP/1.0\r\n" + WHOLE, [200]),
        (HEALTH + b"\r\n" + b"POST /direct HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [200] * 3),
        (b"\r\n\r\n" + HEALTH + LAST, [200]),
        (
            b"POST /direct HTTP/1.1\r\nExpect: 100-continue\r\n" + WHOLE + HEALTH + LAST,
            [100] + [200] * 2,
        ),
        (
            b"POST /direct HTTP/1.1\r\n" + CHUNKED + b"\r\n0\r\nX: y\r\n\r\n" + HEALTH + LAST,
            [200, 200],
        ),
        (
            b"POST http://other.example:99/direct?x=1#y HTTP/1.1\r\n" + WHOLE + HEALTH + LAST,
            [200] * 2,
        ),
        (b"POST /%64irect HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [200] * 2),
        (b"POST //direct HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [200] * 2),
        (b"POST /direct HTTP/1.1\r\nX: \xff\xe2\x82\xac\r\n" + WHOLE + HEALTH + LAST, [200] * 2),
        (b"POST /direct HTTP/1.1\r\n" + b"X: y\r\n" * 4000 + WHOLE + HEALTH + LAST, [200] * 2),
        (b"HEAD /direct HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH + LAST, [405, 200]),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH + LAST, [404, 200]),
        (b"BREW /direct HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [405, 200]),
        (b"POST /direct%00 HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [404, 200]),
        (b"POST /x/../direct HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [404, 200]),
        (b"POST /direct HTTP/1.1\r\nno colon\r\n" + WHOLE + HEALTH + LAST, [400]),
        (b"POST /direct HTTP/1.1\r\nX: a\0b\r\n" + WHOLE + HEALTH + LAST, [400]),
        (b"POST /direct HTTP/1.1\r\nContent-Length: 1\r\n" + WHOLE + HEALTH + LAST, [400]),
        (b"POST /direct HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + WHOLE + HEALTH + LAST, [400]),
        (b"POST /direct HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + WHOLE + HEALTH + LAST, [400]),
        (b"post /direct HTTP/1.1\r\n" + WHOLE + HEALTH + LAST, [400]),
    ],
    ids=[
        *("HTTP 1.0", "pipelined", "empty lines first", "expect", "chunks with trailers"),
        *("absolute form", "percent", "two slashes", "no ASCII", "4000 headers", "HEAD"),
        *("OPTIONS *", "odd method", "NUL in the path", "dots", "no colon", "NUL in a header"),
        *("two lengths", "length and chunks", "chunks in HTTP 1.0", "lower case"),
    ],
)
def test_unusual_requests_get_one_answer_each_and_invalid_ones_the_last(
    sent: bytes, statuses: list[int], server: HttpServer
) -> None:
    answers = server.send_raw(sent)

    assert [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)] == statuses
    assert {brief(line) for line in server.printed()} <= {("dry_run", "dry_run")}
    assert "A library reports" not in server.logged


def test_server_acts_and_stops_on_sigterm(cloud: FakeDms) -> None:
    settings = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()}

    with serving(settings) as server:
        reply = server.send("POST", "/direct", BODY, **AUTHENTICATED)
        assert brief(reply.event) == ("accepted", None)
        assert brief(only_printed(server)) == ("accepted", None)
        assert [effect.instance for effect in cloud.effects] == [ORDERS]

    assert server.process.returncode == 0


def test_a_server_in_a_container_of_functiongraph_is_invoked(cloud: FakeDms) -> None:
    settings = {"DRY_RUN": "true", "FUNCTIONGRAPH_CONTAINER": "true", **cloud.environment()}

    with serving(settings) as server:
        assert server.send("POST", "/init", b"{}").status == 200
        assert server.send("POST", "/invoke", BODY, **bearer()).status == 403
        reply = server.send("POST", "/invoke", BODY, X_CFF_Request_Id="1")
        assert (reply.status, len(server.printed())) == (200, 2)
        SCHEMAS.check("result", reply.event)


def test_a_wrong_set_up_stops_the_start_with_everything_that_is_wrong(cloud: FakeDms) -> None:
    settings = {**cloud.environment(), "MAX_PURGE": "many-secret", "DIRECT_SECRETS": "short"}

    code, out, messages = refused({**settings, "WORKERS": "2"})

    assert (code, out) == (2, "")
    assert sorted(messages) == [
        "Not started: DIRECT_SECRETS: has a secret of fewer than 16 characters; "
        "for example DIRECT_SECRETS=a-long-random-secret",
        "Not started: DRY_RUN: is missing; for example DRY_RUN=true",
        "Not started: MAX_PURGE: must be a whole number from 1 to 1000; for example MAX_PURGE=20",
        "Not started: WORKERS: several processes need the ledger that they share; "
        "set LEDGER_URL, or WORKERS=1",
    ]


def test_a_server_that_no_caller_may_use_does_not_start(cloud: FakeDms) -> None:
    code, _, messages = refused({"DRY_RUN": "true", **cloud.environment()})

    assert code == 2
    assert "DIRECT_SECRETS, GRAFANA_SECRETS, SMN_TOPIC_URNS: set at least one" in messages[0]


def test_functions_framework_serves_with_a_warning(cloud: FakeDms) -> None:
    """Some platforms insist on their own command."""
    settings = {"DRY_RUN": "true", "DIRECT_SECRETS": SECRET, **cloud.environment()}
    port = free_port()
    options = ["--source=function/main.py", "--target=remediate", f"--port={port}"]
    command = [sys.executable, "-m", "functions_framework", "--host=127.0.0.1", *options]
    with HttpServer({**settings, "GUNICORN_LOG_LEVEL": "info"}, command, port) as server:
        server.wait_for("Booting worker")
        reply = server.send("POST", "/direct", BODY, **AUTHENTICATED)
        assert (reply.status, reply.event["data"]["action"]) == (200, "restart")
        too_large = server.send("POST", "/direct", b"x" * (LIMIT + 1), **AUTHENTICATED)
        assert (too_large.status, brief(too_large.event)) == (413, ("rejected", "too_large"))
        server.terminate()
        assert server.wait() == 0

    assert "`python -m function serve` does" in server.err[0]

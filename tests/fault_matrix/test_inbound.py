"""Inbound faults: many, slow, incomplete or endless clients of the real server."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.fake_dms import FakeDms

from .case import ONE
from .served import SECRET, Served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
HEAD = (
    "POST /direct HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {SECRET}\r\n"
).encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
BODY = json.dumps({"action": "restart", "instances": [ONE]}).encode()
MEBIBYTE = 1024 * 1024
CROWD = 300
# The server keeps 16 MiB of requests, and Python's own memory grew by 6 beside it; they send 43.
MOST_KEPT = 28 * MEBIBYTE


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        yield cloud


@pytest.fixture(scope="module")
def served(cloud: FakeDms) -> Iterator[Served]:
    with Served(cloud, DRY_RUN="true") as served:
        yield served


@contextmanager
def clients(served: Served, number: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections that send something and then nothing more."""
    with ExitStack() as stack:
        connections = []
        for _ in range(number):
            connection = stack.enter_context(served.connect())
            with suppress(ConnectionError):  # the server may have had enough
                connection.sendall(sent)
            connections.append(connection)
        yield connections


def first_line(connection: socket.socket) -> bytes:
    """Return the status line of an answer, or nothing when the connection just ended."""
    content = b""
    with suppress(ConnectionError):
        while b"\r\n" not in content and (more := connection.recv(4096)):
            content += more
    return content.partition(b"\r\n")[0]


STAYING = {
    "nothing": b"",
    "half a head": b"POST /direct HT",
    "a head without a body": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 200000\r\n\r\n" + b" " * 150_000,
    "half a chunk": CHUNKED + b"ff\r\n{",
    "an answer that is not read": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a wish to close": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a body that is too large": HEAD + b"Content-Length: 9000000\r\n\r\n",
}


@pytest.mark.parametrize("sent", STAYING.values(), ids=STAYING.keys())
def test_hundreds_of_clients_that_stay_keep_no_other_waiting(served: Served, sent: bytes) -> None:
    """They send half a request, or have their answer and stay; the server forgets them."""
    before = served.memory()
    with clients(served, CROWD, sent):
        assert served.is_healthy()
        assert served.ask(action="restart", instances=[ONE]).json()["data"]["outcome"] == "dry_run"
        assert served.memory() - before < MOST_KEPT


def test_request_lines_of_26_mebibytes_cost_no_memory(served: Served) -> None:
    before = served.memory()
    line = b"GET /" + b"x" * 26 * MEBIBYTE
    with clients(served, 7, line) as connections:
        assert served.is_healthy()
        assert {first_line(each)[8:12] for each in connections} <= {b"", b" 431"}

    assert served.memory() - before < 20 * MEBIBYTE


def test_many_events_at_once_are_all_answered(served: Served) -> None:
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with clients(served, 60, whole) as connections:
        assert {first_line(each) for each in connections} == {b"HTTP/1.1 200 OK"}


@pytest.mark.parametrize("length", [256 * 1024 + 1, 3 * MEBIBYTE])
def test_a_body_that_is_too_large_is_answered_with_413(served: Served, length: int) -> None:
    with clients(served, 1, HEAD + b"Content-Length: %d\r\n\r\n" % length) as (connection,):
        connection.sendall(b" " * length)
        assert first_line(connection).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("mebibytes", [1, 64])
def test_a_chunked_body_without_end_is_read_up_to_the_limit(served: Served, mebibytes: int) -> None:
    before = served.memory()
    with clients(served, 1, CHUNKED) as (connection,):
        with suppress(ConnectionError):
            for _ in range(mebibytes * 16):
                connection.sendall(CHUNK)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        assert first_line(connection)[:12] in {b"", b"HTTP/1.1 400", b"HTTP/1.1 413"}

    assert served.is_healthy()
    assert served.memory() - before < 20 * MEBIBYTE


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + b"zz\r\n{}",
        CHUNKED + b"-5\r\n{}",
        CHUNKED + b"ffffffffffffffffff\r\n{}",
        CHUNKED + b"5;" + b"x" * 100000,
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1e9\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /direct HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        HEAD + b"X: " + b"x" * 100000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 5000 + b"\r\n",
    ],
)
def test_invalid_http_is_rejected_and_others_are_answered(served: Served, sent: bytes) -> None:
    with clients(served, 1) as (connection,):
        with suppress(OSError):  # the server may have ended the connection by now
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        assert not first_line(connection).startswith(b"HTTP/1.1 2")

    assert served.is_healthy()


def test_a_body_that_ends_in_the_middle_asks_for_nothing(served: Served, cloud: FakeDms) -> None:
    cloud.forget()
    with clients(served, 1, HEAD + b"Content-Length: 500\r\n\r\n" + BODY) as (connection,):
        connection.shutdown(socket.SHUT_WR)
        assert not first_line(connection).startswith(b"HTTP/1.1 2")

    assert cloud.requests == ()

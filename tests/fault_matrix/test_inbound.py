"""The inbound side: clients that are many, slow, half there or endless, before the real server."""

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
THREADS = 4


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        yield cloud


@pytest.fixture(scope="module")
def served(cloud: FakeDms) -> Iterator[Served]:
    with Served(cloud, THREADS=str(THREADS), DRY_RUN="true") as served:
        yield served


@contextmanager
def clients(served: Served, number: int, *sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that send something and then nothing more."""
    with ExitStack() as stack:
        wires = []
        for _ in range(number):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 30))
            for content in sent:
                wire.sendall(content)
            wires.append(wire)
        yield wires


def first_line(wire: socket.socket) -> bytes:
    """Return the status line of an answer, or nothing when the connection just ended."""
    content = b""
    with suppress(ConnectionError):
        while b"\r\n" not in content and (more := wire.recv(4096)):
            content += more
    return content.partition(b"\r\n")[0]


SLOW = {
    "nothing": b"",
    "half a head": b"POST /direct HT",
    "a head without a body": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "half a chunk": CHUNKED + b"ff\r\n{",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW.keys())
def test_slow_clients_fewer_than_threads_keep_nobody_waiting(served: Served, sent: bytes) -> None:
    with clients(served, THREADS - 1, sent):
        assert served.healthy()
        assert served.ask(action="restart", instances=[ONE]).json()["data"]["outcome"] == "dry_run"


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW.keys())
def test_many_slow_clients_leave_no_trace_when_they_are_gone(served: Served, sent: bytes) -> None:
    before = served.memory()
    with clients(served, 200, sent):
        pass

    assert served.healthy()
    assert served.memory() - before < 64 * MEBIBYTE


def test_many_events_at_once_are_all_answered(served: Served) -> None:
    # They stay open: the server waits two seconds for the end of each that it is asked to close.
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with clients(served, 60, whole) as wires:
        assert {first_line(wire) for wire in wires} == {b"HTTP/1.1 200 OK"}


@pytest.mark.parametrize("length", [256 * 1024 + 1, 3 * MEBIBYTE])
def test_a_body_that_is_too_large_is_told_so(served: Served, length: int) -> None:
    with clients(served, 1, HEAD + b"Content-Length: %d\r\n\r\n" % length) as (wire,):
        wire.sendall(b" " * length)
        assert first_line(wire).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("mebibytes", [1, 64])
def test_a_chunked_body_without_end_is_read_up_to_the_limit(served: Served, mebibytes: int) -> None:
    before = served.memory()
    with clients(served, 1, CHUNKED) as (wire,):
        with suppress(ConnectionError):
            for _ in range(mebibytes * 16):
                wire.sendall(CHUNK)
        with suppress(OSError):
            wire.shutdown(socket.SHUT_WR)
        assert first_line(wire)[:12] in {b"", b"HTTP/1.1 400", b"HTTP/1.1 413"}

    assert served.healthy()
    assert served.memory() - before < 32 * MEBIBYTE


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
def test_what_is_not_http_is_refused_and_others_are_answered(served: Served, sent: bytes) -> None:
    with clients(served, 1) as (wire,):
        with suppress(OSError):  # the server may have ended the connection by now
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
        assert not first_line(wire).startswith(b"HTTP/1.1 2")

    assert served.healthy()


def test_whoever_leaves_in_the_middle_of_a_body_has_asked_for_nothing(
    served: Served, cloud: FakeDms
) -> None:
    cloud.forget()
    with clients(served, 1, HEAD + b"Content-Length: 500\r\n\r\n" + BODY) as (wire,):
        wire.shutdown(socket.SHUT_WR)
        assert not first_line(wire).startswith(b"HTTP/1.1 2")

    assert cloud.requests == ()

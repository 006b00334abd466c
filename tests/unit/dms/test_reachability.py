"""How far a connection gets, against sockets that end it at every stage."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from function.dms.reachability import ReachProbe, host_of
from function.model.check import Reach
from function.settings.model import OutboundSettings


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Have one connection served, and return the port."""

    def accept() -> None:
        wire, _ = listener.accept()
        with wire:
            serve(wire)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def reach(endpoint: str, *, proxy: str | None = None, seconds: float = 5) -> Reach:
    outbound = OutboundSettings(endpoint, "0" * 32, proxy_url=proxy)
    return ReachProbe(outbound, lambda: seconds).run()


def drain(wire: socket.socket) -> None:
    """Read until the client closes, without a response."""
    while wire.recv(4096):
        pass


def test_accepted_connection_has_no_problem() -> None:
    with server(drain) as port:
        assert reach(f"http://127.0.0.1:{port}") == Reach("TCP", f"127.0.0.1:{port}")


def test_a_server_that_is_silent_in_the_handshake() -> None:
    with server(drain) as port:
        reached = reach(f"https://127.0.0.1:{port}", seconds=1)

    assert reached == Reach("TLS", f"127.0.0.1:{port}", "no answer in time")


def test_a_server_that_ends_the_handshake() -> None:
    with server(lambda wire: None) as port:
        reached = reach(f"https://127.0.0.1:{port}")

    assert reached.stage == "TLS"
    assert reached.problem == "the handshake failed: is TLS spoken there?"


def reset(wire: socket.socket) -> None:
    """End with RST, as a socket with unread data does."""
    wire.recv(1)


def test_a_proxy_that_resets_the_connection() -> None:
    with server(reset) as port:
        reached = reach("https://dms.example", proxy=f"http://127.0.0.1:{port}")

    assert (reached.stage, reached.problem) == ("proxy", "it ended the connection")


def test_a_proxy_that_never_ends_its_answer() -> None:
    def flood(wire: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client has read enough and goes
            wire.sendall(b"HTTP/1.1 502 Bad\r\n" + b"X: y\r\n" * 4000)
            drain(wire)

    with server(flood) as port:
        reached = reach("https://dms.example", proxy=f"http://127.0.0.1:{port}")

    assert reached.problem == "it answered 502 to a tunnel to dms.example:443"


def test_no_connection_is_tried_without_time() -> None:
    reached = reach("https://dms.example", seconds=0)

    assert reached == Reach("DNS", "dms.example:443", "no answer in time")


def test_unfinished_attempt_counts_as_no_answer() -> None:
    """A hanging resolver is abandoned, and the check names the stage."""
    outbound = OutboundSettings("https://dms.example", "0" * 32)

    assert ReachProbe(outbound, lambda: 5).result.problem == "no answer in time"


def test_a_host_name_that_dns_cannot_hold_does_not_resolve() -> None:
    reached = reach("https://" + "a" * 64 + ".example")

    assert (reached.stage, reached.problem) == ("DNS", "the name does not resolve")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://user:word@proxy.example:3128", "proxy.example:3128"),
        ("https://dms.example", "dms.example:443"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_a_host_is_named_without_the_password_that_may_stand_beside_it(url: str, host: str) -> None:
    assert host_of(urlsplit(url)) == host

"""The server in this process with a small application: limits, probes, shutdown."""

from __future__ import annotations

import http.client
import json
import logging
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments

from function.entrypoints import connections
from function.entrypoints import server as server_module
from function.entrypoints.routes import RECEIVED
from function.entrypoints.server import Server, serve
from function.entrypoints.startup import runtime
from function.lib.version import VERSION

PATIENCE = 30.0
KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
ENVIRONMENT = {
    "HUAWEICLOUD_AUTH_TOKEN": "token",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
    "DMS_ENDPOINT": "http://127.0.0.1:9",
    "DRY_RUN": "true",
    "DIRECT_SECRETS": "0123456789abcdef",
}
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


class Application:
    """Answers with the declared and the received length; POST waits while `held`."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.release.set()
        self.begun = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        if environ["REQUEST_METHOD"] == "POST":
            self.begun.release()
            assert self.release.wait(PATIENCE)
        assert time.monotonic() >= environ[RECEIVED] > 0
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ.get('CONTENT_LENGTH')} {len(body)}".encode()]


@pytest.fixture(autouse=True)
def wakeful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server look through its connections all the time, and end none for being slow."""
    monkeypatch.setattr(server_module, "WAKE_SECONDS", 0)
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 3600.0)


@pytest.fixture
def application() -> Application:
    return Application()


@contextmanager
def running(application: Application, host: str = "127.0.0.1", **options: Any) -> Iterator[Server]:
    server = Server(application, host, 0, **options)
    thread = threading.Thread(target=server.run, args=(PATIENCE,))
    thread.start()
    try:
        yield server
    finally:
        application.release.set()
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def server(application: Application) -> Iterator[Server]:
    with running(application) as server:
        yield server


def connect(server: Server, *sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    for content in sent:
        connection.sendall(content)
    return connection


def response(connection: socket.socket) -> tuple[int, str]:
    """Read one answer, and leave the connection open."""
    with closing(http.client.HTTPResponse(connection)) as reader:
        reader.begin()
        return reader.status, reader.read().decode()


def rest(connection: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    content = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(65536):
            content += chunk
    return content


def is_answered(server: Server) -> bool:
    with connect(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        return response(connection) == (200, "None 0")


def test_one_connection_carries_many_requests(server: Server) -> None:
    with connect(server) as connection:
        for body in (b"", b"x", b"x" * 256 * KIBIBYTE):
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert response(connection) == (200, f"{len(body)} {len(body)}")


def test_head_and_body_of_an_answer_leave_together(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    send = connections.Channel.send

    def noted(channel: Any, content: bytes, **options: Any) -> int:
        sent.append(content)
        return int(send(channel, content, **options))

    monkeypatch.setattr(connections.Channel, "send", noted)
    assert is_answered(server)

    (answer,) = sent
    assert (answer[:12], answer[-6:]) == (b"HTTP/1.1 200", b"None 0")


def test_a_defect_in_answering_costs_a_connection_and_no_thread(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = connections.Listener.pull_trigger

    def broken(_: Any) -> None:
        monkeypatch.setattr(connections.Listener, "pull_trigger", trigger)
        raise RuntimeError

    with running(application, threads=1) as server:
        monkeypatch.setattr(connections.Listener, "pull_trigger", broken)
        for _ in range(2):
            with connect(server, HEAD + b"Connection: close\r\n\r\n") as connection:
                assert rest(connection).endswith(b"\r\n\r\nNone 0")


@pytest.mark.parametrize("length", [MEBIBYTE, 3 * MEBIBYTE, 10**12])
def test_the_application_says_that_a_body_is_too_large(length: int, server: Server) -> None:
    """No byte of it is kept, and a sender that keeps sending still gets the response."""
    with connect(server, HEAD + b"Content-Length: %d\r\n\r\n" % length) as connection:
        connection.sendall(b" " * min(length, 3 * MEBIBYTE))
        assert response(connection) == (200, f"{length} 0")


def test_expect_continue_is_answered_before_the_body(server: Server) -> None:
    head = HEAD + b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    with connect(server, head) as connection:
        assert rest(connection).startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")


def test_chunks_are_read_up_to_a_bound_of_bytes_on_the_wire(server: Server) -> None:
    """Each byte of the body in a chunk of its own costs six bytes, and CPU for each."""
    with connect(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as connection:
        connection.sendall(b"1\r\nx\r\n" * (MEBIBYTE // 6 + 1))
        status, text = response(connection)

    assert (status, text.split()[1]) == (200, "0")
    assert int(text.split()[0]) >= MEBIBYTE


def test_rest_of_a_large_body_is_read_up_to_a_limit(server: Server) -> None:
    with connect(server, HEAD + b"Content-Length: %d\r\n\r\n" % 10**9) as connection:
        assert response(connection)[0] == 200
        sent = 0
        with suppress(OSError):
            while sent < 64 * MEBIBYTE:
                connection.sendall(b" " * MEBIBYTE)
                sent += MEBIBYTE
    assert sent < 64 * MEBIBYTE


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"X: " + b"x" * 33 * KIBIBYTE, 431),
        (b"GET /" + b"x" * 26 * MEBIBYTE, 431),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5, 5\r\n\r\nhello", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST /\r\n\r\n", 400),
    ],
    ids=[
        *("headers", "request line", "two lengths", "length twice", "negative", "chunk", "TLS"),
        *("long number", "no address", "chunks in 1.0", "1.2", "HTTP/2", "no version"),
    ],
)
def test_invalid_http_never_reaches_the_application(
    sent: bytes, status: int, server: Server, application: Application
) -> None:
    with connect(server) as connection:
        with suppress(OSError):  # the server may have ended the connection by now
            connection.sendall(sent)
        assert rest(connection)[9:12] in {b"%d" % status, b""}

    assert not application.begun.acquire(blocking=False)
    assert is_answered(server)


FRAGMENTS = (
    *(b"\r\n", b"\r", b"\n", b"\r\n\r\n", b" ", b"\t", b":", b"\0", b"\xff", b"%", b"/", b"//"),
    *(b"GET ", b"POST / HTTP/1.1\r\n", b" HTTP/1.0", b"Host: x\r\n", b"http://[", b"@:999999"),
    *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"),
    *(b"5", b"9" * 5000, b"-1", b"ffffffffffffffff", b";a=b", b"hello", b"0\r\n\r\n"),
)


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=24).map(b"".join))
def test_no_bytes_of_a_caller_are_a_defect(sent: bytes) -> None:
    """An error of the parser would be logged for every such request, and never answered."""
    with closing(connections.Request(Adjustments())) as request:
        while sent and not request.completed:
            sent = sent[request.received(sent) :]
        if request.completed and not (request.error or request.empty):
            assert request.version in {"1.0", "1.1"}


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nAuthorization: Bearer secret\rX: y",
        b"GET / HTTP/1.1\r\n Authorization: Bearer secret",
        b"secret / HTTP/1.1\r\nHost: x",
    ],
)
def test_what_is_wrong_with_a_request_is_told_without_what_was_sent(
    sent: bytes, server: Server
) -> None:
    with connect(server, sent + b"\r\n\r\n") as connection:
        answer = rest(connection)

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert b"secret" not in answer


@pytest.mark.parametrize(
    "sent",
    [
        [b""],
        [b"GET / HT"],
        [HEAD + b"Content-Length: 100\r\n\r\nhalf"],
        [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
        [HEAD + b"Content-Length: 9000000\r\n\r\n"],
    ],
    ids=["nothing", "head", "body", "idle", "closing", "lingering"],
)
def test_idle_client_is_disconnected(
    sent: list[bytes], application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.0)
    with running(application) as server, connect(server, *sent) as connection:
        rest(connection)  # it ends: else this times out


def test_a_storm_of_connections_is_accepted_in_one_turn_of_the_loop(
    application: Application,
) -> None:
    server = Server(application, "127.0.0.1", 0)
    waiting = [connect(server) for _ in range(40)]

    server._poll(PATIENCE)

    assert len(server._listener.active_channels) == 40
    server.stop()
    server.run(0.0)
    for connection in waiting:
        connection.close()


def test_idle_connections_close_sooner_under_load(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 8)
    monkeypatch.setattr(connections, "CROWDED_PATIENCE_SECONDS", 0.0)
    with running(application) as server:
        silent = [connect(server) for _ in range(20)]
        assert is_answered(server)
        for connection in silent:
            connection.close()


def test_largest_incomplete_bodies_are_dropped_first(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_BUFFERED_BYTES", 100 * KIBIBYTE)
    half = HEAD + b"Content-Length: 200000\r\n\r\n"
    with running(application) as server:
        small = connect(server, half + b"x" * KIBIBYTE)
        large = connect(server, half + b"x" * 150 * KIBIBYTE)
        assert rest(large) == b""
        small.sendall(b"x" * (200_000 - KIBIBYTE))
        assert rest(small) == b""
        assert is_answered(server)
        for connection in (small, large):
            connection.close()


def test_whole_requests_are_not_given_up_for_the_memory_they_take(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_BUFFERED_BYTES", KIBIBYTE)
    application.release.clear()
    whole = HEAD + b"Content-Length: 2048\r\n\r\n" + b"x" * 2048
    with running(application) as server:
        events = [connect(server, whole) for _ in range(2)]
        for _ in events:
            assert application.begun.acquire(timeout=PATIENCE)
        application.release.set()
        assert [response(event) for event in events] == [(200, "2048 2048")] * 2
        for event in events:
            event.close()


def test_probes_are_answered_while_every_thread_waits_for_the_cloud(
    application: Application,
) -> None:
    application.release.clear()
    with running(application, threads=1) as server:
        events = [connect(server, HEAD + b"Content-Length: 1\r\n\r\nx") for _ in range(3)]
        assert application.begun.acquire(timeout=PATIENCE)
        assert is_answered(server)
        application.release.set()
        assert [response(event) for event in events] == [(200, "1 1")] * 3
        for event in events:
            event.close()


def test_whole_requests_are_answered_after_the_signal_and_others_are_not(
    application: Application,
) -> None:
    application.release.clear()
    server = Server(application, "127.0.0.1", 0, threads=1)
    whole = [connect(server, HEAD + b"Content-Length: 1\r\n\r\nx") for _ in range(2)]
    thread = threading.Thread(target=server.run, args=(PATIENCE,))
    thread.start()
    half = connect(server, HEAD + b"Content-Length: 2\r\n\r\nx")
    idle = connect(server)
    assert application.begun.acquire(timeout=PATIENCE)
    assert is_answered(server)

    server.stop()
    assert (rest(half), rest(idle)) == (b"", b"")
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    assert thread.is_alive()
    application.release.set()
    assert [response(each) for each in whole] == [(200, "1 1")] * 2
    thread.join(PATIENCE)
    assert not thread.is_alive()
    for connection in (*whole, half, idle):
        connection.close()


def test_the_last_answer_leaves_before_the_server_ends(application: Application) -> None:
    application.release.clear()
    server = Server(application, "127.0.0.1", 0)
    waiting, idle = connect(server, HEAD + b"Content-Length: 1\r\n\r\nx"), connect(server)

    def end() -> None:
        assert application.begun.acquire(timeout=PATIENCE)
        server.stop()
        rest(idle)  # closed: from here on the server waits for the event alone
        application.release.set()

    ending = threading.Thread(target=end)
    ending.start()
    server.run(PATIENCE)

    ending.join(PATIENCE)
    with waiting, idle:
        assert response(waiting) == (200, "1 1")


def test_hanging_event_does_not_block_shutdown(application: Application) -> None:
    application.release.clear()
    server = Server(application, "127.0.0.1", 0)
    with connect(server, HEAD + b"Content-Length: 1\r\n\r\nx") as connection:
        thread = threading.Thread(target=server.run, args=(0.0,))
        thread.start()
        assert application.begun.acquire(timeout=PATIENCE)
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert rest(connection) == b""
    application.release.set()


@pytest.mark.parametrize(("soft", "hard", "expected"), [(256, 300, 150), (9999, -1, 1000)])
def test_connection_limit_leaves_file_descriptors_for_events(
    soft: int, hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))

    assert server_module._connection_limit() == expected
    assert limits == ([(300, 300)] if soft == 256 else [])


def test_a_process_may_open_more_where_the_machine_sets_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))

    assert server_module._connection_limit() == 1000
    assert limits == [(4000, resource.RLIM_INFINITY)]


@pytest.fixture
def signals() -> Iterator[None]:
    """Have signals as in a terminal, also under nohup; give them and the log back in the end."""
    root = logging.getLogger()
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    kept = [(number, signal.getsignal(number)) for number in numbers]
    handlers = root.handlers
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    root.handlers = handlers
    for number, handler in kept:
        signal.signal(number, handler)


@pytest.fixture
def ending(signals: None, monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    """Send a server these signals as soon as it has logged that it listens."""
    sent = [signal.SIGTERM]
    log_start = server_module._log_start

    def then_end(*given: Any) -> None:
        log_start(*given)
        for number in sent:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(server_module, "_log_start", then_end)
    return sent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_end_lets_running_events_end(
    number: signal.Signals, ending: list[signal.Signals], application: Application
) -> None:
    ending[:] = [number]

    serve(application, runtime(ENVIRONMENT), "127.0.0.1", 0)


def test_a_closed_terminal_does_not_end_what_nohup_runs(
    ending: list[signal.Signals], application: Application
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ending[:] = [signal.SIGHUP, signal.SIGTERM]

    serve(application, runtime(ENVIRONMENT), "127.0.0.1", 0)

    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="a machine without IPv6")
def test_all_addresses_of_ipv6_are_those_of_ipv4_too(application: Application) -> None:
    with running(application, host="::") as server:
        assert is_answered(server)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_start_line_names_address_mode_and_routes(
    host: str,
    shown: str,
    ending: list[signal.Signals],
    application: Application,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = {"FUNCTIONGRAPH_CONTAINER": "true", "SMN_TOPIC_URNS": "urn:smn:eu-west-101:0:kafka"}

    serve(application, runtime({**ENVIRONMENT, **settings}), host, 0)

    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["address"].startswith(f"{shown}:")
    assert line["message"] == f"Listening on http://{line['address']}"
    assert (line["severity"], line["mode"], line["version"]) == ("INFO", "dry run", VERSION)
    assert line["routes"] == ["/direct", "/init", "/invoke", "/smn"]


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 4.5),
        ({"DEADLINE_SECONDS": "30"}, 30),
        ({"FUNCTIONGRAPH_CONTAINER": "true"}, 25),
        ({"FUNCTIONGRAPH_CONTAINER": "true", "DEADLINE_SECONDS": "30"}, 30),
    ],
    ids=str,
)
def test_the_longest_event_that_runs_at_sigterm_ends_before_the_process(
    settings: dict[str, str], seconds: float
) -> None:
    configured = runtime({**ENVIRONMENT, **settings}).settings

    assert server_module.grace(configured) == seconds + server_module.GRACE_SECONDS


def test_a_signal_after_the_end_is_no_error(application: Application) -> None:
    with running(application) as server:
        pass

    server.stop()


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_library_log_records_lose_their_text(
    level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("waitress")
    logger.addHandler(server_module._LogHandler())
    try:
        raise ValueError("secret")
    except ValueError:
        logger.log(logging.getLevelName(level), "Exception while serving /secret", exc_info=True)

    text = capsys.readouterr().err
    line = json.loads(text)
    assert "secret" not in text
    assert line["kind"] == "ValueError"
    assert line["severity"] == ("ERROR" if level == "CRITICAL" else level)
    assert line["at"].startswith("waitress:test_server.py:")

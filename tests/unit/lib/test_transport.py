"""One exchange over real sockets: gate, TLS, and bounds on the response."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.util.wait import wait_for_read

from function.lib.connections import tls_context
from function.lib.send_gate import Gate, NoResponse, SendCancelled, Stage
from function.lib.transport import Client
from function.lib.version import VERSION
from tests.fake_dms import (
    Close,
    Drip,
    Endpoint,
    FakeDms,
    Fault,
    Hold,
    Raw,
    Reply,
    WrongLength,
    gzip_bomb,
    redirect,
)
from tests.fault_matrix.certificates import tls_endpoint
from tests.relay import Relay

PATH = "/v2/p/instances"
EXACTLY = b"[]".ljust(1_048_576)  # 1 MiB


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        yield cloud


@contextmanager
def client(
    gate: Gate | None = None, *, ca_bundle_file: Path | None = None, proxy_url: str | None = None
) -> Iterator[Client]:
    made = Client(ca_bundle_file=ca_bundle_file, proxy_url=proxy_url, gate=gate)
    try:
        yield made
    finally:
        made.close()


def get(cloud: FakeDms, **headers: str) -> requests.PreparedRequest:
    request = requests.Request("GET", cloud.url + PATH).prepare()
    request.headers.update(headers)
    return request


def post(cloud: FakeDms) -> requests.PreparedRequest:
    return requests.Request("POST", cloud.url + PATH + "/action", data=b"{}").prepare()


def test_closed_gate_sends_nothing(cloud: FakeDms) -> None:
    gate = Gate()
    assert gate.close() is False

    with client(gate) as one, pytest.raises(SendCancelled):
        one.send(post(cloud), read_timeout=5)

    assert (gate.sending_begun, cloud.requests) == (False, ())


def test_a_gate_knows_that_a_request_went_out(cloud: FakeDms) -> None:
    gate = Gate()
    with client(gate) as one:
        one.send(post(cloud), read_timeout=5)

    assert gate.close() is True


def test_nothing_passes_a_one_shot_gate_twice(cloud: FakeDms) -> None:
    with client(Gate(once=True)) as one:
        one.send(post(cloud), read_timeout=5)
        with pytest.raises(SendCancelled):
            one.send(post(cloud), read_timeout=5)

    assert len(cloud.posts) == 1


def test_either_the_sender_passes_or_the_gate_is_closed_first() -> None:
    for _ in range(200):
        gate, start = Gate(), threading.Barrier(2)
        entered: list[bool] = []

        def enter(gate: Gate, entered: list[bool], start: threading.Barrier) -> None:
            start.wait()
            try:
                gate.begin_sending()
            except SendCancelled:
                return
            entered.append(True)

        thread = threading.Thread(target=enter, args=(gate, entered, start))
        thread.start()
        start.wait()
        passed = gate.close()
        thread.join()
        assert passed == bool(entered)


def test_a_connection_that_comes_after_the_gate_was_closed_is_ended() -> None:
    gate = Gate()
    gate.close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = socket.create_connection(server.getsockname())
        with pytest.raises(SendCancelled):
            gate.track(wire)

    assert wire.fileno() == -1


@pytest.mark.parametrize("kind", [None, "good"])
@pytest.mark.parametrize("fault", [Hold("done"), Drip("head"), Drip("body"), Hold("connect")])
def test_closing_ends_a_thread_that_waits(kind: str | None, fault: Fault) -> None:
    raised: list[Exception] = []
    where = tls_endpoint(kind) if kind else Endpoint()
    with FakeDms(endpoint=where) as cloud, client(ca_bundle_file=where.authority) as one:

        def exchange() -> None:
            try:
                one.send(post(cloud), read_timeout=30)
            except NoResponse as problem:
                raised.append(problem)

        cloud.fault(fault)
        thread = threading.Thread(target=exchange)
        thread.start()
        cloud.wait_for_connections(1)
        one.close()
        thread.join(10)
        assert not thread.is_alive()
    assert len(raised) == 1


def test_a_whole_answer_is_handed_on(cloud: FakeDms) -> None:
    cloud.fault(Reply(200, b"text", (("X-Request-Id", "7"),)))
    with client() as one:
        answer = one.send(get(cloud), read_timeout=5)

    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b"text", "7")


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (Reply(200, EXACTLY), EXACTLY),
        (Reply(200, EXACTLY + b" "), None),
        (gzip_bomb(2), None),
        (Reply(200, b"[]", (("Content-Encoding", "identity"),)), b"[]"),
        (Reply(200, b"[]", (("Content-Encoding", "IDENTITY"),)), b"[]"),
        (Reply(200, b"[]", (("Content-Encoding", ""),)), b"[]"),
        (Reply(200, b"[]", (("Content-Encoding", "br"),)), None),
        (Reply(204, b""), b""),
    ],
    ids=["1 MiB", "more", "gzip", "identity", "IDENTITY", "empty", "br", "204"],
)
def test_at_most_1_mib_is_read_and_nothing_is_decompressed(
    cloud: FakeDms, fault: Fault, body: bytes | None
) -> None:
    cloud.fault(fault)
    with client() as one:
        assert one.send(get(cloud), read_timeout=5).body == body


@pytest.mark.parametrize(
    "fault",
    [
        WrongLength(1),
        Close("answer"),
        Raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        Raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"),
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n{}"),
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}"),
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}"),
        Raw(b""),
        Raw(b"\x00\xff\r\n\r\n"),
    ],
)
def test_an_incomplete_response_is_no_response(cloud: FakeDms, fault: Fault) -> None:
    cloud.fault(fault)
    with client() as one, pytest.raises(NoResponse):
        one.send(get(cloud), read_timeout=5)


@pytest.mark.parametrize(
    "lengths", [b"Content-Length: 1, 2", b"Content-Length: 2\r\nContent-Length: 1"]
)
def test_response_with_two_lengths_is_rejected(cloud: FakeDms, lengths: bytes) -> None:
    cloud.fault(Raw(b"HTTP/1.1 200 OK\r\n" + lengths + b"\r\n\r\n{}"))
    with client() as one, pytest.raises(NoResponse):
        one.send(get(cloud), read_timeout=5)


def test_a_connection_is_used_again_after_a_whole_answer(cloud: FakeDms) -> None:
    with client() as one:
        for _ in range(3):
            one.send(get(cloud), read_timeout=5)

    assert (len(cloud.requests), cloud.connections) == (3, 1)


def test_a_connection_that_the_server_ends_is_not_reused(cloud: FakeDms) -> None:
    cloud.fault(Reply(200, b"{}", (("Connection", "close"),)))
    with client() as one:
        assert one.send(get(cloud), read_timeout=5).body == b"{}"
        assert one.send(get(cloud), read_timeout=5).status == 401

    assert cloud.connections == 2


def test_an_exchange_that_ends_after_the_client_was_closed_leaves_nothing_open(
    cloud: FakeDms,
) -> None:
    class ClosedMeanwhile(Gate):
        def begin_sending(self) -> None:
            super().begin_sending()
            self.closed = True

    with client(ClosedMeanwhile()) as one:
        assert one.send(get(cloud), read_timeout=5).status == 401

        assert one._idle is None


@pytest.mark.parametrize(
    "fault", [Reply(200, EXACTLY + b"  "), Reply(204, b"left"), Reply(304, b"left")]
)
def test_connection_with_unread_bytes_is_not_reused(cloud: FakeDms, fault: Fault) -> None:
    cloud.fault(fault)
    with client() as one:
        one.send(get(cloud), read_timeout=5)
        second = one.send(get(cloud), read_timeout=5)

    assert (second.status, cloud.connections) == (401, 2)


def test_proxies_netrc_and_ca_bundles_of_the_environment_are_ignored(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {cloud.address[0]} login other password other\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing"))

    with client() as one:
        one.send(get(cloud, Authorization="ours"), read_timeout=5)

    assert cloud.requests[0].headers["authorization"] == "ours"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(cloud: FakeDms, status: int) -> None:
    with FakeDms() as other:
        cloud.fault(redirect(f"{other.url}/"[:-1] + PATH, status))
        with client() as one:
            assert one.send(post(cloud), read_timeout=5).status == status

        assert other.connections == 0


def test_a_request_says_who_sends_it(cloud: FakeDms) -> None:
    with client() as one:
        one.send(get(cloud), read_timeout=5)

    assert cloud.requests[0].headers["user-agent"] == f"kafka-remediator/{VERSION}"


def test_a_cookie_is_not_sent_back(cloud: FakeDms) -> None:
    cloud.fault(Reply(200, b"{}", (("Set-Cookie", "a=b"),)))
    with client() as one:
        one.send(get(cloud), read_timeout=5)
        one.send(get(cloud), read_timeout=5)

    assert "cookie" not in cloud.requests[1].headers


def test_the_roots_are_loaded_once_and_old_tls_is_not_spoken() -> None:
    assert tls_context(None) is tls_context(None)
    assert tls_context(None).minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls_context(None).verify_mode == ssl.CERT_REQUIRED
    assert tls_context(None).check_hostname


def test_tls_keys_are_not_written_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls_context.cache_clear()
    where = tls_endpoint("good")
    with FakeDms(endpoint=where) as cloud, client(ca_bundle_file=where.authority) as one:
        assert one.send(get(cloud), read_timeout=5).status == 401

    assert not (tmp_path / "keys").exists()


def test_a_name_counts_only_as_an_alternative_name_of_the_subject() -> None:
    where = tls_endpoint("common name")
    with (
        FakeDms(endpoint=where) as cloud,
        client(ca_bundle_file=where.authority) as one,
        pytest.raises(NoResponse) as raised,
    ):
        one.send(get(cloud), read_timeout=5)

    assert (raised.value.stage, raised.value.lasting) == (Stage.TLS, True)
    assert cloud.requests == ()


def test_a_ca_bundle_of_the_operator_replaces_the_public_roots() -> None:
    where = tls_endpoint("good")
    with FakeDms(endpoint=where) as cloud:
        with client(ca_bundle_file=where.authority) as one:
            assert one.send(get(cloud), read_timeout=5).status == 401
        with client() as one, pytest.raises(NoResponse):
            one.send(get(cloud), read_timeout=5)

    assert len(cloud.requests) == 1


def test_no_exception_text_of_a_library_is_passed_on(cloud: FakeDms) -> None:
    request = get(cloud, **{"X-Auth-Token": "canary\ntoken"})
    with client() as one, pytest.raises(NoResponse) as raised:
        one.send(request, read_timeout=5)

    assert (str(raised.value), raised.value.__cause__) == ("", None)
    assert raised.value.__suppress_context__


def kept(client: Client) -> socket.socket:
    """Return the socket of the connection that a client keeps."""
    connection: Any = client._idle
    sock: socket.socket = connection.sock
    return sock


@pytest.mark.parametrize("kind", [None, "good"])
def test_a_connection_opened_early_carries_the_request(kind: str | None) -> None:
    where = tls_endpoint(kind) if kind else Endpoint()
    gate = Gate(once=True)
    with FakeDms(endpoint=where) as cloud, client(gate, ca_bundle_file=where.authority) as one:
        one.open(cloud.url, timeout=5)
        cloud.wait_for_connections(1)
        assert (cloud.requests, gate.sending_begun) == ((), False)
        assert one.send(post(cloud), read_timeout=5).status == 401

    assert (len(cloud.posts), cloud.connections) == (1, 1)


def test_session_tickets_on_a_connection_opened_early_do_not_close_it() -> None:
    where = tls_endpoint("good")
    with FakeDms(endpoint=where) as cloud, client(ca_bundle_file=where.authority) as one:
        one.open(cloud.url, timeout=5)
        assert wait_for_read(kept(one), timeout=10), "the server has sent no tickets"
        one.send(get(cloud), read_timeout=5)

    assert cloud.connections == 1


@pytest.mark.parametrize("kind", [None, "good"])
def test_a_connection_opened_early_and_ended_by_the_server_is_opened_again(
    kind: str | None,
) -> None:
    where = tls_endpoint(kind) if kind else Endpoint()
    with (
        FakeDms(endpoint=where) as cloud,
        Relay(cloud.address) as relay,
        client(ca_bundle_file=where.authority) as one,
    ):
        url = f"{cloud.url.rpartition(':')[0]}:{relay.port}"
        one.open(url, timeout=5)
        relay.wait_for(lambda: len(relay.passages) == 1)
        relay.cut()
        assert wait_for_read(kept(one), timeout=10)
        request = requests.Request("POST", f"{url}{PATH}/action", data=b"{}").prepare()
        assert one.send(request, read_timeout=5).status == 401

    assert (len(cloud.requests), cloud.connections) == (1, 2)


def test_a_connection_opened_early_and_reset_is_opened_again(cloud: FakeDms) -> None:
    with Relay(cloud.address) as relay, client() as one:
        url = f"http://127.0.0.1:{relay.port}"
        one.open(url, timeout=5)
        relay.wait_for(lambda: len(relay.passages) == 1)
        relay.reset()
        assert wait_for_read(kept(one), timeout=10)
        request = requests.Request("POST", f"{url}{PATH}/action", data=b"{}").prepare()
        assert one.send(request, read_timeout=5).status == 401

    assert (len(cloud.posts), len(relay.passages)) == (1, 2)


def test_nothing_is_opened_early_behind_a_closed_gate(cloud: FakeDms) -> None:
    gate = Gate()
    gate.close()
    with client(gate) as one, pytest.raises(SendCancelled):
        one.open(cloud.url, timeout=5)

    assert cloud.connections == 0


def test_an_early_connection_that_fails_says_at_which_stage() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with client() as one, pytest.raises(NoResponse) as raised:
        one.open(url, timeout=5)

    failure = raised.value
    assert (failure.stage, failure.timed_out, failure.lasting) == (Stage.CONNECT, False, False)


@pytest.mark.parametrize(("kind", "stage"), [(None, Stage.ANSWER), ("good", Stage.TLS)])
def test_a_timeout_says_at_which_stage(kind: str | None, stage: Stage) -> None:
    where = tls_endpoint(kind) if kind else Endpoint()
    with FakeDms(endpoint=where) as cloud, client(ca_bundle_file=where.authority) as one:
        cloud.fault(Hold("connect"), times=None)
        with pytest.raises(NoResponse) as raised:
            one.send(get(cloud), read_timeout=0.2)
        cloud.release()

    assert (raised.value.stage, raised.value.timed_out) == (stage, True)
    assert one.stage is stage

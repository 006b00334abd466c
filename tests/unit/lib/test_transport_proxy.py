"""Requests through an outgoing proxy, which never gets a header of the request."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator

import pytest
import requests

from function.lib.send_gate import Gate, NoResponse, SendCancelled
from function.lib.transport import Client
from tests.fake_dms import FakeDms
from tests.fault_matrix.certificates import tls_endpoint
from tests.proxy import Proxy

PATH = "/v2/p/instances/action"
PASSWORD = "canary-proxy-password"


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(endpoint=tls_endpoint("good")) as cloud:
        yield cloud


def through(proxy: Proxy, gate: Gate, scheme: str = "http", user: str = "") -> Client:
    host = "localhost" if scheme == "https" else "127.0.0.1"
    return Client(
        ca_bundle_file=tls_endpoint("good").authority,
        proxy_url=f"{scheme}://{user}{host}:{proxy.port}",
        gate=gate,
    )


def send(client: Client, cloud: FakeDms) -> int:
    headers = {"X-Auth-Token": "t"}
    request = requests.Request("POST", cloud.url + PATH, data=b"{}", headers=headers).prepare()
    try:
        return client.send(request, read_timeout=10).status
    finally:
        client.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_goes_through_a_tunnel_that_learns_no_header(cloud: FakeDms, scheme: str) -> None:
    gate = Gate(once=True)
    with Proxy(endpoint=tls_endpoint("good") if scheme == "https" else None) as proxy:
        assert send(through(proxy, gate, scheme), cloud) == 401

        assert [head.split(b" ")[0] for head in proxy.heads] == [b"CONNECT"]
        assert b"x-auth-token" not in proxy.heads[0].lower()
    assert (len(cloud.posts), gate.sending_begun) == (1, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel_opened_early_carries_the_request(cloud: FakeDms, scheme: str) -> None:
    gate = Gate(once=True)
    with Proxy(endpoint=tls_endpoint("good") if scheme == "https" else None) as proxy:
        client = through(proxy, gate, scheme)
        client.open(cloud.url, timeout=10)
        assert (len(proxy.heads), cloud.requests, gate.sending_begun) == (1, (), False)
        assert send(client, cloud) == 401

        assert len(proxy.heads) == 1
    assert (len(cloud.posts), cloud.connections) == (1, 1)


def test_a_proxy_is_verified_like_everything_else(cloud: FakeDms) -> None:
    gate = Gate()
    with Proxy(endpoint=tls_endpoint("unknown")) as proxy, pytest.raises(NoResponse):
        send(through(proxy, gate, "https"), cloud)

    assert (gate.sending_begun, cloud.connections) == (False, 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_a_proxy_that_makes_no_tunnel_means_not_sent(cloud: FakeDms, answer: bytes) -> None:
    gate = Gate()
    with Proxy(answer) as proxy, pytest.raises(NoResponse):
        send(through(proxy, gate), cloud)

    assert (gate.sending_begun, cloud.connections) == (False, 0)


def test_tunnel_request_does_not_count_as_sending(cloud: FakeDms) -> None:
    gate = Gate()
    raised: list[Exception] = []
    with Proxy() as proxy:
        proxy.hold = True

        def exchange() -> None:
            try:
                send(through(proxy, gate), cloud)
            except NoResponse as problem:
                raised.append(problem)

        thread = threading.Thread(target=exchange)
        thread.start()
        assert proxy.asked.wait(10)
        assert gate.close() is False
        thread.join(10)
        assert not thread.is_alive()
    assert (len(raised), cloud.connections) == (1, 0)


def test_nothing_is_sent_through_a_proxy_tunnel_opened_after_close(cloud: FakeDms) -> None:
    gate = Gate()
    gate.close()
    with Proxy() as proxy, pytest.raises(SendCancelled):
        send(through(proxy, gate), cloud)

    assert cloud.requests == ()


def test_proxy_credentials_go_to_the_proxy_only(
    cloud: FakeDms, capfd: pytest.CaptureFixture[str]
) -> None:
    with Proxy() as proxy:
        send(through(proxy, Gate(), user=f"us%40er:{PASSWORD}@"), cloud)

        basic = base64.b64encode(f"us@er:{PASSWORD}".encode())
        assert b"proxy-authorization: Basic " + basic in proxy.heads[0]
    assert "proxy-authorization" not in cloud.posts[0].headers
    assert PASSWORD not in "".join(capfd.readouterr())


def test_plain_http_through_a_proxy_passes_the_gate_once() -> None:
    gate = Gate(once=True)
    with FakeDms() as plain, Proxy() as proxy:
        assert send(through(proxy, gate), plain) == 401

    assert len(plain.posts) == 1

"""Network, credential and set-up faults: a check names the stage and the host."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from function.ledger.protocol import Times
from tests.factories import NOW, ORDERS
from tests.fake_dms import Account, Clock, Endpoint, FakeDms, Raw
from tests.fault_matrix.certificates import tls_endpoint
from tests.fault_matrix.routes import Full
from tests.harness import EventReply, Remediator, open_remediator
from tests.loopback import free_port
from tests.proxy import Proxy
from tests.redis_process import RedisProcess, redis_process

from .test_check import detail, healthy, named, statuses

TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"


def checked(**settings: str) -> EventReply:
    """Check a set-up with a working cloud and the given settings."""
    with open_remediator(None, **{"DEADLINE_SECONDS": "2", **settings}) as remediator:
        return healthy(remediator).ask(action="check")


def assert_endpoint(answered: EventReply, *words: str) -> None:
    """Assert that only the endpoint check failed, and later checks are unproven."""
    assert named(answered) == {"endpoint"}
    assert [word for word in words if word not in detail(answered, "endpoint")] == []
    behind = ("clock", "credentials", "project", "list", "show", "tasks", "instances")
    assert {statuses(answered)[name] for name in behind} == {"unproven"}


def test_unresolvable_host_fails_the_endpoint_check(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolver(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "dms.eu-nowhere-9.example":
            raise socket.gaierror(-2, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    answered = checked(DMS_ENDPOINT="https://dms.eu-nowhere-9.example")

    assert_endpoint(answered, "DNS: dms.eu-nowhere-9.example", "HUAWEICLOUD_REGION")


def test_refused_connection_fails_the_endpoint_check() -> None:
    port = free_port()
    answered = checked(DMS_ENDPOINT=f"http://127.0.0.1:{port}")

    assert_endpoint(answered, f"TCP: 127.0.0.1:{port}", "refused")


def test_silent_host_fails_the_endpoint_check() -> None:
    full = Full()
    host, port = full.address
    answered = checked(DMS_ENDPOINT=f"http://{host}:{port}", DEADLINE_SECONDS="1")
    full.received()

    assert_endpoint(answered, "TCP:", "no answer in time")


def test_unroutable_address_fails_the_endpoint_check() -> None:
    assert_endpoint(checked(DMS_ENDPOINT="https://255.255.255.255"), "TCP:", "not reachable")


@contextmanager
def over_tls(where: Endpoint, **settings: str) -> Iterator[Remediator]:
    """Open a set-up whose cloud speaks TLS at a place."""
    clock = Clock(NOW.timestamp())
    with FakeDms(endpoint=where, clock=clock) as cloud:
        cloud.add_instance(ORDERS, status="RUNNING")
        yield Remediator(cloud, clock, {"DEADLINE_SECONDS": "2", **settings})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong name", "for another name"),
        ("expired", "has expired"),
        ("not yet valid", "not valid yet"),
        ("self-signed", "its certificate"),
        ("unknown", "not trusted here"),
    ],
)
def test_untrusted_certificate_fails_the_endpoint_check(kind: str, words: str) -> None:
    with over_tls(tls_endpoint(kind)) as remediator:
        assert_endpoint(remediator.ask(action="check"), "TLS: localhost", words)


def test_a_cloud_over_tls_is_reached() -> None:
    with over_tls(tls_endpoint("good")) as remediator:
        assert named(remediator.ask(action="check")) == set()


def test_host_without_tls_fails_the_endpoint_check() -> None:
    with open_remediator(DEADLINE_SECONDS="2") as remediator:
        port = remediator.cloud.address[1]
        remediator.set(DMS_ENDPOINT=f"https://127.0.0.1:{port}")
        plain = Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", at="connect")
        remediator.cloud.fault(plain, kind="connection", times=None)

        assert_endpoint(remediator.ask(action="check"), f"TLS: 127.0.0.1:{port}", "handshake")


def test_unreachable_proxy_fails_the_endpoint_check() -> None:
    port = free_port()
    answered = checked(PROXY_URL=f"http://user:word-of-the-proxy@127.0.0.1:{port}")

    assert_endpoint(answered, f"TCP: proxy 127.0.0.1:{port}", "refused", "PROXY_URL")
    assert "word-of-the-proxy" not in str(answered.event)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "it answered 407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it answered 403"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "it did not answer as a proxy does"),
        (b"HTTP/1.1", "it did not answer as a proxy does"),
    ],
)
def test_proxy_that_rejects_the_tunnel_fails_the_endpoint_check(answer: bytes, words: str) -> None:
    with Proxy(answer) as proxy, over_tls(tls_endpoint("good")) as remediator:
        remediator.set(PROXY_URL=f"http://user:word@127.0.0.1:{proxy.port}")

        assert_endpoint(remediator.ask(action="check"), f"proxy: 127.0.0.1:{proxy.port}", words)
        assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk" in b"".join(proxy.heads)


def test_hanging_proxy_fails_the_endpoint_check() -> None:
    with Proxy() as proxy, over_tls(tls_endpoint("good"), DEADLINE_SECONDS="1") as remediator:
        proxy.hold = True
        remediator.set(PROXY_URL=f"http://127.0.0.1:{proxy.port}")

        assert_endpoint(remediator.ask(action="check"), "proxy:", "no answer in time")


@pytest.mark.parametrize("secure", [False, True], ids=["http proxy", "https proxy"])
def test_working_proxy_passes(secure: bool) -> None:
    where = tls_endpoint("good") if secure else None
    with Proxy(endpoint=where) as proxy, over_tls(tls_endpoint("good")) as remediator:
        scheme, host = ("https", "localhost") if secure else ("http", "127.0.0.1")
        remediator.set(PROXY_URL=f"{scheme}://{host}:{proxy.port}")

        assert named(remediator.ask(action="check")) == set()


def test_proxy_for_a_plain_http_endpoint_passes() -> None:
    with Proxy() as proxy:
        answered = checked(PROXY_URL=f"http://127.0.0.1:{proxy.port}")

    assert statuses(answered)["endpoint"] == "pass"


def test_another_region_fails_the_project_check() -> None:
    """Keys are good everywhere, a project belongs to one region."""
    with FakeDms(account=Account(project_id="f" * 32), clock=Clock(NOW.timestamp())) as other:
        answered = checked(DMS_ENDPOINT=other.url)

    assert named(answered) == {"project"}
    assert "HUAWEICLOUD_REGION" in detail(answered, "project")


@pytest.mark.parametrize(("offset", "failed"), [(1200, "clock"), (600, "clock"), (0, None)])
def test_wrong_clock_fails_the_clock_check(offset: float, failed: str | None) -> None:
    account = Account(clock_offset=offset)
    with FakeDms(account=account, clock=Clock(NOW.timestamp())) as other:
        other.add_instance(ORDERS)
        answered = checked(DMS_ENDPOINT=other.url)

    assert named(answered) == ({failed} if failed else set())
    assert f"{offset} s behind" in detail(answered, "clock")


@pytest.mark.parametrize(
    ("token", "words"),
    [("stand-in-expired-auth-token", "expired"), ("no-token-at-all", "HUAWEICLOUD_AUTH_TOKEN")],
)
def test_rejected_token_fails_the_credentials_check(token: str, words: str) -> None:
    keys = {"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}
    answered = checked(**keys, HUAWEICLOUD_AUTH_TOKEN=token)

    assert named(answered) == {"credentials"}
    assert words in detail(answered, "credentials")


def test_missing_credentials_fail_the_credentials_check() -> None:
    with open_remediator(DEADLINE_SECONDS="2") as remediator:
        runtime = remediator.runtime
        remediator.runtime = runtime._replace(settings=runtime.settings._replace(credentials=None))
        answered = remediator.ask(action="check", probe=True)

        assert answered.status == 200
        assert named(answered) == {"credentials"}
        assert "agency" in detail(answered, "credentials")
        assert statuses(answered)["endpoint"] == "unproven"
        assert remediator.cloud.requests == ()


def certificate(folder: Path, *days: int, begin: int = -400) -> str:
    """Return a file of certificates that end so many days after NOW."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "smn")])
    file = folder / "smn.pem"
    for end in days:
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1 + abs(end))
        builder = builder.not_valid_before(NOW + timedelta(days=begin))
        signed = builder.not_valid_after(NOW + timedelta(days=end)).sign(key, hashes.SHA256())
        with file.open("ab") as content:
            content.write(signed.public_bytes(serialization.Encoding.PEM))
    return str(file)


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        ((31,), "pass", "31 more days"),
        ((29,), "fail", "29 more days"),
        ((-3,), "fail", "has expired"),
        ((-3, 10, 90), "pass", "90 more days"),
    ],
)
def test_expiring_smn_certificate_fails_the_certificate_check(
    days: tuple[int, ...], status: str, words: str, tmp_path: Path
) -> None:
    file = certificate(tmp_path, *days)
    answered = checked(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=file)

    assert statuses(answered)["certificate"] == status
    assert named(answered) == ({"certificate"} if status == "fail" else set())
    assert words in detail(answered, "certificate")


def test_future_smn_certificate_fails_the_certificate_check(tmp_path: Path) -> None:
    file = certificate(tmp_path, 400, begin=1)
    answered = checked(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=file)

    assert named(answered) == {"certificate"}


def test_the_published_certificate_serves_where_none_is_set() -> None:
    answered = checked(SMN_TOPIC_URNS=TOPIC)

    assert statuses(answered)["certificate"] == "pass"
    assert "2030-09-07" in detail(answered, "certificate")


def test_missing_routes_are_reported() -> None:
    """Events then come by triggers alone, which the platform authenticates."""
    with open_remediator(DIRECT_SECRETS="", ALERTMANAGER_SECRETS="") as remediator:
        remediator.set(GRAFANA_SECRETS="", CLOUDEVENTS_SECRETS="")
        answered = healthy(remediator).trigger({"action": "check"})

    assert statuses(answered)["routes"] == "info"
    assert "No HTTP route is open" in detail(answered, "routes")


def _replica(server: RedisProcess) -> None:
    server.send("REPLICAOF", "127.0.0.1", free_port())


def _full(server: RedisProcess) -> None:
    server.send("CONFIG", "SET", "maxmemory", "100kb")


@pytest.mark.parametrize(
    ("harm", "status"),
    [
        (None, "pass"),
        (RedisProcess.kill, "fail"),
        (RedisProcess.stall, "fail"),
        (_replica, "fail"),
        (_full, "fail"),
    ],
    ids=["healthy", "killed", "stalled", "a replica", "full"],
)
def test_a_ledger_on_which_nothing_can_be_claimed_fails_the_check(
    harm: Callable[[RedisProcess], None] | None, status: str
) -> None:
    with (
        redis_process("--maxmemory-policy", "noeviction") as server,
        open_remediator(DEADLINE_SECONDS="2", LEDGER_URL=server.url) as remediator,
    ):
        if harm is not None:
            harm(server)
        answered = healthy(remediator).ask(action="check")

    assert named(answered) == ({"copies"} if status == "fail" else set())
    assert statuses(answered)["copies"] == status


def test_two_checks_at_once_both_pass(redis: RedisProcess) -> None:
    times = Times(lambda: 1.0, lambda: 1.0)
    with (
        open_remediator(LEDGER_URL=redis.url) as remediator,
        remediator.runtime.ledger.claim(("check",), times),
    ):
        answered = healthy(remediator).ask(action="check")

    assert statuses(answered)["copies"] == "pass"

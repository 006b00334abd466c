"""The fake cloud speaks TLS with the certificate it is given, and breaks it when asked to."""

import datetime
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fake_dms import Close, Endpoint, FakeDms, Hold, Raw, Reset

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Endpoint:
    """Make a certificate for localhost that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Endpoint(certificate=pem, key=key_pem, authority=pem, name="localhost")


@pytest.fixture
def cloud(place: Endpoint) -> Iterator[FakeDms]:
    with FakeDms(endpoint=place) as cloud:
        yield cloud


def get(cloud: FakeDms, *, authority: Path | None) -> int:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = True if authority is None else str(authority)
        return session.get(f"{cloud.url}/x", timeout=10).status_code


def test_client_that_trusts_the_authority_is_served(cloud: FakeDms) -> None:
    assert cloud.url.startswith("https://localhost:")
    assert get(cloud, authority=Path(cloud.environment()["CA_BUNDLE_FILE"])) == 404


def test_client_that_does_not_trust_the_authority_sends_nothing(cloud: FakeDms) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        get(cloud, authority=None)

    assert (cloud.connections, cloud.requests) == (1, ())


@pytest.mark.parametrize(
    "fault", [Raw(b"HTTP/1.1 400 no TLS\r\n\r\n", at="connect"), Reset("connect")]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_handshake_can_fail(cloud: FakeDms, fault: Raw | Reset, late: bool) -> None:
    release = threading.Event()
    cloud.fault(Hold(at="connect", release=release, then=fault) if late else fault)
    release.set()

    with pytest.raises(requests.ConnectionError):
        get(cloud, authority=cloud.endpoint.authority)

    assert cloud.requests == ()


def test_a_handshake_can_be_late(cloud: FakeDms) -> None:
    statuses: list[int] = []
    cloud.fault(Hold(at="connect"))
    thread = threading.Thread(
        target=lambda: statuses.append(get(cloud, authority=cloud.endpoint.authority))
    )
    thread.start()
    cloud.wait_for_connections(1)
    assert cloud.requests == ()

    cloud.release()
    thread.join()

    assert statuses == [404]


@pytest.mark.parametrize("fault", [Close("request"), Reset("request"), Close("answer")])
def test_faults_work_under_tls(cloud: FakeDms, fault: Close | Reset) -> None:
    cloud.fault(fault)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(cloud, authority=cloud.endpoint.authority)

    assert len(cloud.requests) == 1

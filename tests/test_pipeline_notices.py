"""The path of a message about the subscription: for a person, with its link in the log."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from .values import DAY, NOW
from .world import World, world


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world() as night:
        yield night


@pytest.fixture(name="out")
def what_is_printed(capfd: pytest.CaptureFixture[str]) -> Any:
    def lines() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        printed = capfd.readouterr()
        results, log = (
            [json.loads(line) for line in text.splitlines()] for text in (printed.out, printed.err)
        )
        return results, log

    return lines


class Sink(HTTPServer):
    """A sink that keeps what it gets and answers what it is told."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.status = status
        self.got: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Keeper(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.got.append(json.loads(self.rfile.read(length)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(name="sink", params=[202, 500])
def a_sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with Sink(request.param) as sink:
        yield sink
        sink.shutdown()


TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"


LINK = "https://smn.example/confirm?token=7"


def signed_notice(kind: str, folder: Path, **fields: str) -> tuple[dict[str, str], Path]:
    """Return a message about the subscription, signed as the topic service does."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smn.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    file = folder / "smn.pem"
    file.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    message = {
        "type": kind,
        "message": "Hello.",
        "message_id": "m1",
        "topic_urn": TOPIC,
        "timestamp": "2026-01-05T03:00:00Z",
        **fields,
    }
    text = "".join(f"{name}\n{message[name]}\n" for name in sorted(message))
    signature = b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
    return {**message, "signature": signature, "signature_version": "v1"}, file


@pytest.mark.parametrize(
    ("kind", "fields", "reason", "needs_human"),
    [
        ("SubscriptionConfirmation", {"subscribe_url": LINK}, "subscription_confirmation", False),
        ("UnsubscribeConfirmation", {"subscribe_url": LINK}, "unsubscribe_confirmation", True),
        ("UnsubscribeConfirmation", {}, "unsubscribe_confirmation", True),
    ],
)
def test_a_message_about_the_subscription_is_for_a_person_and_its_link_is_in_the_log(
    night: World,
    out: Any,
    tmp_path: Path,
    kind: str,
    fields: dict[str, str],
    reason: str,
    *,
    needs_human: bool,
) -> None:
    message, file = signed_notice(kind, tmp_path, **fields)
    night.set(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=str(file), LOG_LEVEL="ERROR")
    found = night.post("/smn", message)

    assert found.brief == (200, "skipped", reason)
    assert (found.data["needs_human"], found.data["event"]["id"]) == (needs_human, "m1")
    assert [line["link"] for line in out()[1]] == ([LINK] if fields else [])
    assert not night.cloud.arrivals

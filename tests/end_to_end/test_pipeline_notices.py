"""Subscription messages: the confirmation link is logged for an operator."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.factories import DAY, NOW
from tests.harness import Remediator

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
    remediator: Remediator,
    out: Any,
    tmp_path: Path,
    kind: str,
    fields: dict[str, str],
    reason: str,
    *,
    needs_human: bool,
) -> None:
    message, file = signed_notice(kind, tmp_path, **fields)
    remediator.set(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=str(file), LOG_LEVEL="ERROR")
    answer = remediator.post("/smn", message)

    assert answer.verdict == (200, "skipped", reason)
    assert (answer.data["needs_human"], answer.data["event"]["id"]) == (needs_human, "m1")
    assert [line["link"] for line in out()[1]] == ([LINK] if fields else [])
    assert not remediator.cloud.requests


@pytest.mark.parametrize("signed_over", [{"unsubscribe_url": LINK}, {}])
def test_a_link_and_a_headline_that_smn_did_not_sign_are_in_no_log_and_no_result(
    remediator: Remediator, out: Any, tmp_path: Path, signed_over: dict[str, str]
) -> None:
    message, file = signed_notice("UnsubscribeConfirmation", tmp_path, **signed_over)
    remediator.set(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=str(file))
    added = {"subscribe_url": "https://evil.example/", "subject": "Call this number"}
    answer = remediator.post("/smn", {**message, **added})

    if signed_over:
        assert answer.verdict == (200, "skipped", "unsubscribe_confirmation")
        assert answer.data["event"]["name"] is None
    else:  # what SMN signs has a link
        assert answer.verdict == (401, "rejected", "unauthenticated")
    assert "evil.example" not in str(out())
    assert "Call this number" not in str(answer.event)


def test_the_line_on_a_dead_link_names_its_event_and_not_the_link(
    remediator: Remediator, out: Any, tmp_path: Path
) -> None:
    fields = {"subscribe_url": LINK, "timestamp": "2026-01-03T02:59:59Z"}
    message, file = signed_notice("SubscriptionConfirmation", tmp_path, **fields)
    remediator.set(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=str(file))
    answer = remediator.post("/smn", message)

    assert answer.verdict == (200, "skipped", "subscription_confirmation")
    (line,) = out()[1]
    assert (line["severity"], line["event_id"]) == ("WARNING", "m1")
    assert LINK not in str(line)

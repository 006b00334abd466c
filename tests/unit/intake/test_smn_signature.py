"""The signature of an SMN message: which certificates, subjects and topics are accepted."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from function.intake import authenticate, smn_signature, unwrap
from function.lib import schemas
from function.lib.timestamps import text
from function.model.errors import TopicNotListed, Unauthenticated
from function.model.event import RawEvent
from function.settings.model import AuthSettings
from tests import signed_requests
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND
from tests.signed_requests import LINK, TOPIC, certificate, rsa_key, smn, smn_text

SCHEMAS = schemas.load()
SIGNED = ("message", "message_id", "subject", "topic_urn")
TOPICS = frozenset({TOPIC})
MALFORMED = ("", "!", "ABC", "AAAA", "ä", "AAAA\n", "✓", "A===", smn()["signature"] + "\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of a certificate whose key signs in these tests."""
    return written(tmp_path, certificate())


def written(directory: Path, *certificates: bytes) -> Path:
    path = directory / "certificates.pem"
    path.write_bytes(b"".join(certificates))
    return path


def check(message: dict[str, Any], file: Path | None, topics: frozenset[str] = TOPICS) -> None:
    """Take a message as the route does, up to the credentials."""
    received = RawEvent("smn", json.dumps(message).encode(), NOW)
    credentials = AuthSettings(topic_urns=topics, certificate_file=file)
    authenticate.authenticate(received, unwrap.unwrap(received, {}, SCHEMAS), credentials)


def refused(message: dict[str, Any], file: Path | None) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        check(message, file)
    return str(refusal.value)


def signed(signature: bytes, **changes: Any) -> dict[str, Any]:
    return {**smn(**changes), "signature": base64.b64encode(signature).decode()}


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_confirmation_is_signed_over_its_link(kind: str, file: Path) -> None:
    message = smn(type=kind, subscribe_url=LINK, subject=None)

    check(message, file)

    refused({**message, "subscribe_url": LINK + "x"}, file)


@pytest.mark.parametrize("subject", ["An alarm", "", None, "Störung ✓"])
def test_a_message_is_authenticated_whatever_its_subject(subject: str | None, file: Path) -> None:
    check(smn(subject=subject), file)


def test_a_null_subject_is_one_that_is_absent(file: Path) -> None:
    check({**smn(subject=None), "subject": None}, file)


def test_an_empty_subject_may_be_left_out_of_what_is_signed(file: Path) -> None:
    message = smn(subject="")

    message["signature"] = signed_requests.smn_signature(smn_text(message, empty_subject=False))

    check(message, file)


def test_a_subject_that_is_not_empty_may_not_be_left_out(file: Path) -> None:
    refused({**smn(subject=None), "subject": "Added by somebody"}, file)


@pytest.mark.parametrize("subject", ["", None])
def test_missing_subject_does_not_disable_verification(subject: str | None, file: Path) -> None:
    refused({**smn(subject=subject), "message": "forged"}, file)


@given(name=st.sampled_from(SIGNED), drawn=st.data())
def test_a_changed_character_anywhere_breaks_the_signature(
    name: str, drawn: st.DataObject, file: Path
) -> None:
    message = smn()
    value = message[name]
    place = drawn.draw(st.integers(0, len(value) - 1))
    digit = "1" if value[place] == "0" else "0"
    changed = value[:place] + digit + value[place + 1 :]

    refused({**message, name: changed}, file)


def test_another_time_breaks_the_signature(file: Path) -> None:
    refused({**smn(), "timestamp": text(NOW + SECOND)}, file)


def test_another_type_breaks_the_signature(file: Path) -> None:
    confirmation = smn(type="SubscriptionConfirmation", subscribe_url=LINK)

    refused({**confirmation, "type": "UnsubscribeConfirmation"}, file)
    refused({**confirmation, "type": "Notification"}, file)


def test_a_changed_byte_of_the_signature_breaks_the_signature(file: Path) -> None:
    raw = bytearray(base64.b64decode(smn()["signature"]))
    for place in (0, 100, 255):
        raw[place] ^= 1
        refused(signed(bytes(raw)), file)
        raw[place] ^= 1
    check(signed(bytes(raw)), file)


def test_a_signature_has_one_text_only(file: Path) -> None:
    message = smn()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body, last = message["signature"][:-3], message["signature"][-3]
    variant = body + letters[letters.index(last) + 1] + "=="

    assert base64.b64decode(variant) == base64.b64decode(message["signature"])
    refused({**message, "signature": variant}, file)


def test_unsigned_members_are_ignored(file: Path) -> None:
    check({**smn(), "signing_cert_url": "http://127.0.0.1:1/", "unsubscribe_url": "?"}, file)


@pytest.mark.parametrize("version", ["v2", "V1", "", "v1 "])
def test_only_version_one_is_known(version: str, file: Path) -> None:
    refused(smn(signature_version=version), file)


@pytest.mark.parametrize("signature", MALFORMED)
def test_a_malformed_signature_is_rejected(signature: str, file: Path) -> None:
    refused(smn(signature=signature), file)


def test_another_hash_or_padding_is_rejected(file: Path) -> None:
    own, key = smn_text(smn()), rsa_key()
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)

    refused(signed(key.sign(own, padding.PKCS1v15(), SHA1())), file)  # noqa: S303 - what is refused
    refused(signed(key.sign(own, pss, SHA256())), file)
    check(signed(key.sign(own, padding.PKCS1v15(), SHA256())), file)


@pytest.mark.parametrize(
    ("begins", "ends", "believed"),
    [
        (NOW, NOW + DAY, True),
        (NOW - DAY, NOW, True),
        (NOW + SECOND, NOW + DAY, False),
        (NOW - DAY, NOW - SECOND, False),
    ],
    ids=["begins now", "ends now", "not yet valid", "expired"],
)
def test_a_certificate_counts_while_it_is_valid(
    begins: Any, ends: Any, believed: bool, tmp_path: Path
) -> None:
    file = written(tmp_path, certificate(begins=begins, ends=ends))

    if believed:
        check(smn(), file)
    else:
        message = (
            f"valid from {text(begins)} to {text(ends)}: check the clock, or set SMN_CERTIFICATE"
        )
        assert message in refused(smn(), file)


def test_a_renewed_certificate_of_the_same_key_counts_beside_the_old_one(tmp_path: Path) -> None:
    spans = ((NOW - DAY, NOW - HOUR), (NOW - MINUTE, NOW + DAY), (NOW + HOUR, NOW + DAY))
    old, new, future = (certificate(begins=begins, ends=ends) for begins, ends in spans)

    for number, pems in enumerate(((old, new), (new, old), (old, new, future))):
        directory = tmp_path / str(number)
        directory.mkdir()
        check(smn(), written(directory, *pems))
    problem = refused(smn(), written(tmp_path, old, future))
    for begins, ends in (spans[0], spans[2]):
        assert f"from {text(begins)} to {text(ends)}" in problem


def test_certificate_validity_is_reported_only_for_a_valid_signature(tmp_path: Path) -> None:
    file = written(tmp_path, certificate(begins=NOW - DAY, ends=NOW - SECOND))

    for message in (smn(key=rsa_key(number=1)), {**smn(), "subject": "x"}):
        assert "no certificate has signed it" in refused(message, file)


def test_short_rsa_key_is_rejected(tmp_path: Path) -> None:
    small = rsa_key(1024)
    file = written(tmp_path, certificate(small))

    refused(smn(key=small), file)


def test_key_of_another_algorithm_is_rejected(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = written(tmp_path, certificate(key))

    refused(signed(key.sign(smn_text(smn()), ec.ECDSA(SHA256()))), file)


def test_any_of_several_certificates_will_do(tmp_path: Path) -> None:
    old, new = rsa_key(number=1), rsa_key()
    elliptic = ec.generate_private_key(ec.SECP256R1())
    file = written(tmp_path, certificate(elliptic), certificate(old), certificate(new))

    check(smn(key=old), file)
    check(smn(key=new), file)
    refused(smn(key=rsa_key(number=2)), file)


def test_the_published_certificate_serves_when_no_file_is_set() -> None:
    published = load_pem_x509_certificate(smn_signature.DEFAULT_CERTIFICATES.read_bytes())

    problem = refused(smn(), None)

    assert published.fingerprint(SHA256()).hex() in problem
    assert smn_signature.certificates(smn_signature.DEFAULT_CERTIFICATES) == (published,)


def test_a_refusal_names_every_certificate_that_was_tried(tmp_path: Path) -> None:
    pems = [certificate(rsa_key(number=number)) for number in (1, 2)]

    problem = refused(smn(), written(tmp_path, *pems))

    for pem in pems:
        assert load_pem_x509_certificate(pem).fingerprint(SHA256()).hex() in problem


def test_a_signature_does_not_replace_a_listed_topic(file: Path) -> None:
    other = TOPIC.replace("kafka", "other")

    for topics in (frozenset(), frozenset({other}), frozenset({TOPIC + "x"})):
        with pytest.raises(TopicNotListed):
            check(smn(), file, topics)
    check(smn(topic_urn=other), file, frozenset({TOPIC, other}))


def test_a_listed_topic_does_not_replace_the_signature(file: Path) -> None:
    refused(smn(key=rsa_key(number=1)), file)

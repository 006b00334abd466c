"""A key and its certificate as the topic service has them, made for one run."""

import base64
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from .clock import START


def make() -> RSAPrivateKey:
    """Make a key."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def write_certificate(key: RSAPrivateKey, file: Path) -> Path:
    """Write the certificate of a key, valid for the days around the run."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smn.example")])
    start = datetime.fromtimestamp(START, timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=9))
        .not_valid_after(start + timedelta(days=99))
        .sign(key, SHA256())
    )
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file


def sign(key: RSAPrivateKey, message: dict[str, str]) -> str:
    """Sign a notification: names and values by turns, a line each, in alphabetical order."""
    names = ("message", "message_id", "subject", "timestamp", "topic_urn", "type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

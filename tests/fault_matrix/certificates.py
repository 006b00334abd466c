"""Certificates for loopback, good and bad, made once for each run of the tests."""

from __future__ import annotations

import functools
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fake_dms import Endpoint

DAYS = {"expired": (-9, -1), "not yet valid": (1, 9)}
Key = ec.EllipticCurvePrivateKey
_OTHER_USES = dict.fromkeys(
    """digital_signature content_commitment key_encipherment data_encipherment key_agreement
    encipher_only decipher_only""".split(),
    False,
)
_SIGNING = x509.KeyUsage(key_cert_sign=True, crl_sign=True, **_OTHER_USES)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="certificates-", ignore_cleanup_errors=True)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    name: str,
    key: Key,
    *,
    signer: Key,
    issuer: str,
    days: tuple[int, int],
    alternative: str | None = None,
) -> bytes:
    now = datetime.now(timezone.utc)
    authority = signer is key and name.startswith("authority")
    builder = x509.CertificateBuilder(
        _name(issuer), _name(name), key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now + timedelta(days[0]))
    builder = builder.not_valid_after(now + timedelta(days[1]))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if authority:  # Python 3.13 asks authorities what their keys are for
        builder = builder.add_extension(_SIGNING, critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(issued_by, critical=False)
    names = x509.SubjectAlternativeName([x509.DNSName(alternative or name)])
    builder = builder.add_extension(names, critical=False)
    signed = builder.sign(signer, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


@functools.cache
def _authority(name: str) -> tuple[Key, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    path = Path(_folder().name) / f"{name}.pem"
    path.write_bytes(_certificate(name, key, signer=key, issuer=name, days=(-9, 9)))
    return key, path


@functools.cache
def tls_endpoint(kind: str) -> Endpoint:
    """Return where a fake DMS speaks TLS with a certificate of this kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = "unknown authority" if kind == "unknown" else "authority"
    signer = key if kind == "self-signed" else _authority(issuer)[0]
    name = "elsewhere.example" if kind == "wrong name" else "localhost"
    certificate = Path(_folder().name) / f"{kind} certificate.pem"
    certificate.write_bytes(
        _certificate(
            name,
            key,
            signer=signer,
            issuer=issuer,
            days=DAYS.get(kind, (-1, 1)),
            alternative="elsewhere.example" if kind == "common name" else None,
        )
    )
    secret = certificate.with_suffix(".key")
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    authority = _authority("authority")[1]
    return Endpoint(certificate=certificate, key=secret, authority=authority, name="localhost")

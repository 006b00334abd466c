"""A certificate for localhost, from an authority of its own, beside all the public ones."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files: what a server shows, its key, and all that a client trusts."""

    certificate: Path
    key: Path
    bundle: Path


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
    )
    serial = x509.random_serial_number()
    return x509.CertificateBuilder(
        issuer_name, subject_name, key.public_key(), serial, now, now + DAY
    )


def write(folder: Path) -> Files:
    """Write the three files, good for a day."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    authority = (
        _builder("authority", "authority", authority_key)
        .add_extension(constraints, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    own = (
        _builder("localhost", "authority", key)
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = Files(folder / "certificate.pem", folder / "key.pem", folder / "bundle.pem")
    pem = serialization.Encoding.PEM
    files.certificate.write_bytes(own.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = Path(certifi.where()).read_bytes()
    files.bundle.write_bytes(public + authority.public_bytes(pem))
    return files

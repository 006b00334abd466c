"""Check the signature of an SMN message against certificates that are kept here, never fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..lib import timestamps
from ..model.event import SmnSignature

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# The vendor advises to pin its published certificate; it lasts until 2030-09-07. Messages of
# sa-brazil-1 were seen with another key, for which SMN_CERTIFICATE_FILE is there.
DEFAULT_CERTIFICATES = Path(__file__).with_name("smn_signing_certificate.pem")
# RSA keys below 2048 bits are no longer considered secure (NIST SP 800-131A).
MIN_KEY_BITS = 2048


# More than one file only while a rotation or a test changes the setting.
@lru_cache(maxsize=4)
def certificates(file: Path) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file; imported late, because only SMN needs cryptography."""
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - costs cold start

    return tuple(load_pem_x509_certificates(file.read_bytes()))


def _verifies(certificate: Certificate, signature: bytes, text: bytes) -> bool:
    """Tell whether the key of a certificate has signed this text (PKCS#1 v1.5, SHA-256)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - costs cold start
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - same
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - same
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - same

    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        return False
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def matching_certificates(signed: SmnSignature, file: Path) -> tuple[Certificate, ...]:
    """Return the certificates of a file that have signed a text of a message, valid now or not."""
    try:
        signature = base64.b64decode(signed.signature, validate=True)
    except (binascii.Error, ValueError):
        return ()
    # The spare bits of the last character make several texts of one signature; SMN sends one.
    malleable = base64.b64encode(signature).decode() != signed.signature
    if signed.version != "v1" or malleable:
        return ()
    return tuple(
        certificate
        for certificate in certificates(file)
        if any(_verifies(certificate, signature, text) for text in signed.texts)
    )


def is_valid(certificate: Certificate, now: datetime) -> bool:
    """Tell whether a certificate is valid now."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def failure_reason(signed_by: Iterable[Certificate], file: Path) -> str:
    """Return, for the log, why a message signed by these certificates is not authenticated."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - costs cold start

    validity = " or ".join(
        f"from {timestamps.text(certificate.not_valid_before_utc)}"
        f" to {timestamps.text(certificate.not_valid_after_utc)}"
        for certificate in signed_by
    )
    if validity:
        return (
            f"signed by a certificate that is valid {validity}: "
            "check the clock, or set SMN_CERTIFICATE_FILE"
        )
    tried = ", ".join(signer.fingerprint(SHA256()).hex() for signer in certificates(file))
    return f"no certificate has signed it; SHA-256 of the certificates: {tried}"

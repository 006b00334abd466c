"""The files that settings name: a path comes out, or a ValueError for a file that is no use."""

from __future__ import annotations

import ssl
from pathlib import Path


def certificate_file(text: str) -> Path:
    """Take the path of a file with one or more PEM certificates, for signatures."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - costs cold start
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - same

    try:
        for certificate in load_pem_x509_certificates(Path(text).read_bytes()):
            certificate.public_key()
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise ValueError("must be the path of a file with PEM certificates") from None
    return Path(text)


def ca_bundle_file(text: str) -> Path:
    """Take the path of a file with the roots that TLS connections shall trust."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=text)
    except (OSError, ValueError):
        raise ValueError("must be the path of a file with PEM certificates of roots") from None
    return Path(text)

"""A certificate for localhost, from an authority of its own, beside all the public ones."""

from dataclasses import dataclass
from pathlib import Path

import certifi

from tests.fault_matrix.certificates import tls_endpoint


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files: what a server shows, its key, and all that a client trusts."""

    certificate: Path
    key: Path
    bundle: Path


def write(folder: Path) -> Files:
    """Return the certificate and its key, and write a bundle of all authorities into a folder."""
    good, bundle = tls_endpoint("good"), folder / "bundle.pem"
    public = Path(certifi.where()).read_bytes()
    bundle.write_bytes(public + Path(str(good.authority)).read_bytes())
    return Files(Path(str(good.certificate)), Path(str(good.key)), bundle)

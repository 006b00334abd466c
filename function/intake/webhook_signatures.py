"""Check the credentials in a webhook's headers: Bearer, Standard Webhooks, Grafana's signature."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

# Standard Webhooks says five minutes: longer than clocks differ, too short to collect and replay.
TOLERANCE_SECONDS = 300
# Svix, from which Standard Webhooks comes, sends the same three headers under its own name.
HEADER_FAMILIES = ("webhook", "svix")


def _header_bytes(header: str) -> bytes:
    """Return the bytes of a header value, which WSGI decodes as Latin-1."""
    return header.encode("latin-1", "replace")


def _any_equal(received: Iterable[bytes], expected: Iterable[bytes]) -> bool:
    """Compare every pair in constant time, without stopping at a match."""
    wanted = tuple(expected)
    equal = [hmac.compare_digest(left, right) for left in received for right in wanted]
    return any(equal)


def is_recent(timestamp: str, now: datetime) -> bool:
    """Tell whether a time in whole seconds is at most five minutes from now."""
    # int() also takes signs, underscores and digits of other scripts, which no sender signs.
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    return abs(int(timestamp) - now.timestamp()) <= TOLERANCE_SECONDS


def bearer(headers: Mapping[str, str], secrets: tuple[bytes, ...]) -> bool:
    """Tell whether the Authorization header bears one of the secrets."""
    # A scheme is written in any case (RFC 9110).
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and _any_equal([_header_bytes(token.strip())], secrets)


def _webhook_key(secret: bytes) -> bytes:
    """Return the key of a Standard Webhooks secret: whsec_<base64>, or the text itself."""
    try:
        encoded = secret.removeprefix(b"whsec_")
        return secret if encoded == secret else base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return secret


def _signed_by_family(
    family: str, headers: Mapping[str, str], body: bytes, secrets: tuple[bytes, ...], now: datetime
) -> bool:
    """Check the three headers of one family; they are never mixed with those of the other."""
    identity, timestamp = headers.get(f"{family}-id", ""), headers.get(f"{family}-timestamp", "")
    if not identity or not is_recent(timestamp, now):
        return False
    text = b".".join((_header_bytes(identity), timestamp.encode(), body))
    expected = [
        b"v1," + base64.b64encode(hmac.new(_webhook_key(secret), text, sha256).digest())
        for secret in secrets
    ]
    signatures = headers.get(f"{family}-signature", "").split(" ")
    return _any_equal(map(_header_bytes, signatures), expected)


def standard_webhooks(
    headers: Mapping[str, str], body: bytes, secrets: tuple[bytes, ...], now: datetime
) -> bool:
    """Tell whether one of the signatures is right, see standardwebhooks.com."""
    return any(_signed_by_family(family, headers, body, secrets, now) for family in HEADER_FAMILIES)


def grafana(
    headers: Mapping[str, str],
    body: bytes,
    secrets: tuple[bytes, ...],
    *,
    signature_header: str,
    timestamp_header: str | None,
    now: datetime,
) -> bool:
    """Tell whether Grafana's signature is right, over the timestamp too where one is set up.

    A signature without a timestamp never expires: a captured request can be replayed at any time.
    """
    text = body
    if timestamp_header is not None:
        timestamp = headers.get(timestamp_header, "")
        if not is_recent(timestamp, now):
            return False
        text = timestamp.encode() + b":" + body
    signature = _header_bytes(headers.get(signature_header, ""))
    expected = [hmac.new(secret, text, sha256).hexdigest().encode() for secret in secrets]
    return _any_equal([signature], expected)

"""Parsers of single settings: text to value, or a ValueError that says what is expected."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import ssl
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ..model.decision import Mode
from ..model.event import CHANGING_ACTIONS, INSTANCE_ID_PATTERN, Action

Parser = Callable[[str], object]
MIN_SECRET_LENGTH = 16  # 16 random characters are out of reach of guessing over a network
MIN_WEBHOOK_KEY_BYTES = 24  # the least that the specification of Standard Webhooks allows
TOPIC_URN = "urn:smn:[^:]+:[0-9a-f]+:[A-Za-z0-9_-]+"
# Stricter than urlsplit, which takes blanks and user names for a part of the host.
_HOST = r"([A-Za-z0-9](\.?[A-Za-z0-9-])*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
# Of CloudEvents, and of our result: an override would change what receivers rely on.
RESERVED_ATTRIBUTES = frozenset(
    """specversion id source type time subject datacontenttype dataschema data needshuman
    traceparent tracestate""".split()
)


def token(text: str) -> str:
    """Take printable ASCII without blanks, such as a key or a token."""
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("must be printable ASCII without blanks or line breaks")
    return text


def flag(text: str) -> bool:
    """Take true or false."""
    # Neither "no" nor "0": a DRY_RUN that is read the other way round acts.
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def integer(low: int, high: int) -> Callable[[str], int]:
    """Take a whole number between two bounds."""

    def parse(text: str) -> int:
        # int() also takes signs, blanks, 1_000 and the digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Take a time in seconds, from 1 to 60, fractions allowed."""
    # float() also takes nan, inf and 1_0.
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text) or not 1 <= float(text) <= 60:
        raise ValueError("must be a number of seconds from 1 to 60")
    return float(text)


def split_list(text: str) -> tuple[str, ...]:
    """Take a comma-separated list; an empty item is an error."""
    values = tuple(item.strip() for item in text.split(","))
    # A variable that came out empty within a list is a slip of a deployment, not a wish.
    if not all(values):
        raise ValueError("has an empty item")
    return values


def matching_items(pattern: str, expected: str) -> Callable[[str], frozenset[str]]:
    """Take a comma-separated list of words that match a pattern."""

    def parse(text: str) -> frozenset[str]:
        values = split_list(text)
        if not all(re.fullmatch(pattern, value) for value in values):
            raise ValueError(f"must be {expected}, separated by commas")
        return frozenset(values)

    return parse


def actions(text: str) -> frozenset[Action]:
    """Take a comma-separated list of actions."""
    try:
        actions = frozenset(Action(item) for item in split_list(text))
    except ValueError:
        actions = frozenset()
    if not actions or not actions <= CHANGING_ACTIONS:
        raise ValueError("must be some of restart, purge_failed, delete")
    return actions


def instance_ids(text: str) -> frozenset[str]:
    """Take a comma-separated list of instance ids, in either case."""
    return matching_items(INSTANCE_ID_PATTERN.pattern, "instance ids (UUIDs)")(text.lower())


def instance_ids_or_all(text: str) -> frozenset[str] | None:
    """Take a list of instance ids, or `*` (None) for every instance."""
    return None if text == "*" else instance_ids(text)


def _is_webhook_key(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return len(key) >= MIN_WEBHOOK_KEY_BYTES


def secrets(text: str) -> tuple[bytes, ...]:
    """Take a comma-separated list of secrets of at least 16 characters each.

    One that begins with `whsec_` is a key of Standard Webhooks in Base64.
    """
    values = split_list(text)
    for value in values:
        if len(token(value)) < MIN_SECRET_LENGTH:
            raise ValueError(f"has a secret of fewer than {MIN_SECRET_LENGTH} characters")
        if value.startswith("whsec_") and not _is_webhook_key(value):
            raise ValueError(
                "has a whsec_ secret that is not whsec_ and the Base64 of at least "
                f"{MIN_WEBHOOK_KEY_BYTES} bytes"
            )
    return tuple(value.encode() for value in values)


def mode(text: str) -> Mode:
    """Take the mode of instances without a tag."""
    try:
        return Mode(text)
    except ValueError:
        raise ValueError("must be act, observe or off") from None


def project_id(text: str) -> str:
    """Take a project id: 32 hexadecimal digits."""
    # It becomes a part of every path that is signed and sent.
    if not re.fullmatch(r"[0-9a-f]{32}", text.lower()):
        raise ValueError("must be 32 hexadecimal digits")
    return text.lower()


def region(text: str) -> str:
    """Take a region id."""
    if not re.fullmatch(r"[a-z]{2}(-[a-z0-9]{1,20}){1,4}", text):
        raise ValueError("must be a region id")
    return text


def service_endpoint(service: str, region_id: str) -> str:
    """Return the endpoint of a cloud service; the sovereign region has a domain of its own.

    >>> service_endpoint("dms", "eu-de"), service_endpoint("smn", "eu-west-101")
    ('https://dms.eu-de.myhuaweicloud.com', 'https://smn.eu-west-101.myhuaweicloud.eu')
    """
    domain = "myhuaweicloud.eu" if region_id == "eu-west-101" else "myhuaweicloud.com"
    return f"https://{service}.{region_id}.{domain}"


def topic_urn(text: str) -> str:
    """Take the URN of one SMN topic."""
    if not re.fullmatch(TOPIC_URN, text):
        raise ValueError("must be the URN of an SMN topic")
    return text


def redis_url(text: str) -> str:
    """Take the URL of a Redis server and the number of a database; rediss is Redis over TLS.

    Options behind a question mark are refused: the library has some that switch verification off.
    """
    parts = _split(text, {"redis", "rediss"}, "must be a redis:// or rediss:// URL")
    if parts.query or parts.fragment or not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
        raise ValueError("must end with the port or the number of a database, without options")
    return text


def _split(text: str, schemes: Set[str], expected: str) -> SplitResult:
    """Return the parts of a URL with one of these schemes, a host and a valid port."""
    try:
        parts = urlsplit(token(text))
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(expected)
    return parts


def _split_http(text: str) -> SplitResult:
    return _split(text, {"http", "https"}, "must be an http or https URL")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def endpoint(text: str) -> str:
    """Take the URL of an API: https, or http on loopback; nothing behind the host and port."""
    parts = _split_http(text)
    host = re.fullmatch(_HOST, parts.netloc)
    # Signed paths begin at the root, so an endpoint has none of its own.
    if parts.path.strip("/") or parts.query or parts.fragment or not host:
        raise ValueError("must be only a scheme, a host and a port")
    # Keys and tokens would be readable on the way.
    if parts.scheme == "http" and not _is_loopback(str(parts.hostname)):
        raise ValueError("must be https (http only on loopback)")
    return f"{parts.scheme}://{parts.netloc}"


def url(text: str) -> str:
    """Take any http or https URL."""
    _split_http(text)
    return text


def task_pattern(text: str) -> str:
    """Take the part of a name that makes a background task a restart; it is no list or pattern."""
    if not re.fullmatch(r"[\w .:/-]{1,64}", text):
        raise ValueError("must be a part of a name, as it is: not a list, not a pattern")
    return text.lower()


def header_name(text: str) -> str:
    """Take the name of an HTTP header."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise ValueError("must be the name of an HTTP header")
    return text.lower()  # as the headers of requests are kept


def sink_extensions(text: str) -> Mapping[str, str]:
    """Take Knative's K_CE_OVERRIDES and return the CloudEvents extensions in it."""
    try:
        extensions = dict(json.loads(text).get("extensions") or {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        extensions = {"?": ""}
    for name, value in extensions.items():
        if not re.fullmatch(r"[a-z0-9]{1,20}", name) or not isinstance(value, str):
            raise ValueError("must be a JSON object with extensions, names and texts")
        if name in RESERVED_ATTRIBUTES:
            raise ValueError("overrides an attribute that the result needs")
    return extensions


def log_level(text: str) -> str:
    """Take the name of a log level."""
    if text not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return text


def certificate_file(text: str) -> Path:
    """Take the path of a file with one or more PEM certificates, for signatures."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - costs cold start
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - same

    try:
        for certificate in load_pem_x509_certificates(Path(text).read_bytes()):
            certificate.public_key()  # fails now, and not at the first message
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

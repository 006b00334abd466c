"""The gateway's check of SDK-HMAC-SHA256 signatures and tokens; shares no code with function/."""

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from urllib.parse import quote, unquote

from .behaviour import Account
from .record import Arrival, parse_query

SKEW_SECONDS = 15 * 60
AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 Access=([^,\s]+), SignedHeaders=([^,\s]+), Signature=([0-9a-f]{64})"
)
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
SIGNED_WHEN_SENT = ("x-project-id", "x-security-token")


class RefusalError(Exception):
    """The gateway does not let the request through."""

    def __init__(self, status: int, number: str, message: str) -> None:
        """Say it as the gateway does; the number follows APIGW. or APIG."""
        super().__init__(message)
        self.status, self.number, self.message = status, number, message


def check(arrival: Arrival, account: Account, now: float) -> None:
    """Raise RefusalError unless the request is authenticated for the account and its project."""
    if "x-auth-token" in arrival.headers:
        _check_token(arrival.headers["x-auth-token"], account)
    else:
        _check_signature(arrival, account, now)
    projects = {arrival.headers.get("x-project-id", account.project_id), arrival.path.split("/")[2]}
    if projects != {account.project_id}:
        raise RefusalError(403, "0302", "The IAM user is not authorized to access the API")


def canonical_request(
    method: str, target: str, headers: Mapping[str, str], signed: list[str], body: bytes
) -> str:
    """Write the request as the vendor's signature guide does; headers are by lower-case name."""
    parts = unquote(target.partition("?")[0]).split("/")
    path = "/".join(quote(part, safe="~") for part in parts)
    query = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(parse_query(target))
    )
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed)
    slash = "" if path.endswith("/") else "/"
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((method, path + slash, query, lines, ";".join(signed), digest))


def sign(canonical: str, date: str, secret_key: str) -> str:
    """Return the hexadecimal signature of a canonical request."""
    # Header bytes were read as latin-1, so latin-1 gives back the bytes that were sent.
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    to_sign = f"SDK-HMAC-SHA256\n{date}\n{digest}"
    return hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _check_signature(arrival: Arrival, account: Account, now: float) -> None:
    headers = arrival.headers
    match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise _incorrect("get Authorization header failed")
    access_key, names, signature = match.groups()
    if access_key != account.access_key:
        raise _incorrect(f"Get secretKey failed,ak:{access_key},err:ak not exist")
    date = headers.get("x-sdk-date", "")
    _check_date(date, now)
    signed = names.split(";")
    _check_names(signed, headers)
    canonical = canonical_request(arrival.method, arrival.target, headers, signed, arrival.body)
    expected = sign(canonical, date, account.secret_key)
    if not hmac.compare_digest(expected, signature):
        echo = canonical.replace("\n", "|")
        raise _incorrect(f"verify aksk signature fail, canonicalRequest:{echo}")
    if headers.get("x-security-token") != account.security_token:
        raise _incorrect("securityToken does not match the ak")


def _check_names(signed: list[str], headers: Mapping[str, str]) -> None:
    needed = {"host", "x-sdk-date"} | {name for name in SIGNED_WHEN_SENT if name in headers}
    if signed != sorted(set(signed)) or not needed <= set(signed) <= set(headers):
        raise _incorrect(f"signed headers are {';'.join(signed)}")


def _check_date(date: str, now: float) -> None:
    try:
        well_formed = DATE.fullmatch(date)
        sent = calendar.timegm(time.strptime(date, DATE_FORMAT)) if well_formed else None
    except ValueError:
        sent = None
    if sent is None:
        raise _incorrect("x-sdk-date is missing or malformed")
    if abs(now - sent) > SKEW_SECONDS:
        message = "Incorrect app authentication information: signature expired, signature time:"
        raise RefusalError(401, "0303", f"{message}{date}")


def _check_token(token: str, account: Account) -> None:
    if hmac.compare_digest(token.encode(), account.expired_auth_token.encode()):
        raise RefusalError(401, "0307", "The token must be updated.")
    if not hmac.compare_digest(token.encode(), account.auth_token.encode()):
        raise _incorrect("decrypt token fail")


def _incorrect(detail: str) -> RefusalError:
    return RefusalError(401, "0301", f"Incorrect IAM authentication information: {detail}")

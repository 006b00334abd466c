"""`requests` auth objects that authenticate API requests: SDK-HMAC-SHA256 and IAM tokens."""

import hmac
import re
from collections.abc import Callable
from datetime import datetime, timezone
from hashlib import sha256
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from requests import PreparedRequest
from requests.auth import AuthBase

ALGORITHM = "SDK-HMAC-SHA256"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_UNRESERVED = "~"  # quote() itself already leaves letters, digits and "_.-" alone
# What quote() leaves as it is; nearly all that is signed, and quote() takes ten times as long.
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")


class Signer(AuthBase):
    """Sign each request with an access key pair; the key never enters a repr, log or exception."""

    def __init__(
        self,
        *,
        access_key: str,
        secret_key: str,
        project_id: str,
        clock: Callable[[], datetime],
        security_token: str | None = None,
    ) -> None:
        self._access_key = _header_value("access_key", access_key)
        self._secret_key = secret_key.encode("utf-8")
        self._clock = clock
        self._own_headers = {"X-Project-Id": _header_value("project_id", project_id)}
        if security_token is not None:
            self._own_headers["X-Security-Token"] = _header_value("security_token", security_token)

    def __repr__(self) -> str:
        return "Signer(...)"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add date, project, token, host and signature to `request`, and fix its query's form."""
        url = _with_canonical_query(request)
        date = self._clock().astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        request.headers.update(self._own_headers)
        request.headers["X-Sdk-Date"] = date
        request.headers.setdefault("Host", _host(url))
        headers = _signed_headers(request)
        names = ";".join(headers)
        signature = self._signature(date, _canonical_request(request, url, headers))
        request.headers["Authorization"] = (
            f"{ALGORITHM} Access={self._access_key}, SignedHeaders={names}, Signature={signature}"
        )
        return request

    def _signature(self, date: str, canonical_request: str) -> str:
        digest = sha256(canonical_request.encode("utf-8")).hexdigest()
        text = f"{ALGORITHM}\n{date}\n{digest}"
        return hmac.digest(self._secret_key, text.encode("utf-8"), "sha256").hex()


class TokenAuth(AuthBase):
    """Send an IAM token instead of a signature."""

    def __init__(self, *, token: str, project_id: str) -> None:
        self._own_headers = {
            "X-Auth-Token": _header_value("token", token),
            "X-Project-Id": _header_value("project_id", project_id),
        }

    def __repr__(self) -> str:
        return "TokenAuth(...)"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the token and the project to `request`."""
        request.headers.update(self._own_headers)
        return request


def _header_value(name: str, value: str) -> str:
    # http.client would raise too, but with the value in its message.
    if not value or value != value.strip() or not (value.isascii() and value.isprintable()):
        raise ValueError(f"{name} is empty or holds characters that no header can carry")
    return value


def _with_canonical_query(request: PreparedRequest) -> SplitResult:
    # "+" and "%20" would both be a space: what is sent is exactly what is signed.
    url = urlsplit(str(request.url))
    if not url.query and not url.fragment:
        return url
    pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
    query = "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in pairs)
    canonical = url._replace(query=query, fragment="")
    request.url = urlunsplit(canonical)
    return canonical


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_UNRESERVED)


def _host(url: SplitResult) -> str:
    host = url.netloc.rpartition("@")[2]
    return host.removesuffix(_DEFAULT_PORTS.get(url.scheme, ""))


def _signed_headers(request: PreparedRequest) -> dict[str, str]:
    # Accept, User-Agent and the like are left out: proxies on the way may change them.
    headers = {name.lower(): str(value).strip() for name, value in request.headers.items()}
    return {name: headers[name] for name in sorted(filter(_is_signed, headers))}


def _is_signed(name: str) -> bool:
    return name in ("host", "content-type") or (name.startswith("x-") and "_" not in name)


def _canonical_request(request: PreparedRequest, url: SplitResult, headers: dict[str, str]) -> str:
    path = url.path
    if not _PLAIN.fullmatch(path.replace("/", "")):
        path = quote(unquote(path), safe="/" + _UNRESERVED)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    return "\n".join(
        (
            str(request.method).upper(),
            path if path.endswith("/") else path + "/",
            url.query,
            lines,
            ";".join(headers),
            sha256(_body(request)).hexdigest(),
        )
    )


def _body(request: PreparedRequest) -> bytes:
    body = request.body
    if isinstance(body, str):
        return body.encode("utf-8")
    if body is None or isinstance(body, bytes):
        return body or b""
    raise TypeError("only a body held in memory can be signed")

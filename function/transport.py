"""Transport: one HTTP exchange over requests, that a deadline can call off before it is sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import requests
from certifi import where
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_REPLY_BYTES = 1024 * 1024


class CalledOff(Exception):
    """The gate was closed before the request was sent: it certainly never arrived."""


class Gate:
    """A one-shot gate in front of the wire: the sender passes it, or the deadline closes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self.passed = False

    def enter(self) -> None:
        """Pass, for good; raise CalledOff when the gate was closed first."""
        with self._lock:
            if self._closed:
                raise CalledOff
            self.passed = True

    def close(self) -> bool:
        """Close the gate, and tell whether somebody had passed it before."""
        with self._lock:
            self._closed = True
            return self.passed


class _GatedConnection(HTTPConnection):
    """A connection that asks its gate just before the first byte of a request."""

    def __init__(self, *arguments: Any, gate: Gate, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._gate = gate

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Connect if that is still to be done, ask the gate, then send."""
        if self.sock is None:
            self.connect()
        self._gate.enter()
        super().endheaders(*arguments, **options)


class _GatedTlsConnection(_GatedConnection, HTTPSConnection):
    """The same over TLS."""


@lru_cache(maxsize=2)
def tls(ca_bundle_file: Path | None) -> ssl.SSLContext:
    """Return the TLS set-up of this process: loading the roots costs 15 ms, so it is done once."""
    context = ssl.create_default_context(cafile=str(ca_bundle_file or where()))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Adapter(HTTPAdapter):
    """A requests adapter with the TLS set-up of the process and, for one call, a gate."""

    def __init__(self, ca_bundle_file: Path | None, gate: Gate | None) -> None:
        self._tls = partial(tls, ca_bundle_file)
        self._gate = gate
        super().__init__(pool_connections=1, pool_maxsize=1)

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Give every https connection the TLS set-up of the process."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool["ssl_context"] = self._tls()
        return host, pool

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Put the gate, if there is one, into the connections that the pool will make."""
        pool = super().get_connection_with_tls_context(*arguments, **options)
        if self._gate is not None:
            kind = _GatedTlsConnection if pool.scheme == "https" else _GatedConnection
            pool.ConnectionCls = partial(kind, gate=self._gate)  # type: ignore[attr-defined]  # urllib3's hook
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the TLS set-up, instead of loading the roots once more."""
        conn.cert_reqs = "CERT_REQUIRED"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; `body` is None where it is too long or encoded, so not to be read."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class Client:
    """HTTP over requests without its sessions: no redirects, cookies, .netrc or environment."""

    def __init__(
        self, *, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate | None = None
    ) -> None:
        self._adapter = _Adapter(ca_bundle_file, gate)
        self._proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}

    def exchange(self, request: requests.Request, *, seconds: float) -> Answer:
        """Send a request and return the whole answer; `seconds` bound each wait, not the sum.

        Raises requests.RequestException or urllib3.exceptions.HTTPError when there is none, and
        CalledOff when the gate was closed before anything was sent.
        """
        response = self._adapter.send(
            request.prepare(), stream=True, timeout=seconds, proxies=self._proxies
        )
        body = response.raw.read(MOST_REPLY_BYTES + 1, decode_content=False)
        encoded = response.headers.get("Content-Encoding", "identity").lower() != "identity"
        readable = len(body) <= MOST_REPLY_BYTES and not encoded
        if len(body) <= MOST_REPLY_BYTES:
            response.raw.release_conn()
        return Answer(response.status_code, response.headers, body if readable else None)

    def close(self) -> None:
        """Close every connection."""
        self._adapter.close()

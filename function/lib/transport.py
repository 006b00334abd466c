"""Transport: one HTTP exchange over requests, behind a gate that the deadline closes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache, partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import requests
from certifi import where
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, connection_from_url
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from .send_gate import Gate, NoResponse, SendCancelled

MAX_RESPONSE_BYTES = 1024 * 1024
WITHOUT_BODY = frozenset({204, 304})


class _GatedConnection(HTTPConnection):
    """A connection that asks its gate just before the first byte of a request."""

    def __init__(self, *arguments: Any, gate: Gate, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._gate = gate

    def _new_conn(self) -> socket.socket:
        """Connect, after which only the gate can still end what goes on."""
        if self._gate.closed:
            raise SendCancelled
        sock = super()._new_conn()
        self._gate.track(sock)
        return sock

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Connect if that is still to be done, ask the gate, then send."""
        if self.sock is None:
            self.connect()
        self._gate.begin_sending()
        super().endheaders(*arguments, **options)


class _GatedTlsConnection(_GatedConnection, HTTPSConnection):
    """The same over TLS."""


@lru_cache(maxsize=2)
def tls_context(ca_bundle_file: Path | None) -> ssl.SSLContext:
    """Return the TLS set-up of this process: loading the roots costs 15 ms, so it is done once."""
    context = ssl.create_default_context(cafile=str(ca_bundle_file or where()))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Adapter(HTTPAdapter):
    """A requests adapter with the TLS set-up of the process and a gate."""

    def __init__(self, ca_bundle_file: Path | None, gate: Gate) -> None:
        self._tls = partial(tls_context, ca_bundle_file)
        self._gate = gate
        self._pool: Any = None
        super().__init__(pool_connections=1, pool_maxsize=1)

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Give every https connection the TLS set-up of the process."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool["ssl_context"] = self._tls()
        return host, pool

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give it to the connection to a proxy that speaks TLS, too."""
        if proxy.startswith("https:"):
            options["proxy_ssl_context"] = self._tls()
        return super().proxy_manager_for(proxy, **options)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the one pool of this adapter; the connections that it makes have the gate."""
        if self._pool is None:
            if proxies:
                self._pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            else:  # a manager of many pools would only cost 0.1 ms
                url = str(request.url)
                own = {"ssl_context": self._tls()} if url.startswith("https:") else {}
                self._pool = connection_from_url(url, maxsize=1, **own)
            kind = _GatedTlsConnection if self._pool.scheme == "https" else _GatedConnection
            self._pool.ConnectionCls = partial(kind, gate=self._gate)
        return self._pool

    def build_response(self, req: PreparedRequest, resp: Any) -> Any:
        """Return what urllib3 returns: a Response would add cookies and guesses, which cost."""
        return resp

    def close(self) -> None:
        """Close what the pool keeps, which urllib3 leaves to the garbage collector."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None
        super().close()

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the TLS set-up, instead of loading the roots once more."""
        conn.cert_reqs = "CERT_REQUIRED"


class RawResponse(NamedTuple):
    """A whole HTTP answer; `body` is None where it is too long or encoded, so not to be read."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def _read_response(response: BaseHTTPResponse) -> RawResponse:
    """Read an answer to its end; without one its connection is closed."""
    status, headers = response.status, response.headers
    with closing(response):
        body = response.read(MAX_RESPONSE_BYTES + 1, decode_content=False)
        too_long = len(body) > MAX_RESPONSE_BYTES
        if status < 200 or (response.length_remaining and not too_long):
            raise NoResponse
    encoded = (headers.get("Content-Encoding") or "identity").lower() != "identity"
    return RawResponse(status, headers, None if too_long or encoded else body)


class Client:
    """HTTP over requests without its sessions: no redirects, cookies, .netrc or environment."""

    def __init__(
        self, *, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate()
        self._adapter = _Adapter(ca_bundle_file, self._gate)
        self._proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}

    def send(
        self, request: PreparedRequest, *, read_timeout: float, connect_timeout: float | None = None
    ) -> RawResponse:
        """Send a request and return the whole answer, or raise NoResponse.

        `seconds` bound each wait, and `connecting` those before the request is sent, not the sum:
        only closing the client ends them all.
        """
        timeout = (connect_timeout or read_timeout, read_timeout)
        try:
            response: Any = self._adapter.send(
                request, stream=True, timeout=timeout, proxies=self._proxies
            )
            answer = _read_response(response)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError):
            raise NoResponse from None
        if answer.status in WITHOUT_BODY:  # whoever sends one nevertheless, leaves it in the wire
            self._adapter.close()
        return answer

    def close(self) -> None:
        """Close the gate and every connection; nothing is sent any more."""
        self._gate.close()
        self._adapter.close()

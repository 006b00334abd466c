"""HTTP over requests without sessions: one exchange, sent only through a gate that can close."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import lru_cache, partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import requests
from certifi import where
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, connection_from_url, proxy_from_url
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from .send_gate import Gate, NoResponse, SendCancelled, Stage

# Far more than a page of 50 rows; the bound protects memory from a wrong host.
MAX_RESPONSE_BYTES = 1024 * 1024
# By RFC 9110 these have no body, whatever their headers announce.
WITHOUT_BODY = frozenset({204, 304})
# What a resolver says of a name that does not exist; EAI_AGAIN, which passes, is not among them.
UNKNOWN_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
# The errors by which socket, urllib3 and requests report a timeout.
TIMEOUTS = (TimeoutError, ConnectTimeoutError, ReadTimeoutError)
# All that requests, urllib3 and http.client raise for a failed exchange.
FAILURES = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


class _GatedConnection(HTTPConnection):
    """A connection that asks its gate just before the first byte of a request."""

    next_stage = Stage.ANSWER

    def __init__(self, *arguments: Any, gate: Gate, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._gate = gate

    def _new_conn(self) -> socket.socket:
        """Connect; from then on only the gate can end the exchange."""
        self._gate.stage = Stage.CONNECT
        if self._gate.closed:
            raise SendCancelled(Stage.CONNECT)
        sock = super()._new_conn()
        self._gate.track(sock)
        self._gate.stage = self.next_stage
        return sock

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open and has no unexpected data.

        After a handshake of TLS 1.3 a server sends session tickets. They make the socket readable,
        which urllib3 takes for a dropped connection; reading lets OpenSSL swallow them.
        """
        if self.sock is None:
            return False
        self.sock.settimeout(0)  # every request sets its own timeout
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Connect if that is still to be done, ask the gate, then send."""
        if self.sock is None:
            self.connect()
        self._gate.stage = Stage.ANSWER
        self._gate.begin_sending()
        super().endheaders(*arguments, **options)


class _GatedTlsConnection(_GatedConnection, HTTPSConnection):
    """The same over TLS."""

    next_stage = Stage.TLS


@lru_cache(maxsize=2)
def tls_context(ca_bundle_file: Path | None) -> ssl.SSLContext:
    """Return the TLS set-up of this process: loading the roots costs 15 ms, so it is done once.

    Not `create_default_context`, which writes keys to the file that SSLKEYLOGFILE names.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.load_verify_locations(cafile=str(ca_bundle_file or where()))
    return context


class _Adapter(HTTPAdapter):
    """A requests adapter with one pool of one gated connection and the process's TLS set-up."""

    def __init__(self, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate) -> None:
        self._tls = partial(tls_context, ca_bundle_file)
        self._proxy_url = proxy_url
        self._gate = gate
        self._pool: HTTPConnectionPool | None = None
        super().__init__(pool_connections=1, pool_maxsize=1)

    def pool(self, url: str) -> HTTPConnectionPool:
        """Return the one pool of this adapter; the connections that it makes have the gate."""
        if self._pool is None:
            proxy = self._proxy_url
            tls = {"ssl_context": self._tls()} if url.startswith("https:") else {}
            if proxy is None:  # a manager of many pools would only cost 0.1 ms
                self._pool = connection_from_url(url, maxsize=1, **tls)
            else:
                tls |= {"proxy_ssl_context": self._tls()} if proxy.startswith("https:") else {}
                headers = self.proxy_headers(proxy)
                manager = proxy_from_url(proxy, proxy_headers=headers, maxsize=1, **tls)
                self._pool = manager.connection_from_url(url)
            kind = _GatedTlsConnection if self._pool.scheme == "https" else _GatedConnection
            self._pool.ConnectionCls = partial(kind, gate=self._gate)  # type: ignore[assignment]  # called only to make one
        return self._pool

    def open(self, url: str, timeout: float) -> None:
        """Connect, TLS handshake included; the next request takes the connection from the pool."""
        pool = self.pool(url)
        connection = pool._get_conn()
        connection.timeout = timeout
        if pool.proxy is not None and pool.scheme == "https":
            pool._prepare_proxy(connection)
        else:
            connection.connect()
        pool._put_conn(connection)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the one pool instead of asking a manager of pools."""
        return self.pool(str(request.url))

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the TLS set-up, instead of loading the roots once more."""
        conn.cert_reqs = "CERT_REQUIRED"

    def close(self) -> None:
        """Close what the pool keeps, which urllib3 leaves to the garbage collector."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None
        super().close()


class RawResponse(NamedTuple):
    """A whole HTTP response; `body` is None where it is too long or encoded, so not to be read."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def _read_response(response: requests.Response) -> RawResponse:
    """Read a response to its end; without one its connection is closed."""
    status, headers = response.status_code, response.headers
    with closing(response):
        body = response.raw.read(MAX_RESPONSE_BYTES + 1, decode_content=False)
        too_long = len(body) > MAX_RESPONSE_BYTES
        if status < 200 or (response.raw.length_remaining and not too_long):
            raise NoResponse
    encoded = (headers.get("Content-Encoding") or "identity").lower() != "identity"
    return RawResponse(status, headers, None if too_long or encoded else body)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it wraps; requests and urllib3 keep that in `args`."""
    while error is not None:
        yield error
        inner = next((part for part in error.args if isinstance(part, Exception)), None)
        error = error.__cause__ or inner or error.__context__


def _failure(error: Exception, stage: Stage) -> NoResponse:
    """Classify an error of a library, without its text, which may quote the request."""
    causes = tuple(_causes(error))
    lasting = False
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            stage, lasting = Stage.DNS, cause.errno in UNKNOWN_HOST
        elif isinstance(cause, ssl.SSLError):
            stage, lasting = Stage.TLS, isinstance(cause, ssl.SSLCertVerificationError)
    if any(isinstance(cause, ProxyError) for cause in causes):
        stage = Stage.PROXY
    timed_out = any(
        isinstance(cause, TIMEOUTS) and not isinstance(cause, NewConnectionError)
        for cause in causes
    )
    return NoResponse(stage, timed_out=timed_out, lasting=lasting)


class Client:
    """One connection and its gate: no redirects, cookies, .netrc or environment."""

    def __init__(
        self, *, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate()
        self._adapter = _Adapter(ca_bundle_file, proxy_url, self._gate)
        self._proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else {}

    @property
    def stage(self) -> Stage:
        """How far the exchange has come."""
        return self._gate.stage

    def open(self, url: str, *, timeout: float) -> None:
        """Open the connection of the next request, TLS included, or raise NoResponse."""
        try:
            self._adapter.open(url, timeout)
        except FAILURES as error:
            raise _failure(error, self._gate.stage) from None

    def send(
        self, request: PreparedRequest, *, read_timeout: float, connect_timeout: float | None = None
    ) -> RawResponse:
        """Send a request and return the whole response, or raise NoResponse.

        The timeouts bound each wait before and after the request is sent, not the sum: only
        closing the client ends them all.
        """
        timeout = (connect_timeout or read_timeout, read_timeout)
        try:
            response = self._adapter.send(
                request, stream=True, timeout=timeout, proxies=self._proxies
            )
            answer = _read_response(response)
        except FAILURES as error:
            raise _failure(error, self._gate.stage) from None
        if answer.status in WITHOUT_BODY:  # a body sent anyway would be read as the next response
            self._adapter.close()
        return answer

    def close(self) -> None:
        """Close the gate and every connection; nothing is sent any more."""
        self._gate.close()
        self._adapter.close()

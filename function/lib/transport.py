"""One HTTP exchange at a time over urllib3's connection, behind a gate that can close.

The adapter of requests and the pools of urllib3 serve many hosts for a long time. For the one
connection of a client they cost 0.2 ms of CPU an exchange, as much as the exchange itself.
urllib3 connects, through proxies, too; the standard library sends and receives.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import lru_cache, partial
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from certifi import where
from requests import PreparedRequest
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from .send_gate import Gate, NoResponse, SendCancelled, Stage
from .version import VERSION

# Far more than a page of 50 rows; the bound protects memory from a wrong host.
MAX_RESPONSE_BYTES = 1024 * 1024
USER_AGENT = f"kafka-remediator/{VERSION}"
# By RFC 9110 these have no body, whatever their headers announce.
WITHOUT_BODY = frozenset({204, 304})
# What a resolver says of a name that does not exist; EAI_AGAIN, which passes, is not among them.
UNKNOWN_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
# All that urllib3 and http.client raise for a failed exchange.
FAILURES = (HTTPError, HTTPException, OSError, ValueError)


class _Response(HTTPResponse):
    """A response whose chunks have sizes."""

    def _read_next_chunk_size(self) -> int:
        """Refuse a negative size: -1 would be read as all there is, without a bound."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # typeshed has no private names
        if size < 0:
            raise HTTPException
        return size


class _GatedConnection(HTTPConnection):
    """A connection that asks its gate just before the first byte of a request."""

    next_stage = Stage.ANSWER
    response_class = _Response
    # Those of urllib3 serve its pools, for twice the CPU: they look for markers that mean "send no
    # such header", and copy every response into one of their own.
    request: Any = PlainConnection.request
    getresponse: Any = PlainConnection.getresponse
    putheader = PlainConnection.putheader

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
        """Ask the gate, then send."""
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


class RawResponse(NamedTuple):
    """A whole HTTP response; header names in lower case.

    `body` is None where it is too long or encoded, so not to be read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def _exchange(
    connection: _GatedConnection, target: str, request: PreparedRequest, seconds: float
) -> RawResponse:
    """Send a request and read the response to its end; each wait may take so many seconds."""
    connection.sock.settimeout(seconds)
    # A server that ends the connection while it is being sent to may have answered before.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(str(request.method), target, request.body, request.headers)
    response: HTTPResponse = connection.getresponse()
    with closing(response):
        body = response.read(MAX_RESPONSE_BYTES + 1)
        too_long = len(body) > MAX_RESPONSE_BYTES
        if response.status < 200 or (response.length and not too_long):
            raise NoResponse
    named = [(name.lower(), value) for name, value in response.getheaders()]
    lengths = {value for name, value in named if name == "content-length"}
    if len(lengths) > 1 or not all(map(str.isdigit, lengths)):
        raise NoResponse  # there is no telling where it ends
    headers = dict(named)
    encoded = headers.get("content-encoding", "").lower() not in {"", "identity"}
    return RawResponse(response.status, headers, None if too_long or encoded else body)


def _failure(error: Exception, stage: Stage) -> NoResponse:
    """Classify an error of a library, without its text, which may quote the request."""
    cause, lasting = error.__cause__ or error, False  # urllib3 wraps those of the socket
    if isinstance(cause, socket.gaierror):
        stage, lasting = Stage.DNS, cause.errno in UNKNOWN_HOST
    elif isinstance(cause, ssl.SSLError):
        stage, lasting = Stage.TLS, isinstance(cause, ssl.SSLCertVerificationError)
    return NoResponse(stage, timed_out=isinstance(cause, TimeoutError), lasting=lasting)


class _Proxy:
    """An outgoing proxy: a tunnel through it to TLS, or else whole requests handed to it."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        user, _, password = (self.url.auth or "").partition(":")
        pair = f"{unquote(user)}:{unquote(password)}" if user else None
        self.headers = make_headers(proxy_basic_auth=pair)

    def connection(self, url: SplitResult, gate: Gate, tls: ssl.SSLContext) -> _GatedConnection:
        """Return a connection that will lead to a URL."""
        proxy, tunnels = self.url, url.scheme == "https"
        kind = _GatedTlsConnection if "https" in {proxy.scheme, url.scheme} else _GatedConnection
        options = {"ssl_context": tls} if tunnels else {}
        config = ProxyConfig(tls if proxy.scheme == "https" else None, False, None, None)
        port = proxy.port or (443 if proxy.scheme == "https" else 80)
        connection = kind(proxy.host, port, gate=gate, proxy=proxy, proxy_config=config, **options)
        if tunnels:
            scheme = str(proxy.scheme)
            connection.set_tunnel(str(url.hostname), url.port or 443, self.headers, scheme)
        return connection


class Client:
    """One connection and its gate: no redirects, cookies, .netrc or environment."""

    def __init__(
        self, *, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate()
        self._tls = partial(tls_context, ca_bundle_file)
        self._proxy = _Proxy(proxy_url) if proxy_url else None
        self._idle: _GatedConnection | None = None

    @property
    def stage(self) -> Stage:
        """How far the exchange has come."""
        return self._gate.stage

    def _new(self, url: SplitResult) -> _GatedConnection:
        if self._proxy is not None:
            return self._proxy.connection(url, self._gate, self._tls())
        if url.scheme == "https":
            port, tls = url.port or 443, self._tls()
            return _GatedTlsConnection(url.hostname, port, gate=self._gate, ssl_context=tls)
        return _GatedConnection(url.hostname, url.port or 80, gate=self._gate)

    def _connected(self, url: SplitResult, timeout: float) -> _GatedConnection:
        """Return the idle connection, or a new one where it has ended; TLS included."""
        connection, self._idle = self._idle, None
        if connection is not None:
            if connection.is_connected:
                return connection
            connection.close()
        connection = self._new(url)
        connection.timeout = timeout
        try:
            connection.connect()
        except FAILURES as error:
            failure = _failure(error, self._gate.stage)
            if connection.proxy and not connection.has_connected_to_proxy:
                failure.stage = Stage.PROXY
            connection.close()
            raise failure from None
        return connection

    def _keep(self, connection: _GatedConnection) -> None:
        """Keep a connection for the next request, unless the client has been closed meanwhile."""
        self._idle = connection
        if self._gate.closed:
            self.close()

    def open(self, url: str, *, timeout: float) -> None:
        """Open the connection of the next request, TLS included, or raise NoResponse."""
        self._keep(self._connected(urlsplit(url), timeout))

    def send(
        self, request: PreparedRequest, *, read_timeout: float, connect_timeout: float | None = None
    ) -> RawResponse:
        """Send a request and return the whole response, or raise NoResponse.

        The timeouts bound each wait for the connection and for the response, not the sum: only
        closing the client ends them all.
        """
        url = urlsplit(str(request.url))
        connection = self._connected(url, connect_timeout or read_timeout)
        request.headers.setdefault("User-Agent", USER_AGENT)
        target = request.path_url
        if connection.proxy_is_forwarding and self._proxy is not None:
            target = str(request.url)
            request.headers.update(self._proxy.headers)
        try:
            answer = _exchange(connection, target, request, read_timeout)
            # A body sent with 204 or 304 all the same would be read as the next response.
            if answer.body is not None and answer.status not in WITHOUT_BODY:
                self._keep(connection)
        except FAILURES as error:
            raise _failure(error, self._gate.stage) from None
        finally:
            if connection is not self._idle:
                connection.close()
        return answer

    def close(self) -> None:
        """Close the gate and every connection; nothing is sent any more."""
        self._gate.close()
        connection, self._idle = self._idle, None
        if connection is not None:
            connection.close()

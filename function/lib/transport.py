"""One HTTP exchange at a time, sent only through a gate that can close.

The adapter of requests and the pools of urllib3 serve many hosts for a long time. For the one
connection of a client they cost 0.2 ms of CPU an exchange, as much as the exchange itself.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from requests import PreparedRequest
from urllib3.exceptions import HTTPError

from .connections import GatedConnection, GatedTlsConnection, Proxy, tls_context
from .send_gate import Gate, NoResponse, Stage
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


class RawResponse(NamedTuple):
    """A whole HTTP response; header names in lower case.

    `body` is None where it is too long or encoded, so not to be read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def _exchange(
    connection: GatedConnection, target: str, request: PreparedRequest, seconds: float
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


class Client:
    """One connection and its gate: no redirects, cookies, .netrc or environment."""

    def __init__(
        self, *, ca_bundle_file: Path | None, proxy_url: str | None, gate: Gate | None = None
    ) -> None:
        self._gate = gate or Gate()
        self._tls = partial(tls_context, ca_bundle_file)
        self._proxy = Proxy(proxy_url) if proxy_url else None
        self._idle: GatedConnection | None = None

    @property
    def stage(self) -> Stage:
        """How far the exchange has come."""
        return self._gate.stage

    def _new(self, url: SplitResult) -> GatedConnection:
        if self._proxy is not None:
            return self._proxy.connection(url, self._gate, self._tls())
        if url.scheme == "https":
            port, tls = url.port or 443, self._tls()
            return GatedTlsConnection(url.hostname, port, gate=self._gate, ssl_context=tls)
        return GatedConnection(url.hostname, url.port or 80, gate=self._gate)

    def _connected(self, url: SplitResult, timeout: float) -> GatedConnection:
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

    def _keep(self, connection: GatedConnection) -> None:
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

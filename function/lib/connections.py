"""Connections of urllib3 that ask a gate before they send: direct, over TLS, through a proxy.

urllib3 connects, through proxies, too; the standard library sends and receives.
"""

import socket
import ssl
from functools import lru_cache
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

from certifi import where
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.util import make_headers, parse_url

from .send_gate import Gate, SendCancelled, Stage


class _Response(HTTPResponse):
    """A response whose chunks have sizes."""

    def _read_next_chunk_size(self) -> int:
        """Refuse a negative size: -1 would be read as all there is, without a bound."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # typeshed has no private names
        if size < 0:
            raise HTTPException
        return size


class GatedConnection(HTTPConnection):
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


class GatedTlsConnection(GatedConnection, HTTPSConnection):
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


class Proxy:
    """An outgoing proxy: a tunnel through it to TLS, or else whole requests handed to it."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        user, _, password = (self.url.auth or "").partition(":")
        pair = f"{unquote(user)}:{unquote(password)}" if user else None
        self.headers = make_headers(proxy_basic_auth=pair)

    def connection(self, url: SplitResult, gate: Gate, tls: ssl.SSLContext) -> GatedConnection:
        """Return a connection that will lead to a URL."""
        proxy, tunnels = self.url, url.scheme == "https"
        kind = GatedTlsConnection if "https" in {proxy.scheme, url.scheme} else GatedConnection
        options = {"ssl_context": tls} if tunnels else {}
        config = ProxyConfig(tls if proxy.scheme == "https" else None, False, None, None)
        port = proxy.port or (443 if proxy.scheme == "https" else 80)
        connection = kind(proxy.host, port, gate=gate, proxy=proxy, proxy_config=config, **options)
        if tunnels:
            scheme = str(proxy.scheme)
            connection.set_tunnel(str(url.hostname), url.port or 443, self.headers, scheme)
        return connection

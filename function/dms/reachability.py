"""How far a connection to the API gets: DNS, TCP, proxy, TLS. Sends no request to the API.

The HTTP client reports only that no response came. A check has to name the stage and the host, so
this module opens a separate connection stage by stage.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import SplitResult, unquote, urlsplit

from ..lib.connections import tls_context
from ..model.check import Reach
from ..settings.model import OutboundSettings

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ADDRESSES = 4  # a name may have many; each that does not answer costs a share of the time
# Far more than a proxy sends; ends a response without an end.
MAX_PROXY_HEAD_BYTES = 16384
# OpenSSL's numbers for the causes that an operator can fix, see X509_STORE_CTX_get_error(3).
CERTIFICATE_PROBLEMS = {
    9: "its certificate is not valid yet: check the clock",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate comes from an authority that is not trusted here",
    20: "its certificate comes from an authority that is not trusted here",
    21: "its certificate comes from an authority that is not trusted here",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
NO_ANSWER = "no answer in time"


class _StageFailed(Exception):
    """A stage failed; the text is ours, not that of a library."""


class ReachProbe:
    """One connection attempt; `result` can be read while the attempt is still waiting."""

    def __init__(self, outbound: OutboundSettings, seconds_left: Callable[[], float]) -> None:
        self._endpoint = urlsplit(outbound.endpoint)
        self._proxy = urlsplit(outbound.proxy_url) if outbound.proxy_url else None
        self._ca_bundle_file = outbound.ca_bundle_file
        self._seconds_left = seconds_left
        first = self._proxy or self._endpoint
        self._reach = Reach("DNS", str(first.hostname), NO_ANSWER)

    @property
    def result(self) -> Reach:
        """How far the attempt got; a stage that has not ended counts as unanswered."""
        return self._reach

    def run(self) -> Reach:
        """Connect stage by stage, up to the first stage that fails."""
        try:
            with ExitStack() as stack:
                self._connect_all(stack)
            self._reach = self._reach._replace(problem=None)
        except _StageFailed as failed:
            self._reach = self._reach._replace(problem=str(failed))
        return self._reach

    def _connect_all(self, stack: ExitStack) -> None:
        if self._proxy is None:
            sock = self._connect(stack, self._endpoint)
        else:
            sock = self._connect(stack, self._proxy)
            if self._proxy.scheme == "https":
                # TLS inside TLS is not tested here; the responses to the reads show it.
                self._tls_handshake(stack, sock, self._proxy)
                return
            if self._endpoint.scheme == "http":
                return
            self._open_tunnel(sock, self._proxy)
        if self._endpoint.scheme == "https":
            self._tls_handshake(stack, sock, self._endpoint)

    @contextmanager
    def _stage(self, stage: str, url: SplitResult, broken: str = "") -> Iterator[float]:
        """Record the stage that begins, and yield the seconds that are left.

        `broken` is what to say of an error of the connection.
        """
        # Where the proxy is on loopback, too, only the word tells it from the endpoint.
        proxy = "proxy " if url is self._proxy and stage != "proxy" else ""
        self._reach = Reach(stage, f"{proxy}{host_of(url)}", NO_ANSWER)
        seconds = self._seconds_left()
        if seconds <= 0:
            raise _StageFailed(NO_ANSWER)
        try:
            yield seconds
        except TimeoutError:
            raise _StageFailed(NO_ANSWER) from None
        except OSError:  # ssl.SSLError, too
            raise _StageFailed(broken) from None

    def _connect(self, stack: ExitStack, url: SplitResult) -> socket.socket:
        with self._stage("DNS", url):
            addresses = _resolve(url)
        with self._stage("TCP", url) as seconds:
            return stack.enter_context(closing(_connect_first(addresses, seconds)))

    def _tls_handshake(self, stack: ExitStack, sock: socket.socket, url: SplitResult) -> None:
        broken = "the handshake failed: is TLS spoken there?"
        with self._stage("TLS", url, broken) as seconds:
            sock.settimeout(seconds)
            try:
                tls = tls_context(self._ca_bundle_file).wrap_socket(
                    sock, server_hostname=str(url.hostname)
                )
            except ssl.SSLCertVerificationError as error:
                cause = CERTIFICATE_PROBLEMS.get(error.verify_code, "its certificate is not valid")
                raise _StageFailed(cause) from None
            stack.enter_context(closing(tls))

    def _open_tunnel(self, sock: socket.socket, proxy: SplitResult) -> None:
        with self._stage("proxy", proxy, "it ended the connection") as seconds:
            sock.settimeout(seconds)
            sock.sendall(_tunnel_request(self._endpoint, proxy))
            status = _status_of(_read_head(sock))
        if status != 200:
            problem = f"it answered {status}" if status else "it did not answer as a proxy does"
            raise _StageFailed(f"{problem} to a tunnel to {host_of(self._endpoint)}")


def host_of(url: SplitResult) -> str:
    """Return host and port of a URL, without user and password.

    >>> host_of(urlsplit("http://user:word@proxy.example:3128")), host_of(urlsplit("https://[::1]"))
    ('proxy.example:3128', '[::1]:443')
    """
    return f"{url.netloc.rpartition('@')[2].removesuffix(f':{url.port}')}:{_port(url)}"


def _port(url: SplitResult) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def _resolve(url: SplitResult) -> list[tuple[int, tuple[object, ...]]]:
    try:
        addresses = socket.getaddrinfo(url.hostname, _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # socket.gaierror, and names that no encoding fits
        raise _StageFailed("the name does not resolve") from None
    return [(family, address) for family, _, _, _, address in addresses[:MAX_ADDRESSES]]


def _connect_first(
    addresses: list[tuple[int, tuple[object, ...]]], seconds: float
) -> socket.socket:
    """Return a connection to the first address that takes one."""
    problem = NO_ANSWER
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        # A share for each: the first may be IPv6 where nothing routes it.
        sock.settimeout(seconds / len(addresses))
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = _connect_problem(error)
        else:
            return sock
    raise _StageFailed(problem)


def _connect_problem(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return NO_ANSWER
    # Refused: the host is up, and nothing listens; else a route or a firewall is in the way.
    return "refused" if isinstance(error, ConnectionRefusedError) else "not reachable"


def _tunnel_request(endpoint: SplitResult, proxy: SplitResult) -> bytes:
    host = host_of(endpoint)
    lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines += [f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) <= MAX_PROXY_HEAD_BYTES:
        part = sock.recv(4096)
        if not part:
            break
        head += part
    return head


def _status_of(head: bytes) -> int:
    """Return the status of an HTTP answer, or 0 for what is none.

    >>> _status_of(b"HTTP/1.1 200 Established"), _status_of(b"SSH-2.0-OpenSSH")
    (200, 0)
    """
    words = head.split(None, 2)
    valid = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return int(words[1][:3]) if valid else 0

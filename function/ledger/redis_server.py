"""Scripts on one Redis server, each within a bounded time; its connections."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from ..lib.connections import tls_context
from ..lib.threads import call_with_timeout
from ..model.errors import LedgerUnreadable
from . import redis_problems

COMMAND_SECONDS = 0.3
"""An event takes three steps; SMN waits 4.5 s in all. A healthy server answers within 5 ms."""
MAX_IDLE_SECONDS = 10.0
"""Networks drop what is idle for minutes without a word, and the next step would time out."""
DEFAULT_PORT = 6379
# What a kept connection may end with though a new one to the same address serves: the server was
# started again, or is only a replica since a failover.
ANOTHER_MAY_SERVE = (RedisConnectionError, ResponseError)


class _BoundedSocket:
    """A socket whose waits all end at one moment, `end`, which every step sets.

    The timeout of a socket begins anew with each byte, so a server that drips never triggers it.
    In a thread that can be abandoned instead, a step took 0.4 ms on loopback; here it takes 0.2.
    """

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock, self.end = sock, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _bound_wait(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:  # a timeout of zero would not wait at all, which is another error
            raise TimeoutError
        self._sock.settimeout(left)

    def recv(self, size: int) -> bytes:
        """Receive what has come; called by the library's parser in Python."""
        self._bound_wait()
        return self._sock.recv(size)

    def recv_into(self, buffer: bytearray) -> int:
        """Receive into a buffer; called by the parser in C, where hiredis is installed."""
        self._bound_wait()
        return self._sock.recv_into(buffer)

    def sendall(self, content: bytes) -> None:
        """Send piece by piece: over TLS each piece has a timeout of its own."""
        rest = memoryview(content)
        while rest:
            self._bound_wait()
            rest = rest[self._sock.send(rest) :]


class _Connection(Connection):
    """A connection whose steps are bounded, with the TLS set-up of this process.

    That of the library would load the roots for each connection, and honor SSLKEYLOGFILE.
    """

    def __init__(self, *, tls: Callable[[], ssl.SSLContext] | None, **options: Any) -> None:
        self._tls, self._end = tls, 0.0
        super().__init__(**options)  # type: ignore[no-untyped-call]  # it has no hints

    def _connect(self) -> _BoundedSocket:
        sock: socket.socket = super()._connect()  # type: ignore[no-untyped-call]  # it has no hints
        try:
            if self._tls is not None:
                context = self._tls()
                # A server without TLS waits for more: noticed before the whole step is over.
                sock.settimeout(max(self._end - time.monotonic(), 0.01) / 2)
                sock = context.wrap_socket(sock, server_hostname=self.host)
        except TimeoutError:
            sock.close()
            raise LedgerUnreadable(redis_problems.NO_TLS) from None
        except BaseException:
            sock.close()
            raise
        self._bounded = _BoundedSocket(sock, self._end)
        return self._bounded

    def open(self, end: float) -> None:
        """Connect, and say who asks; resolving a name takes as long as the resolver does."""
        self._end = end
        self.connect()

    def evaluate(
        self, end: float, script: str, keys: Sequence[str], arguments: Sequence[object]
    ) -> Any:
        """Run a script by its text: 2 KB each time, and no second step where the server is new.

        By its digest a step took 6 µs less of 160.
        """
        self._bounded.end = end
        self.send_command("EVAL", script, len(keys), *keys, *arguments)
        return self.read_response()


class RedisServer:
    """One server; connections are kept for seconds, for events that come together."""

    def __init__(self, url: str, ca_bundle_file: Path | None) -> None:
        parts = urlsplit(url)
        self._new_connection = partial(
            _Connection,
            tls=partial(tls_context, ca_bundle_file) if parts.scheme == "rediss" else None,
            host=parts.hostname,
            port=parts.port or DEFAULT_PORT,
            db=int(parts.path.strip("/") or 0),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            # These end a thread that was abandoned; for the step its own end decides.
            socket_timeout=2 * COMMAND_SECONDS,
            socket_connect_timeout=2 * COMMAND_SECONDS,
            protocol=2,  # supported by every server, and needs no HELLO
            driver_info=None,  # two commands less for each connection
        )
        self._idle: deque[tuple[float, _Connection]] = deque()

    def __repr__(self) -> str:
        return "RedisServer(...)"

    def run(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[object],
        *,
        seconds: float = COMMAND_SECONDS,
    ) -> Any:
        """Run a script; raise LedgerUnreadable, at the latest after so many seconds.

        It may run twice, over a kept connection that has ended and over a new one: a claim knows
        its owner, an entry its id.
        """
        end = time.monotonic() + seconds
        kept = self._kept_connection()
        try:
            if kept is not None:
                with suppress(*ANOTHER_MAY_SERVE):
                    return self._evaluate(kept, end, script, keys, arguments)
            new = self._new_connection()
            call_with_timeout(end - time.monotonic(), partial(new.open, end))
            return self._evaluate(new, end, script, keys, arguments)
        except LedgerUnreadable:
            raise
        except Exception as error:  # noqa: BLE001 - see NONSENSE
            raise LedgerUnreadable(redis_problems.sentence(error)) from None

    def _evaluate(self, connection: _Connection, *step: Any) -> Any:
        """Run a script over a connection, and keep the connection where it is still of use."""
        try:
            reply = connection.evaluate(*step)
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append((time.monotonic(), connection))
        return reply

    def _kept_connection(self) -> _Connection | None:
        """Return the connection that was used last, if that was just now, and by this process."""
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        with suppress(IndexError):
            while True:
                used, connection = self._idle.pop()
                if used >= oldest and connection.pid == os.getpid():
                    return connection
                connection.disconnect()
        return None

"""Scripts on one Redis server, each within a bounded time; its connections."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Connection
from redis.exceptions import AuthenticationError, InvalidResponse, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ..lib.threads import DeadlineExceeded, ThreadUnavailable, call_with_timeout
from ..lib.transport import tls_context
from ..model.errors import LedgerUnreadable

COMMAND_SECONDS = 0.3
"""An event takes three steps; SMN waits 4.5 s in all. A healthy server answers within 5 ms."""
MAX_IDLE_SECONDS = 10.0
"""Networks drop what is idle for minutes without a word, and the next step would time out."""
DEFAULT_PORT = 6379
LATE = "the ledger did not answer in time"
# Fixed texts: those of the library may contain the server's address or password.
NONSENSE = "the ledger gave an answer that makes no sense"
PROBLEMS: Mapping[type[Exception], str] = {
    AuthenticationError: "the ledger refused the password",
    DeadlineExceeded: LATE,
    InvalidResponse: NONSENSE,
    RedisTimeoutError: LATE,
    ThreadUnavailable: LATE,
}
ANOTHER_MAY_SERVE = (RedisConnectionError, ResponseError)
"""What a connection to the same address may not meet again."""


class _TlsConnection(Connection):
    """A connection with the TLS set-up of this process instead of the library's.

    The library's would load the roots for each connection, and honor SSLKEYLOGFILE.
    """

    def __init__(self, *, tls: Callable[[], ssl.SSLContext], **options: Any) -> None:
        self._tls = tls
        super().__init__(**options)  # type: ignore[no-untyped-call]  # it has no hints

    def _connect(self) -> socket.socket:
        sock: socket.socket = super()._connect()  # type: ignore[no-untyped-call]  # it has no hints
        try:
            return self._tls().wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise


def _evaluate(
    connection: Connection, script: str, keys: Sequence[str], arguments: Sequence[object]
) -> Any:
    """Run a script by its text: 2 KB each time, and no second step where the server is new."""
    connection.send_command("EVAL", script, len(keys), *keys, *arguments)
    return connection.read_response()


class RedisServer:
    """One server; connections are kept for seconds, for events that come together."""

    def __init__(self, url: str, ca_bundle_file: Path | None) -> None:
        parts = urlsplit(url)
        options: dict[str, Any] = {
            "host": parts.hostname,
            "port": parts.port or DEFAULT_PORT,
            "db": int(parts.path.strip("/") or 0),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            # Only one of them may decide; the socket's also ends a thread that was abandoned.
            "socket_timeout": 2 * COMMAND_SECONDS,
            "socket_connect_timeout": 2 * COMMAND_SECONDS,
            "protocol": 2,  # supported by every server, and needs no HELLO
            "driver_info": None,  # two commands less for each connection
        }
        self._connect: Callable[[], Connection] = partial(Connection, **options)
        if parts.scheme == "rediss":
            tls = partial(tls_context, ca_bundle_file)
            self._connect = partial(_TlsConnection, tls=tls, **options)
        self._idle: deque[tuple[float, Connection]] = deque()

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

        A kept connection may have ended since, or lead to a server that is only a replica since a
        failover; then the script is run again over a new one. All scripts may be run twice: a claim
        knows its owner, an entry its id.
        """
        end = time.monotonic() + seconds
        kept = self._kept_connection()
        if kept is not None:
            with suppress(RedisConnectionError, ResponseError):
                return self._run(kept, partial(_evaluate, kept, script, keys, arguments), end)
        new = self._connect()
        try:
            return self._run(new, partial(_evaluate, new, script, keys, arguments), end)
        except RedisConnectionError:
            raise LedgerUnreadable("the ledger cannot be reached") from None
        except ResponseError:
            raise LedgerUnreadable("the ledger refused a step; it may be full") from None

    def _run(self, connection: Connection, work: Callable[[], Any], end: float) -> Any:
        """Run a script over a connection, and keep the connection where it is still of use."""
        try:
            reply = call_with_timeout(end - time.monotonic(), work)
        except Exception as error:  # invalid replies make the library raise nearly anything
            connection.disconnect()  # which ends a thread that still waits for it, too
            if isinstance(error, ANOTHER_MAY_SERVE) and type(error) not in PROBLEMS:
                raise
            raise LedgerUnreadable(PROBLEMS.get(type(error), NONSENSE)) from None
        self._idle.append((time.monotonic(), connection))
        return reply

    def _kept_connection(self) -> Connection | None:
        """Return the connection that was used last, if that was just now, and by this process."""
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        with suppress(IndexError):
            while True:
                used, connection = self._idle.pop()
                if used >= oldest and connection.pid == os.getpid():
                    return connection
                connection.disconnect()
        return None

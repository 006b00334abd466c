"""Sockets on loopback: a free port, and servers that take connections until their block ends."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

LARGEST = 65536
Self = TypeVar("Self", bound="LoopbackServer")


def free_port() -> int:
    """Return a free port, for a server that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class LoopbackServer:
    """Hands every connection to `take`; the connections it keeps and its threads end with it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads: list[threading.Thread] = []
        self._kept: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self: Self) -> Self:
        """Serve."""
        self.begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every connection and wait for the threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for connection in self._kept:
            connection.close()

    def cut(self) -> None:
        """End the connections there are."""
        for connection in list(self._kept):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def keep(self, connection: socket.socket) -> socket.socket:
        """Return a connection, which ends when this server does."""
        self._kept.append(connection)
        return connection

    def begin(self, work: Callable[..., None], *arguments: object) -> None:
        """Do some work in a thread of its own."""
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def take(self, connection: socket.socket) -> None:
        """Begin to serve a connection; the next one waits until this returns."""
        raise NotImplementedError

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.take(self.keep(connection))

"""The listening socket: a thread for every connection, all ended and joined by `close`."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from .behaviour import Endpoint
from .stream import Stream


class Listener:
    """Accepts connections from `start` until `close`."""

    def __init__(self, endpoint: Endpoint, serve: Callable[[Stream], None]) -> None:
        """Prepare to hand every connection to `serve`."""
        self._endpoint, self._serve = endpoint, serve
        self._tls = _tls_context(endpoint)
        self._closing = threading.Event()
        self._lines: dict[Stream, threading.Thread] = {}

    def start(self) -> None:
        """Listen."""
        self._socket = socket.create_server((self._endpoint.host, self._endpoint.port), backlog=512)
        self._acceptor = threading.Thread(target=self._accept, name="fake-dms", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and wait for their threads."""
        self._closing.set()
        with contextlib.suppress(OSError):  # one last connection wakes the acceptor
            socket.create_connection(self.address, timeout=1).close()
        self._acceptor.join()
        self._socket.close()
        for line, thread in list(self._lines.items()):
            line.wake()
            thread.join()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        scheme = "https" if self._tls else "http"
        host, port = self.address
        return f"{scheme}://{self._endpoint.name or host}:{port}"

    def _accept(self) -> None:
        while True:
            wire, _ = self._socket.accept()
            if self._closing.is_set():
                wire.close()
                return
            self._take(wire)

    def _take(self, wire: socket.socket) -> None:
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = Stream(self._wrap(wire), self._closing)
        except OSError:  # gone before it was accepted
            wire.close()
            return
        thread = threading.Thread(target=self._run, args=(line,), daemon=True)
        self._lines[line] = thread
        thread.start()

    def _wrap(self, wire: socket.socket) -> socket.socket:
        if self._tls is None:
            return wire
        return self._tls.wrap_socket(wire, server_side=True, do_handshake_on_connect=False)

    def _run(self, line: Stream) -> None:
        try:
            self._serve(line)
        finally:
            self._lines.pop(line, None)


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    if endpoint.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(endpoint.certificate, endpoint.key)
    return context

"""A small outgoing proxy on loopback, which tunnels, refuses or holds requests."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType

from tests.fake_dms import Place

LARGEST = 65536


class Proxy:
    """Accepts CONNECT and absolute-URL requests; `heads` are the received heads, in order."""

    def __init__(self, answer: bytes = b"", *, place: Place | None = None) -> None:
        """Tunnel, or send this answer instead; an empty line in it ends the answer."""
        self._answer, self._place = answer, place
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wires: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.heads: list[bytes] = []
        self.asked = threading.Event()
        self.hold = False

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Proxy:
        """Serve."""
        self._begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every connection and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for wire in self._wires:
            wire.close()

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # its stubs want a Callable with these arguments
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                self._wires.append(wire)
                self._begin(self._serve, wire)

    def _serve(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._place is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(str(self._place.certificate), str(self._place.key))
                wire = context.wrap_socket(wire, server_side=True)
                self._wires.append(wire)
            head = b""
            while b"\r\n\r\n" not in head:
                head += self._received(wire)
            self.heads.append(head)
            self.asked.set()
            self._answered(wire, head)

    def _received(self, wire: socket.socket) -> bytes:
        content = wire.recv(LARGEST)
        if not content:
            raise ConnectionError
        return content

    def _answered(self, wire: socket.socket, head: bytes) -> None:
        method, target = head.split(b" ")[:2]
        if self.hold:
            self._received(wire)
        elif self._answer:
            wire.sendall(self._answer)
            wire.shutdown(socket.SHUT_WR)
        else:
            place = target if method == b"CONNECT" else target.split(b"/")[2]
            host, _, port = place.decode().rpartition(":")
            behind = socket.create_connection((host, int(port)))
            self._wires.append(behind)
            if method == b"CONNECT":
                wire.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
            else:
                behind.sendall(head.replace(b"http://" + place, b"", 1))
            self._begin(self._pump, behind, wire)
            self._pump(wire, behind)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(LARGEST):
                sink.sendall(content)
            sink.shutdown(socket.SHUT_WR)

"""A small outgoing proxy on loopback, which tunnels, refuses or holds requests."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from tests.fake_dms import Endpoint
from tests.loopback import LARGEST, LoopbackServer


class Proxy(LoopbackServer):
    """Accepts CONNECT and absolute-URL requests; `heads` are the received heads, in order."""

    def __init__(self, answer: bytes = b"", *, endpoint: Endpoint | None = None) -> None:
        """Tunnel, or send this answer instead; an empty line in it ends the answer."""
        super().__init__()
        self._answer, self._endpoint = answer, endpoint
        self.heads: list[bytes] = []
        self.asked = threading.Event()
        self.hold = False

    def take(self, client: socket.socket) -> None:
        """Serve a connection beside the others."""
        self.begin(self._serve, client)

    def _serve(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._endpoint is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(str(self._endpoint.certificate), str(self._endpoint.key))
                wire = self.keep(context.wrap_socket(wire, server_side=True))
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
            behind = self.keep(socket.create_connection((host, int(port))))
            if method == b"CONNECT":
                wire.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
            else:
                behind.sendall(head.replace(b"http://" + place, b"", 1))
            self.begin(self._pump, behind, wire)
            self._pump(wire, behind)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(LARGEST):
                sink.sendall(content)
            sink.shutdown(socket.SHUT_WR)

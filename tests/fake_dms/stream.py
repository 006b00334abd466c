"""One connection at the byte level: reading requests, and ending in every faulty way."""

import contextlib
import socket
import ssl
import struct
import threading

LARGEST_HEAD = 64 * 1024
LINGER_ZERO = struct.pack("ii", 1, 0)


class GoneError(Exception):
    """The connection has ended, so its thread stops."""


class Stream:
    """A socket with a buffer; before the handshake it speaks plainly even where TLS is wanted."""

    def __init__(self, wire: socket.socket, closing: threading.Event) -> None:
        """Take over an accepted socket; `closing` is set when the fake DMS closes."""
        self._wire, self._closing = wire, closing
        self._buffer = b""
        self._encrypted = False

    def tls_handshake(self) -> None:
        """Make the TLS handshake where TLS is spoken."""
        if isinstance(self._wire, ssl.SSLSocket):
            self._wire.do_handshake()
            self._encrypted = True

    def read_head(self) -> tuple[str, str, dict[str, str]]:
        """Return method, target and headers by lower-case name; GoneError when nothing comes."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > LARGEST_HEAD:
                raise GoneError
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        words = first.decode("latin-1").split(" ")
        if len(words) != 3:
            raise GoneError
        return words[0], words[1], _headers(rest)

    def read_body(self, length: int) -> bytes:
        """Return the body; GoneError when it does not come in full."""
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def send(self, content: bytes) -> None:
        """Send all of it at once."""
        if self._encrypted:
            self._wire.sendall(content)
        else:
            socket.socket.sendall(self._wire, content)

    def drip(self, content: bytes, interval: float) -> None:
        """Send one byte per interval (seconds) until the client or the fake DMS goes."""
        for position in range(len(content)):
            self.send(content[position : position + 1])
            if self._closing.wait(interval):
                raise GoneError

    def hold(self, release: threading.Event) -> None:
        """Wait until released; GoneError when the fake DMS closes first."""
        while not release.wait(0.02):
            if self._closing.is_set():
                raise GoneError

    def await_client(self) -> None:
        """Wait until the client has sent something, or gone, and leave it unread."""
        socket.socket.recv(self._wire, 1, socket.MSG_PEEK)

    def reset(self) -> None:
        """End with RST."""
        self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._wire.close()
        raise GoneError

    def end(self) -> None:
        """End with FIN: what the client still sends is read and dropped, or RST would follow."""
        socket.socket.shutdown(self._wire, socket.SHUT_WR)
        while socket.socket.recv(self._wire, LARGEST_HEAD):
            pass
        raise GoneError

    def wake(self) -> None:
        """End the connection, from another thread than the waiting one."""
        with contextlib.suppress(OSError):  # it may have ended by itself
            socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._wire.close()

    def _receive(self) -> None:
        received = self._wire.recv(LARGEST_HEAD)
        if not received:
            raise GoneError
        self._buffer += received


def _headers(lines: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers

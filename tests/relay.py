"""A relay on loopback that makes every byte take a fixed time each way, as on a real network."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable

from .loopback import LARGEST, LoopbackServer

Parcel = tuple[float, bytes]


class Passage:
    """One connection through the relay; `flights` counts what its client sent in a row.

    A flight is everything that a client sends before it gets something back. `ended` says that the
    client has closed its side.
    """

    def __init__(self, client: socket.socket, server: socket.socket, accepted: float) -> None:
        self.client, self.server, self.accepted = client, server, accepted
        self.flights = 0
        self.answered = True
        self.ended = False


class Relay(LoopbackServer):
    """Forwards connections to an address; `delay` is the seconds that a byte takes one way.

    The kernel accepts a connection at once. On a network the client could first send after a round
    trip: so what comes from it is held until then.
    """

    def __init__(self, address: tuple[str, int], delay: float = 0.0) -> None:
        super().__init__()
        self._address, self._delay = address, delay
        self._news = threading.Condition()
        self.passages: list[Passage] = []

    def lead_to(self, address: tuple[str, int]) -> None:
        """Lead new connections elsewhere, as a name does after a failover; the others stay."""
        self._address = address

    def reset(self) -> None:
        """End the clients' connections with RST, as load balancers do with idle ones."""
        for passage in list(self.passages):
            linger = struct.pack("ii", 1, 0)  # closing discards what is unsent, and sends RST
            passage.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            with contextlib.suppress(OSError):  # ends the read that would keep it open
                passage.client.shutdown(socket.SHUT_RD)
            passage.client.close()

    def wait_for(self, happened: Callable[[], bool], timeout: float = 10) -> None:
        """Block until something is so; TimeoutError when it does not come."""
        with self._news:
            if not self._news.wait_for(happened, timeout):
                raise TimeoutError

    def take(self, client: socket.socket) -> None:
        """Open the other half of the passage, and forward both ways."""
        server = self.keep(socket.create_connection(self._address))
        for wire in (client, server):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        passage = Passage(client, server, time.monotonic())
        with self._news:
            self.passages.append(passage)
            self._news.notify_all()
        self._pump(passage, client, server)
        self._pump(passage, server, client)

    def _pump(self, passage: Passage, source: socket.socket, sink: socket.socket) -> None:
        line: queue.SimpleQueue[Parcel] = queue.SimpleQueue()
        self.begin(self._receive, passage, source, line)
        self.begin(self._deliver, line, sink)

    def _receive(
        self, passage: Passage, source: socket.socket, line: queue.SimpleQueue[Parcel]
    ) -> None:
        content = b"?"
        while content:
            try:
                content = source.recv(LARGEST)
            except OSError:
                content = b""
            left = time.monotonic()
            if source is passage.client:
                left = max(left, passage.accepted + 2 * self._delay)
            self._count(passage, content, from_client=source is passage.client)
            line.put((left + self._delay, content))

    def _count(self, passage: Passage, content: bytes, *, from_client: bool) -> None:
        with self._news:
            if content and from_client:
                passage.flights += passage.answered
            passage.answered = not from_client
            passage.ended |= from_client and not content
            self._news.notify_all()

    def _deliver(self, line: queue.SimpleQueue[Parcel], sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                arrives, content = line.get()
                if self._delay:
                    time.sleep(max(arrives - time.monotonic(), 0))
                if not content:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(content)

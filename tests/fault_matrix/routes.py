"""Routes for connections to the cloud, by a patched resolver in the test process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from function.lib.transport import Client

from .case import Route

Address = tuple[str, int]
UNROUTABLE: Address = ("255.255.255.255", 9)  # no route leads there, so nothing leaves the machine
MOST_WAITING = 4


class Full:
    """A listening socket whose queue is full, so that connecting to it takes for ever."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address: Address = self._listener.getsockname()
        self._clients = [socket.socket() for _ in range(MOST_WAITING)]
        for client in self._clients:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(self.address)

    def received(self) -> bytes:
        """Accept all connections, close, and return what other clients sent."""
        clients = {client.getsockname() for client in self._clients}
        self._listener.setblocking(False)
        content = b""
        with self._listener, contextlib.suppress(BlockingIOError):
            while True:
                wire, peer = self._listener.accept()
                with wire:
                    wire.setblocking(True)
                    content += wire.recv(65536) if peer not in clients else b""
        for client in self._clients:
            client.close()
        return content


class _Purpose(threading.local):
    """What the connection is for that a thread opens."""

    sending = False


_PURPOSE = _Purpose()


class MarkedClient(Client):
    """A client that marks its look-ups: only the client of the POST has its own gate."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._sending = options.get("gate") is not None

    def open(self, *arguments: Any, **options: Any) -> None:
        """Open the connection, marked."""
        _PURPOSE.sending = self._sending
        super().open(*arguments, **options)

    def send(self, *arguments: Any, **options: Any) -> Any:
        """Send, marked."""
        _PURPOSE.sending = self._sending
        return super().send(*arguments, **options)


class Resolver:
    """Resolves `localhost` to one planned route for each look-up, then to the cloud.

    There is a plan for what reads, and one for what sends.
    """

    def __init__(
        self,
        reading: tuple[Route, ...],
        sending: tuple[Route, ...],
        addresses: dict[Route, Address],
    ) -> None:
        self._plans = {False: list(reading), True: list(sending)}
        self._addresses = addresses
        self._real = socket.getaddrinfo
        self._lock = threading.Lock()
        self.resolved = threading.Event()

    def __call__(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        """Look a name up; `slow name` when the event `resolved` is set."""
        if host != "localhost":
            return self._real(host, port, *rest, **options)
        with self._lock:
            plan = self._plans[_PURPOSE.sending]
            route: Route = plan.pop(0) if plan else "cloud"
        if route == "no name":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if route == "no DNS":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if route == "slow name":
            self.resolved.wait(30)
            route = "cloud"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", self._addresses[route])]


@contextlib.contextmanager
def routing(
    reading: tuple[Route, ...], sending: tuple[Route, ...], addresses: dict[Route, Address]
) -> Iterator[Resolver]:
    """Route look-ups of the cloud by the plans while the context is open."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused: Address = closed.getsockname()
    known: dict[Route, Address] = {"refused": refused, "unreachable": UNROUTABLE}
    resolver = Resolver(reading, sending, known | addresses)
    real, socket.getaddrinfo = socket.getaddrinfo, resolver
    try:
        yield resolver
    finally:
        resolver.resolved.set()
        socket.getaddrinfo = real

"""Where the name of the cloud leads: the resolver of the test process, patched at its edge."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from function.lib.transport import Client

from .case import Way

Address = tuple[str, int]
NOBODY: Address = ("255.255.255.255", 9)  # no route leads there, so nothing leaves the machine
MOST_WAITING = 4


class Full:
    """A listening socket whose queue is full, so that connecting to it takes for ever."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address: Address = self._listener.getsockname()
        self._own = [socket.socket() for _ in range(MOST_WAITING)]
        for one in self._own:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(self.address)

    def received(self) -> bytes:
        """Let everybody in, close, and return what came from strangers."""
        own = {one.getsockname() for one in self._own}
        self._listener.setblocking(False)
        content = b""
        with self._listener, contextlib.suppress(BlockingIOError):
            while True:
                wire, peer = self._listener.accept()
                with wire:
                    wire.setblocking(True)
                    content += wire.recv(65536) if peer not in own else b""
        for one in self._own:
            one.close()
        return content


class _Purpose(threading.local):
    """What the connection is for that a thread opens."""

    sending = False


_PURPOSE = _Purpose()


class MarkedClient(Client):
    """A client whose look-ups the resolver can tell: only the POST has a gate of its own."""

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
    """Answers for `localhost` as the plan says, one way for each look-up, and then the cloud's.

    There is a plan for what reads, and one for what sends.
    """

    def __init__(
        self, reading: tuple[Way, ...], sending: tuple[Way, ...], addresses: dict[Way, Address]
    ) -> None:
        self._plans = {False: list(reading), True: list(sending)}
        self._addresses = addresses
        self._real = socket.getaddrinfo
        self._lock = threading.Lock()
        self.found = threading.Event()

    def __call__(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        """Look a name up; `slow name` is found when the event is set."""
        if host != "localhost":
            return self._real(host, port, *rest, **options)
        with self._lock:
            plan = self._plans[_PURPOSE.sending]
            way: Way = plan.pop(0) if plan else "cloud"
        if way == "no name":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if way == "no DNS":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if way == "slow name":
            self.found.wait(30)
            way = "cloud"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", self._addresses[way])]


@contextlib.contextmanager
def leading(
    reading: tuple[Way, ...], sending: tuple[Way, ...], addresses: dict[Way, Address]
) -> Iterator[Resolver]:
    """Let the name of the cloud lead where the plans say, for a while."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused: Address = closed.getsockname()
    known: dict[Way, Address] = {"refused": refused, "unreachable": NOBODY}
    resolver = Resolver(reading, sending, known | addresses)
    real, socket.getaddrinfo = socket.getaddrinfo, resolver
    try:
        yield resolver
    finally:
        resolver.found.set()
        socket.getaddrinfo = real

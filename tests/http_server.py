"""The HTTP door as a process of its own: functions-framework, started as operators start it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
COMMAND = "import sys; from functions_framework._cli import _cli; sys.exit(_cli())"
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


class HttpServer:
    """A running door; `printed` are the lines on its stdout since it was asked last.

    `logged` is what it has written to stderr while it ran; it is there when the door has stopped.
    """

    logged = ""

    def __init__(self, process: subprocess.Popen[bytes], port: int, out: IO[bytes]) -> None:
        self.process, self.port, self._out = process, port, out

    def printed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; a body that is an iterator goes in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named, encode_chunked=isinstance(body, Iterator))
            return _reply(connection.getresponse())
        finally:
            connection.close()

    def send_raw(self, request: bytes) -> bytes:
        """Send bytes, say that no more will come, and return the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def _reply(response: http.client.HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, response.read())


def _command(port: int) -> list[str]:
    options = ["--source=function/main.py", "--target=remediate", "--host=127.0.0.1"]
    return [sys.executable, "-c", COMMAND, *options, f"--port={port}"]


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {**kept, "GUNICORN_LOG_LEVEL": "info", "PYTHONUNBUFFERED": "1", **settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def refused(settings: Mapping[str, str]) -> tuple[int, str, str]:
    """Start a door that must not start; return its exit code, its stdout and its stderr."""
    finished = subprocess.run(
        _command(free_port()),
        env=_environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return finished.returncode, finished.stdout, finished.stderr


@contextmanager
def serving(settings: Mapping[str, str], directory: Path) -> Iterator[HttpServer]:
    """Start a door, wait until it listens, and stop it in the end."""
    port = free_port()
    with (directory / "out").open("wb") as out, (directory / "out").open("rb") as printed:
        process = subprocess.Popen(
            _command(port),
            env=_environment(settings),
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        door = HttpServer(process, port, printed)
        with process, process.stderr:
            try:
                started = any(b"Listening at" in line for line in process.stderr)
                assert started, "the door did not start"
                yield door
            finally:
                process.terminate()
                door.logged = process.stderr.read().decode()
                process.wait(PATIENCE)

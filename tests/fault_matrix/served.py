"""The function under its real server, functions-framework, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[2]
SECRET = "canary-direct-secret-0123456789"
SERVE = "from functions_framework._cli import _cli; _cli()"
PATIENCE_SECONDS = 30


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Served:
    """A running server; `out` and `err` are the lines it has written so far."""

    def __init__(self, cloud: FakeDms, **settings: str) -> None:
        """Prepare it, with settings for this stand-in and with these besides."""
        self.port = _free_port()
        own = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, "DEADLINE_SECONDS": "10"}
        clean = {"PATH": os.environ["PATH"]}
        server = {"PORT": str(self.port), "HOST": "127.0.0.1", "GUNICORN_LOG_LEVEL": "info"}
        self._environment = clean | server | cloud.environment() | own | settings
        self.out: list[str] = []
        self.err: list[str] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Served:
        """Start it and wait until it takes requests."""
        self.start()
        self.wait_for("Booting worker")
        return self

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "--source=function/main.py", "--target=remediate"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        streams = ((self._process.stdout, self.out), (self._process.stderr, self.err))
        self._readers = [threading.Thread(target=self._read, args=pair) for pair in streams]
        for reader in self._readers:
            reader.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, by force."""
        self._process.kill()
        for pid in self.workers:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
        self.wait()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> tuple[int, ...]:
        """The processes that have answered requests."""
        found = (re.search(r"Booting worker with pid: (\d+)", line) for line in self.err)
        return tuple(int(match[1]) for match in found if match)

    def _read(self, stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line)
                    self._changed.notify_all()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Block until a line with this text was written so many times."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(text in line for line in (*self.out, *self.err)) >= times,
                PATIENCE_SECONDS,
            )
        if not found:
            raise TimeoutError(f"no {text!r} in {self.out} {self.err}")

    def terminate(self) -> None:
        """Ask it to end, as a platform does."""
        self._process.send_signal(signal.SIGTERM)

    def kill_worker(self) -> None:
        """End the newest worker at once."""
        os.kill(self.workers[-1], signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it has ended and all it wrote is read; return its status."""
        status = self._process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        return status

    def ask(self, **document: Any) -> requests.Response:
        """Post a request document."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {SECRET}"}
            url = f"{self.url}/direct"
            return session.post(url, json=document, headers=headers, timeout=PATIENCE_SECONDS)

    def healthy(self) -> bool:
        """Ask for its health over a connection of its own."""
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"{self.url}/health", timeout=PATIENCE_SECONDS).status_code == 200

    def results(self) -> list[Any]:
        """Return the result events it has written; every line is whole."""
        return [json.loads(line) for line in self.out]

    def memory(self) -> int:
        """Return the resident bytes of the newest worker."""
        status = Path(f"/proc/{self.workers[-1]}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

"""Starts the function under functions-framework, as an operator would, and ends it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05
GRACE_SECONDS = 10.0
KEPT = ("HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR")


class NotReady(Exception):
    """The function did not start to answer; the text is its log."""


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of loopback."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port on loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _healthy(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return bool(session.get(f"{url}/health", timeout=5).json() == {"message": "ready"})
        except (requests.RequestException, ValueError):
            return False


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _healthy(url):
            return
        time.sleep(PAUSE_SECONDS)
    raise NotReady("it ended" if process.poll() is not None else "it did not answer in time")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and whatever it has started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def function(
    settings: Mapping[str, str], log: Path | None = None, port: int | None = None
) -> Iterator[str]:
    """Run the function with these settings and no others; give its URL.

    `log` is where its result events go, line by line. What else it says is shown only where it
    does not get ready: the demo tells the story itself.
    """
    port = port or free_port()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {**settings, "HOST": "127.0.0.1", "PORT": str(port)}
    command = [str(Path(sys.executable).with_name("functions-framework"))]
    arguments = ["--source=function/main.py", "--target=remediate"]
    with TemporaryDirectory() as place:
        out, err = log or Path(place, "out"), Path(place, "err")
        with out.open("wb") as results, err.open("wb") as words:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=results,
                stderr=words,
                start_new_session=True,  # Ctrl-C is for the demo, which ends the server itself
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process)
            yield url
        except NotReady as problem:
            raise NotReady(f"{problem}:\n{err.read_text(errors='replace')}") from None
        finally:
            _end(process)

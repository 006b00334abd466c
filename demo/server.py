"""Starts the function under functions-framework, as an operator would, and ends it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

import requests

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05
GRACE_SECONDS = 10.0
KEPT = ("HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR")
Hearer = Callable[[str], None]


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


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _healthy(url):
            return
        time.sleep(PAUSE_SECONDS)
    raise NotReady("it ended" if process.poll() is not None else "it did not answer in time")


def _end(process: subprocess.Popen[str]) -> None:
    """End the server and whatever it has started."""
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(settings: Mapping[str, str], port: int, log: IO[str] | None) -> subprocess.Popen[str]:
    """Start the server; what it says comes through one pipe, but its results go to the log."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {**settings, "HOST": "127.0.0.1", "PORT": str(port)}
    command = [str(Path(sys.executable).with_name("functions-framework"))]
    return subprocess.Popen(
        [*command, "--source=function/main.py", "--target=remediate"],
        cwd=ROOT,
        env=environment,
        stdout=log or subprocess.PIPE,
        stderr=subprocess.PIPE if log else subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for the demo, which ends the server itself
    )


def _listen(stream: IO[str], hear: Hearer) -> None:
    for line in stream:
        hear(line)


@contextmanager
def _heard(process: subprocess.Popen[str], hear: Hearer) -> Iterator[None]:
    """Hand on each line that the server says, until it has ended."""
    stream = process.stdout or process.stderr
    assert stream is not None
    ear = threading.Thread(target=_listen, args=(stream, hear), daemon=True)
    ear.start()
    try:
        yield
    finally:
        _end(process)
        ear.join()
        stream.close()


@contextmanager
def function(
    settings: Mapping[str, str],
    log: Path | None = None,
    port: int | None = None,
    hear: Hearer = lambda line: None,
) -> Iterator[str]:
    """Run the function with these settings and no others; give its URL.

    `log` is where its result events go, line by line. `hear` is called with every other line that
    it says, with the results too where there is no log; the demo, which tells the story itself,
    shows them only where the function does not get ready.
    """
    port = port or free_port()
    url, said = f"http://127.0.0.1:{port}", list[str]()

    def listen(line: str) -> None:
        said.append(line)
        hear(line)

    with log.open("w") if log else nullcontext() as results:
        process = _start(settings, port, results)
    try:
        with _heard(process, listen):
            _wait_until_ready(url, process)
            yield url
    except NotReady as problem:
        raise NotReady(f"{problem}:\n{''.join(said)}") from None

"""Starts the function as operators do, `python -m function serve`, and ends it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60.0
GRACE_SECONDS = 10.0
KEPT = ("HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR")
Hearer = Callable[[str], None]


class NotReady(Exception):
    """The function did not start to answer; the text is its log."""


def is_free(port: int) -> bool:
    """Tell whether a port of loopback is free."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


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
    """Start the server; both its streams come through one pipe, but its results go to the log."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "function", "serve", "--host=127.0.0.1", f"--port={port}"],
        cwd=ROOT,
        env={**environment, **settings},
        stdout=log or subprocess.PIPE,
        stderr=subprocess.PIPE if log else subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for the demo, which ends the server itself
    )


def _listen(stream: IO[str], hear: Hearer, addresses: SimpleQueue[str | None]) -> None:
    """Hand on each line, and the address that the first of them names; None at the end."""
    for line in stream:
        hear(line)
        with suppress(ValueError, KeyError):
            addresses.put(json.loads(line)["address"])
    addresses.put(None)


@contextmanager
def _heard(process: subprocess.Popen[str], hear: Hearer) -> Iterator[SimpleQueue[str | None]]:
    """Hand on each line that the server writes, until it has ended."""
    stream = process.stdout or process.stderr
    assert stream is not None
    addresses: SimpleQueue[str | None] = SimpleQueue()
    ear = threading.Thread(target=_listen, args=(stream, hear, addresses), daemon=True)
    ear.start()
    try:
        yield addresses
    finally:
        _end(process)
        ear.join()
        stream.close()


def _url(addresses: SimpleQueue[str | None]) -> str:
    """Wait until the server listens, and return where."""
    try:
        address = addresses.get(timeout=PATIENCE_SECONDS)
    except Empty:
        raise NotReady("it did not answer in time") from None
    if address is None:
        raise NotReady("it ended")
    return f"http://{address}"


@contextmanager
def function(
    settings: Mapping[str, str],
    log: Path | None = None,
    port: int = 0,
    hear: Hearer = lambda line: None,
) -> Iterator[str]:
    """Run the function with these settings and no others; give its URL.

    `log` is where its result events go, line by line. `hear` is called with every other line that
    it writes, with the results too where there is no log; the demo, which tells the story itself,
    shows them only where the function does not get ready. Port 0 is one that is free.
    """
    said: list[str] = []

    def listen(line: str) -> None:
        said.append(line)
        hear(line)

    with log.open("w") if log else nullcontext() as results:
        process = _start(settings, port, results)
    try:
        with _heard(process, listen) as addresses:
            yield _url(addresses)
    except NotReady as problem:
        raise NotReady(f"{problem}:\n{''.join(said)}") from None

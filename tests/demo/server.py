"""Starts the function under functions-framework, as an operator would, and ends it again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
TRIES, PAUSE_SECONDS = 300, 0.1
KEPT = ("HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR")


def free_port() -> int:
    """Return a port on loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(TRIES):
            if process.poll() is not None:
                raise RuntimeError(f"the function ended with {process.returncode}")
            try:
                session.get(f"{url}/health", timeout=5).raise_for_status()
            except requests.RequestException:
                time.sleep(PAUSE_SECONDS)
            else:
                return
    raise RuntimeError("the function did not become ready")


@contextmanager
def function(settings: Mapping[str, str], port: int | None = None) -> Iterator[str]:
    """Run the function with these settings and no others; give its URL.

    Its log lines are shown only where it does not get ready: the demo tells the story itself.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {**settings, "HOST": "127.0.0.1", "PORT": str(port)}
    command = [sys.executable, "-m", "functions_framework"]
    arguments = ["--source=function/main.py", "--target=remediate"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_ready(url, process)
            yield url
        except RuntimeError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            process.terminate()
            process.wait()

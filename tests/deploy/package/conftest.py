"""The packages, built once for the tests' own Python; each test gets a tree of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import interpreters, package
from deploy.interpreters import Interpreter
from tests.fake_dms import Account, FakeDms

ROOT = Path(__file__).parents[3]
OFFLINE = re.compile(r"Could not find a version|No matching distribution|[Cc]onnection|resolve")
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
FAILED = "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801"

Build = Callable[[Path], Path]


@pytest.fixture(scope="session")
def python() -> Interpreter:
    """The Python of the tests as what the packages are for: it is the one that is surely here."""
    interpreter = interpreters.ask(sys.executable)
    assert interpreter is not None
    return interpreter


def skip_where_nothing_can_be_built() -> None:
    if sysconfig.get_platform() != "linux-x86_64":
        pytest.skip("the packages hold libraries for Linux x86_64, which cannot run here")


def skip_where_offline(problem: str) -> None:
    if OFFLINE.search(problem) and "HASHES" not in problem:
        pytest.skip("the package index does not answer, and dist/wheels keeps no wheels")


@pytest.fixture(scope="session")
def build(python: Interpreter) -> Build:
    """Build, unless that is impossible here: no wheels are kept and none are to be had."""
    skip_where_nothing_can_be_built()

    def built(target: Path) -> Path:
        try:
            package.build(python, target)
        except package.NotBuilt as problem:
            skip_where_offline(str(problem))
            raise
        return target

    return built


@pytest.fixture(scope="session")
def archive(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist") / "kafka-remediator.zip")


@pytest.fixture
def tree(archive: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "code")
    return tmp_path / "code"


@pytest.fixture(scope="session")
def built_by_make(python: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make build-Remediator` leaves in the directory that `sam build` names."""
    skip_where_nothing_can_be_built()
    commands, artifacts = tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("artifacts")
    (commands / f"python{python.version}").symlink_to(sys.executable)
    command = ["make", "build-Remediator", f"LAMBDA_PYTHON={python.version}"]
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "ARTIFACTS_DIR": str(artifacts)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        skip_where_offline(done.stderr)
    assert done.returncode == 0, done.stderr
    return artifacts


@pytest.fixture
def lambda_tree(built_by_make: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built_by_make, tmp_path / "task")


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(account=Account(security_token="temporary")) as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        cloud.add_failed_creation(FAILED)
        yield cloud

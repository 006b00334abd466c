"""The zip, built once for the tests' own Python, and unpacked into an empty directory for each."""

from __future__ import annotations

import re
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import interpreters, package
from deploy.interpreters import Interpreter

OFFLINE = re.compile(r"Could not find a version|No matching distribution|[Cc]onnection|resolve")

Build = Callable[[Path], Path]


@pytest.fixture(scope="session")
def python() -> Interpreter:
    """The Python of the tests as what the zip is for: it is the one that is surely here."""
    found = interpreters.ask(sys.executable)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def build(python: Interpreter) -> Build:
    """Build, unless that is impossible here: no wheels are kept and none are to be had."""
    if sysconfig.get_platform() != "linux-x86_64":
        pytest.skip("the zip holds libraries for Linux x86_64, which cannot run here")

    def built(target: Path) -> Path:
        try:
            package.build(python, target)
        except package.NotBuilt as problem:
            if OFFLINE.search(str(problem)) and "HASHES" not in str(problem):
                pytest.skip("the package index does not answer, and dist/wheels keeps no wheels")
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

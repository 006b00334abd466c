"""The wheel: `pip install .` gives `python -m function` and the event handler, anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from function.lib.version import VERSION
from tests.fake_dms import FakeDms

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
BUILT_FROM = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "function", "schemas")
EVENT = """
import json, sys
from function.handler import handler
print(json.dumps(handler(json.load(sys.stdin), None)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by pip from a copy: setuptools leaves traces in the tree it builds."""
    tree, wheels = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheels")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy(source, tree)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(wheels)]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", *options, str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = wheels.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-index", "--no-compile", "--target", str(site)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *options, str(wheel)]
    subprocess.run(command, check=True)
    return site


def run(
    site: Path, directory: Path, *arguments: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a directory that holds nothing, with the wheel installed."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), **settings}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_wheel_contains_every_module_and_schema_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "function").rglob("*.py")}
    schemas = {f"function/{p.relative_to(ROOT)}" for p in (ROOT / "schemas").rglob("*.json")}
    certificates = {p.relative_to(ROOT).as_posix() for p in (ROOT / "function").rglob("*.pem")}

    assert packed == modules | schemas | certificates


def test_its_version_is_the_one_that_the_server_logs(wheel: Path) -> None:
    assert wheel.name.split("-")[1] == VERSION


def test_wheel_contains_the_license(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        assert any(name.endswith("/LICENSE") for name in opened.namelist())


def test_the_command_line_helps_in_an_empty_directory(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "-m", "function", "--help")

    assert done.returncode == 0, done.stderr
    assert "serve" in done.stdout


def test_an_event_restarts_from_an_empty_directory(site: Path, tmp_path: Path) -> None:
    event = json.dumps({"action": "restart", "instances": [INSTANCE]})
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        settings = {**cloud.environment(), "DRY_RUN": "false"}
        done = run(site, tmp_path, "-c", EVENT, given=event, **settings)

    assert json.loads(done.stderr.splitlines()[-1])["data"]["outcome"] == "accepted"
    assert len(cloud.effects) == 1


def test_pip_installs_the_locked_versions() -> None:
    """Somebody who installs from the lock and then the wheel without dependencies misses none."""
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("\ndependencies = [\n")[2].partition("\n]\n")[0]
    named = {line.strip().strip('",').partition(">")[0] for line in listed.splitlines()}

    assert named <= pinned

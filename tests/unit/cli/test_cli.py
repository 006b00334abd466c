"""The command line: commands are found by their files, and settings may come from a file."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from function import cli
from function.entrypoints import startup
from function.model.errors import SourceSchemaMismatch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Install one command, `probe`, that records its arguments."""
    given: dict[str, Any] = {}

    def run(arguments: Any) -> int:
        given.update(vars(arguments), region=os.environ.get("HUAWEICLOUD_REGION"))
        return 1

    module = ModuleType("probe", "Look.\n\nAt everything.")
    module.add_arguments = lambda parser: parser.add_argument("--deep", action="store_true")  # type: ignore[attr-defined]  # as a command has it
    module.run = run  # type: ignore[attr-defined]  # as a command has it
    monkeypatch.setattr(cli, "_commands", lambda: {"probe": module})
    return given


def test_command_receives_its_options_and_returns_the_exit_status(commands: dict[str, Any]) -> None:
    assert cli.main(["probe", "--deep"]) == 1
    assert commands["deep"] is True


def test_environment_overrides_the_settings_file(
    commands: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings"
    file.write_text("# of the cloud\n\nexport HUAWEICLOUD_REGION='eu-west-101'\n", "utf-8")
    monkeypatch.setenv("HUAWEICLOUD_REGION", "cn-north-4")
    assert cli.main(["probe", "--env-file", str(file)]) == 1
    assert commands["region"] == "cn-north-4"

    monkeypatch.setattr(os, "environ", {})
    assert cli.main(["probe", "--env-file", str(file)]) == 1
    assert commands["region"] == "eu-west-101"


@pytest.mark.parametrize("command", ["check", "explain", "serve"])
def test_a_source_without_its_schema_stops_every_command_with_its_name(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def incomplete() -> None:
        raise SourceSchemaMismatch("function/sources/backup.py has no schemas/events/backup.json")

    monkeypatch.setattr(startup, "components", incomplete)
    payload = [str(ROOT / "demo/recordings/alarm.json")] if command == "explain" else []

    assert cli.main([command, *payload]) == 2
    assert "function/sources/backup.py has no schemas/events/backup.json" in capsys.readouterr().err


def test_ctrl_c_ends_a_command_without_a_stack_trace(
    commands: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli._commands()["probe"], "run", interrupted)

    assert cli.main(["probe"]) == 130
    assert capsys.readouterr().err == ""


def test_a_requirement_that_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    without_packages = [sys.executable, "-S", "-m", "function", "check"]
    done = subprocess.run(without_packages, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.endswith("run pip install --require-hashes -r requirements.txt\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "ends"), [("requests", SystemExit), ("function.x", ImportError)])
def test_a_missing_module_of_our_own_is_a_defect(
    name: str, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: object) -> int:
        raise ModuleNotFoundError(name=name)

    module = ModuleType("probe", "Look.")
    module.add_arguments = lambda parser: None  # type: ignore[attr-defined]  # as a command has it
    module.run = run  # type: ignore[attr-defined]  # as a command has it
    monkeypatch.setattr(cli, "_commands", lambda: {"probe": module})

    with pytest.raises(ends):
        cli.main(["probe"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"A=1\nsecret words\n", "line 2: write NAME=value"),
        (b"=secret", "line 1: write NAME=value"),
        (b"A=secret\0", "line 1: write NAME=value"),
    ],
)
def test_malformed_settings_file_is_a_usage_error(
    content: bytes | None,
    problem: str,
    commands: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "settings"
    if content is not None:
        file.write_bytes(content)

    assert (cli.main(["probe", "--env-file", str(file)]), commands) == (cli.USAGE_ERROR, {})
    output = capsys.readouterr().err
    assert problem in output
    assert "secret" not in output


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])

    assert end.value.code == 0
    output = " ".join(capsys.readouterr().out.split())
    for name, module in cli._commands().items():
        assert name in output
        assert str(module.__doc__).partition("\n")[0].rstrip(".") in output


def test_the_command_line_starts_as_a_module() -> None:
    command = [sys.executable, "-m", "function", "--help"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "serve" in finished.stdout


def test_the_module_exits_with_the_status_of_its_command(
    commands: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["function", "probe", "--deep"])

    with pytest.raises(SystemExit) as end:
        runpy.run_module("function", run_name="__main__")

    assert end.value.code == 1
    assert commands["deep"] is True


def test_closed_pipe_ends_a_command_quietly(
    commands: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `… explain alarm.json | head -1` does: what is still in the buffer goes nowhere."""

    class Gone:
        def write(self, text: str) -> int:
            return len(text)

        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return 99

    moved: list[int] = []
    monkeypatch.setattr(os, "dup2", lambda _, to: moved.append(to))
    monkeypatch.setattr(sys, "stdout", Gone())

    assert cli.main(["probe"]) == 1
    assert moved == [99]


def test_a_command_without_stdout_exits_with_its_own_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    assert cli.main(["explain", str(ROOT / "demo/recordings/alarm.json")]) == 0


@pytest.mark.parametrize("entrypoint", ["handler", "main"])
def test_platform_entrypoints_do_not_import_the_command_line(entrypoint: str) -> None:
    """A cold start does not pay for it."""
    settings = """HUAWEICLOUD_AUTH_TOKEN=t HUAWEICLOUD_REGION=eu-west-101 DRY_RUN=true
    DIRECT_SECRETS=0123456789abcdef HUAWEICLOUD_SDK_PROJECT_ID=00000000000000000000000000000000"""
    environment = dict(setting.split("=") for setting in settings.split())
    code = f"""import function.{entrypoint}, sys
print(*[name for name in sys.modules if name.startswith(("function.cli", "waitress"))])"""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout.split() == []

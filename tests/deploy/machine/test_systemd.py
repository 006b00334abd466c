"""The systemd units: verified and rated by systemd's own tools, where they are installed."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.factories import SETTINGS

ROOT = Path(__file__).parents[3]
MACHINE = ROOT / "deploy" / "machine"
SERVICE = MACHINE / "kafka-remediator.service"
REQUEST = MACHINE / "kafka-remediator-request@.service"
TIMERS = sorted(MACHINE.glob("*.timer"))
MAX_EXPOSURE = 15
"""Of 100; a unit without any hardening has 96."""


class Unit(configparser.ConfigParser):
    """A unit as systemd reads it: keys have cases."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(path: Path) -> Unit:
    parser = Unit(strict=False, interpolation=None, delimiters="=")
    parser.read(path, encoding="utf-8")
    return parser


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; where there is none, or an old one, skip and say so."""
    command = shutil.which("systemd-analyze")
    if command is None:
        pytest.skip("systemd-analyze is not installed, so the units are not verified")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip(f"this systemd-analyze is too old: {done.stderr.strip()}")
    return done


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as on a machine where all that they start is installed."""
    curl = shutil.which("curl") or sys.executable
    for path in MACHINE.iterdir():
        if path.suffix in {".service", ".timer"}:
            text = path.read_text(encoding="utf-8")
            text = text.replace("/opt/kafka-remediator/bin/python", sys.executable)
            name = path.name.replace("@.", "@check.")
            (tmp_path / name).write_text(text.replace("/usr/bin/curl", curl), encoding="utf-8")
    for timer in tmp_path.glob("*.timer"):
        text = re.sub(r"@\w+\.service", "@check.service", timer.read_text(encoding="utf-8"))
        timer.write_text(text, encoding="utf-8")
    return tmp_path


def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    units = sorted(path for path in installed.iterdir() if path.is_file())
    done = analyze("verify", "--man=no", *units)

    complaints = [line for line in done.stderr.splitlines() if str(installed) in line]
    assert complaints == []


def test_systemd_would_find_something_wrong(installed: Path) -> None:
    path = installed / SERVICE.name
    path.write_text(path.read_text(encoding="utf-8").replace("Restart=", "Restarts="))

    assert "Restarts" in analyze("verify", "--man=no", path).stderr


@pytest.mark.parametrize("path", [SERVICE, REQUEST], ids=lambda path: path.name)
def test_a_compromised_process_could_do_little(path: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", path)

    assert done.returncode == 0, done.stdout


def test_the_rating_would_notice_a_unit_without_hardening(tmp_path: Path) -> None:
    bare = tmp_path / SERVICE.name
    bare.write_text("[Service]\nExecStart=/bin/true\n")

    assert analyze("security", "--offline=true", "--threshold=50", bare).returncode != 0


def test_unit_listens_on_loopback_only() -> None:
    service = unit(SERVICE)["Service"]

    arguments = service["ExecStart"].split()
    assert arguments[1:4] == ["-m", "function", "serve"]
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    port = arguments[arguments.index("--port") + 1]
    assert (service["SocketBindDeny"], service["SocketBindAllow"]) == ("any", f"tcp:{port}")


def test_wrong_settings_are_not_tried_again_and_again() -> None:
    service = unit(SERVICE)["Service"]
    command = [sys.executable, *service["ExecStart"].split()[1:]]

    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, check=False)

    assert str(done.returncode) == service["RestartPreventExitStatus"]


def test_running_events_end_before_systemd_loses_patience() -> None:
    from function.settings.model import Settings

    deadline = Settings._field_defaults["deadline_seconds"]
    assert int(unit(SERVICE)["Service"]["TimeoutStopSec"]) > deadline + 1


@pytest.mark.parametrize("timer", TIMERS, ids=lambda path: path.stem)
def test_timers_send_request_documents(timer: Path) -> None:
    action = timer.stem.removeprefix("kafka-remediator-")
    assert unit(timer)["Timer"]["Unit"] == f"kafka-remediator-request@{action}.service"
    command = unit(REQUEST)["Service"]["ExecStart"].replace("%i", action)
    quoted = re.search(r'--data "((?:[^"\\]|\\.)*)"', command)
    assert quoted is not None
    document = json.loads(quoted[1].replace('\\"', '"'))

    schema = json.loads((ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    assert document["action"] == action


def test_each_schedule_has_its_timer() -> None:
    names = {path.stem.removeprefix("kafka-remediator-") for path in TIMERS}

    assert names == {"check", "verify", "purge_failed"}


def test_the_example_of_settings_knows_only_settings_and_acts_on_nothing() -> None:
    lines = (MACHINE / "settings.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert set(settings) <= SETTINGS
    assert settings["DRY_RUN"] == "true"
    assert {name for name, value in settings.items() if not value} == {
        "HUAWEICLOUD_SDK_PROJECT_ID",
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
        "DIRECT_SECRETS",
        "ALERTMANAGER_SECRETS",
    }

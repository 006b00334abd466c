"""What the unit of a schedule runs, with curl, against the real server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.serving import served
from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[3]
REQUEST = ROOT / "deploy" / "machine" / "kafka-remediator-request@.service"


def scheduled(action: str, url: str, credentials: Path) -> subprocess.CompletedProcess[str]:
    """Run what the unit of a schedule runs, with the specifiers that systemd would fill in."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed, so the command of the schedules is not run")
    text = REQUEST.read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = re.findall(r"^ExecStart=/usr/bin/curl (.*)$", text, re.MULTILINE)
    filled = {"%i": action, "%d": str(credentials), "http://127.0.0.1:8080": url}
    for specifier, value in filled.items():
        command = command.replace(specifier, value)
    arguments = [curl, *shlex.split(command)]
    return subprocess.run(arguments, env={}, capture_output=True, text=True, check=False)


def test_the_command_of_a_schedule_passes_a_check_and_fails_where_it_is_rejected(
    tmp_path: Path,
) -> None:
    token = "example-secret-example"
    credentials = tmp_path / "authorization"
    credentials.write_text(f"Authorization: Bearer {token}\n")
    with FakeDms() as cloud:
        cloud.add_instance("54602a9d-5e22-4239-9123-77e350df4a34")
        settings = {**cloud.environment(), "DRY_RUN": "true", "DIRECT_SECRETS": token}
        with served(settings) as server:
            passed = scheduled("check", server.url, tmp_path)
            credentials.write_text("Authorization: Bearer another\n")
            rejected = scheduled("check", server.url, tmp_path)

    assert (passed.returncode, json.loads(passed.stdout)["data"]["outcome"]) == (0, "passed")
    assert rejected.returncode != 0
    assert token not in " ".join(passed.args)

"""From zero to armed: the commands of the start pages, run as printed against the fake DMS.

A block behind `<!-- tried -->` is run; the text behind it is what it has to print, where `…` stands
for anything. The blocks of one page are run in one shell, in order, as somebody would paste them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from function.handler import handler
from function.lib.clock import SystemClock
from tests.factories import ORDERS
from tests.fake_dms import Account, Clock, FakeDms
from tests.fake_dms.__main__ import SEED, TAGS
from tests.loopback import free_port
from tests.readme_blocks import PAGES, ROOT

TRIED = re.compile(
    r"^<!-- tried -->\n```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<prints>.*?)^```)?",
    re.DOTALL | re.MULTILINE,
)
START = sorted(name for name in PAGES if name.startswith("docs/start-"))
RIGHTS = [
    "dms:instance:list",
    "dms:instance:get",
    "dms:instance:getBackgroundTask",
    "dms:instance:modifyStatus",
]


class Step(NamedTuple):
    """One block of commands, and what it prints."""

    commands: str
    prints: str


def steps(page: str) -> list[Step]:
    matches = TRIED.finditer(PAGES[page])
    return [Step(match["commands"], match["prints"] or "") for match in matches]


def pattern(prints: str) -> str:
    return re.escape(prints.strip()).replace("…", "[^\\n]*")


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        for id_, (name, status) in SEED.items():
            cloud.add_instance(id_, name=name, status=status, tags=TAGS.get(name, {}))
        yield cloud


def place(folder: Path, cloud: FakeDms, commands: Path | None = None) -> dict[str, str]:
    """Lay out the checkout in a folder, and return the environment of its shell."""
    for name in ("function", "schemas"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "deploy" / "kubernetes", folder / "deploy" / "kubernetes")
    own = [str(commands)] if commands else []
    path = os.pathsep.join([*own, str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "HOME": str(folder), "DMS_ENDPOINT": cloud.url}


def filled(text: str, cloud: FakeDms, port: int) -> str:
    """Put the values of this fake DMS where the page names those of the reader."""
    account = cloud.account
    text = text.replace("your-access-key", account.access_key)
    text = text.replace("your-secret-key", account.secret_key)
    return text.replace("your-project-id", account.project_id).replace("8080", str(port))


def run(
    page: str, folder: Path, environment: dict[str, str], cloud: FakeDms, *, fill: bool = True
) -> list[str]:
    """Run the steps of a page in one shell, and return what each has printed."""
    mark, port = "=== step ===", free_port()
    script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    for step in steps(page):
        commands = step.commands.replace("8080", str(port))
        script += f"echo '{mark}'\n{filled(commands, cloud, port) if fill else commands}\n"
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=80,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(f"{mark}\n")[1:]


def assert_as_printed(page: str, printed: list[str]) -> None:
    for step, output in zip(steps(page), printed, strict=True):
        expected = pattern(step.prints)
        assert re.fullmatch(expected, output.strip()), f"{step.commands}\n{output}"


def test_the_machine_is_armed_as_the_page_prints_it(cloud: FakeDms, tmp_path: Path) -> None:
    page = "docs/start-machine.md"
    printed = run(page, tmp_path, place(tmp_path, cloud), cloud)

    assert_as_printed(page, printed)
    assert [effect.instance for effect in cloud.effects] == [ORDERS]


def test_the_machine_page_needs_no_account_beside_the_variables_of_the_stand_in(
    cloud: FakeDms, tmp_path: Path
) -> None:
    page = "docs/start-machine.md"
    environment = place(tmp_path, cloud) | dict(cloud.environment())
    printed = run(page, tmp_path, environment, cloud, fill=False)

    assert_as_printed(page, printed)
    assert [effect.instance for effect in cloud.effects] == [ORDERS]


def test_kubernetes_is_armed_as_the_page_prints_it(cloud: FakeDms, tmp_path: Path) -> None:
    page = "docs/start-kubernetes.md"
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    here = Path(__file__).with_name("kubectl_here.py")
    kubectl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{here}" "$@"\n', "utf-8")
    kubectl.chmod(0o755)
    printed = run(page, tmp_path, place(tmp_path, cloud, kubectl.parent), cloud)

    assert_as_printed(page, printed)
    assert [effect.instance for effect in cloud.effects] == [ORDERS]


@pytest.mark.parametrize("page", START)
def test_the_policy_to_paste_is_the_least_that_reads_and_restarts(page: str) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)
    policy = next(block for block in map(json.loads, blocks) if "Statement" in block)

    assert [one["Action"] for one in policy["Statement"]] == [RIGHTS]


@pytest.mark.parametrize("page", START)
def test_a_check_stands_before_the_arming(page: str) -> None:
    text = PAGES[page]

    arming = text.index("\n## 6. Arm it" if "functiongraph" in page else "\n## 7. Arm it")
    assert "\n## 4. Check" in text or "\n## 5. Check" in text
    assert "Check once more" in text[arming:]


EVENT = re.compile(
    r"^<!-- event: (?P<settings>.*?) -->\n```json\n(?P<event>.*?)^```\n"
    r"(?P<between>.*?)^```json\n(?P<data>.*?)^```",
    re.DOTALL | re.MULTILINE,
)
MOMENT = datetime(2026, 1, 5, 3, tzinfo=timezone.utc)


def agency(account: Account) -> SimpleNamespace:
    """Return the context of FunctionGraph, with the temporary keys of an agency."""
    return SimpleNamespace(
        getSecurityAccessKey=lambda: account.access_key,
        getSecuritySecretKey=lambda: account.secret_key,
    )


def environment_of_the_function(cloud: FakeDms, given: str) -> dict[str, str]:
    """Return what Terraform sets, and what the step of the page says."""
    return {
        "DMS_ENDPOINT": cloud.url,
        "HUAWEICLOUD_REGION": "eu-west-101",
        "HUAWEICLOUD_SDK_PROJECT_ID": cloud.account.project_id,
        "ENABLED_ACTIONS": "restart",
        **dict(pair.split("=") for pair in given.split()),
    }


def shown(data: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that the page prints."""
    return {name: data[name] for name in expected}


def test_functiongraph_is_armed_as_the_page_prints_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(MOMENT.timestamp())
    page = PAGES["docs/start-functiongraph.md"]
    matches = list(EVENT.finditer(page))
    monkeypatch.setattr(SystemClock, "now", lambda self: MOMENT)
    with FakeDms(clock=clock) as cloud:
        cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": "act"})
        for match in matches:
            settings = environment_of_the_function(cloud, match["settings"])
            monkeypatch.setattr(os, "environ", settings)
            result = handler(json.loads(match["event"]), agency(cloud.account))
            expected = json.loads(match["data"])
            assert shown(result["data"], expected) == expected, match["event"]

        assert len(matches) == 4
        assert [effect.instance for effect in cloud.effects] == [ORDERS]

"""The command `check`: one line per check, JSON output, exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from function import cli
from function.pipeline import readiness
from tests.factories import AUDIT, ORDERS
from tests.fake_dms import FakeDms


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    """Have the settings of the process lead to a fake DMS with one instance."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="RUNNING")
        settings = {**cloud.environment(), "DRY_RUN": "true", "DEADLINE_SECONDS": "2"}
        monkeypatch.setattr(os, "environ", settings)
        yield cloud


def test_each_check_is_printed_on_one_line(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check"]) == 0

    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 16
    assert {line.split()[0] for line in lines} <= {"pass", "info", "unproven"}
    assert lines[0].startswith("pass      settings            The settings are complete.")
    assert " → Prove it with a probe" in next(line for line in lines if "modifyStatus" in line)
    assert last == "Check passed."
    assert cloud.posts == ()


def test_failed_check_exits_with_1(cloud: FakeDms, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--instances", AUDIT]) == 1

    assert "fail      instances" in capsys.readouterr().out


def test_a_defect_of_ours_is_reported_without_its_text(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(readiness, "run", broken)

    assert cli.main(["check"]) == 1
    assert capsys.readouterr() == ("Check failed.\n", "")


def test_json_output_is_the_result_event(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", "--json", "--probe"]) == 0

    event: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert event["type"] == "dev.kafka-remediator.result.v1"
    assert event["data"]["checks"][0]["name"] == "settings"
    assert event["data"]["request"] == cloud.posts[0].json
    assert cloud.effects == ()


def test_a_check_by_the_command_line_writes_nothing_to_the_log(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["check", "--probe"])

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DRY_RUN": ""}, "DRY_RUN: is missing"),
        ({"HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_SK: is missing"),
    ],
)
def test_invalid_settings_exit_with_2(
    change: dict[str, str], words: str, cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.update(change)

    assert cli.main(["check"]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert cloud.requests == ()


def test_malformed_instance_id_exits_with_2(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", "--instances", "kafka-orders"]) == 2

    assert capsys.readouterr().err.startswith("--instances: ")
    assert cloud.requests == ()


def test_a_variable_that_is_nearly_a_setting_is_named(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ["COOLDOWN_SECOND"] = "60"

    assert cli.main(["check"]) == 0
    assert "COOLDOWN_SECOND is no setting; did you mean COOLDOWN_SECONDS?" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_printed_to_terminals_only(
    no_color: str,
    coloured: bool,
    cloud: FakeDms,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.environ["NO_COLOR"] = no_color
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    cli.main(["check"])

    assert ("\033[32m" in capsys.readouterr().out) == coloured

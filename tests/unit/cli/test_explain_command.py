"""explain, the command: its options, what it prints, and its exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from function import cli
from function.cli import _explain
from function.cli._explain import Options
from function.cli._files import UsageError
from function.model.errors import SettingsInvalid
from tests.factories import NOW, ORDERS, PAYMENTS
from tests.harness import alerts, ces_alarm
from tests.signed_requests import smn
from tests.unit.cli.explained import AT, REQUEST, explained, row, tagged


def test_json_has_the_keys_that_programs_rely_on() -> None:
    document = explained(alerts(raised=NOW)).document()

    assert set(document) == {
        *("source", "outcome", "reason", "request", "assumptions", "schema", "instances")
    }
    assert (document["source"], document["outcome"]) == ("alertmanager", "dry_run")
    assert document["request"] == {"action": "restart", "instances": [ORDERS]}
    (instance,) = document["instances"]
    assert set(instance) == {"id", "outcome", "reason", "rules"}
    assert all(set(rule) == {"rule", "applies", "why"} for rule in instance["rules"])
    assert all(isinstance(sentence, str) for sentence in document["assumptions"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (Options(at="yesterday"), "--at:"),
        (Options(at="0999-01-05T03:00:00Z"), "--at:"),
        (Options(at="9999-12-31T23:59:59Z"), "--at:"),
        (Options(source="pigeon"), "--source: choose one of alertmanager,"),
        (Options(expect="fine"), "--expect: choose one of accepted,"),
        (Options(state=b"{"), "--state:"),
        (Options(state=b"[]"), '--state: write {"instances"'),
        (Options(state=b'{"instances":[1]}'), '--state: write {"instances"'),
        (Options(state=b'{"instances":[],"tasks":[]}'), '--state: write {"instances"'),
        (Options(state=b'{"instances":[],"tasks":{"a":1}}'), "--state: the tasks"),
        (Options(live=True), "DRY_RUN: is missing"),
    ],
)
def test_invalid_options_are_named(options: Options, problem: str) -> None:
    with pytest.raises((UsageError, SettingsInvalid)) as raised:
        _explain.explanations(b"{}", options, {})

    assert problem in str(raised.value)


def test_a_call_for_a_person_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    unread = {"alarm_status": 7}
    for payload, calls in ((smn(message=json.dumps(unread)), True), (REQUEST, False)):
        _explain.show([explained(payload)], as_json=False)
        assert ("calls     for a person" in capsys.readouterr().out) is calls


@pytest.mark.parametrize(
    ("expect", "payload", "status"),
    [
        (None, REQUEST, 0),
        (None, {"action": "restart"}, 1),
        ("dry_run", REQUEST, 0),
        ("accepted", REQUEST, 0),
        ("skipped", REQUEST, 1),
        ("rejected", {"action": "restart"}, 0),
        ("rejected:schema", {"action": "restart"}, 0),
        ("rejected:too_many", {"action": "restart"}, 1),
    ],
)
def test_exit_status_reports_whether_the_expectation_holds(
    expect: str | None, payload: Any, status: int
) -> None:
    assert _explain.status((explained(payload),), expect) == status


def test_the_command_prints_text_for_people_and_json_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, state = tmp_path / "alarm.json", tmp_path / "state.json"
    file.write_text(json.dumps(alerts(ORDERS, PAYMENTS)), "utf-8")
    state.write_text(json.dumps({"instances": [row(tags=tagged("off")), row(PAYMENTS)]}), "utf-8")
    options = ["--at", str(AT), "--state", str(state)]

    assert cli.main(["explain", str(file), *options]) == 0
    printed = capsys.readouterr().out
    assert f"{ORDERS}: skipped (opted_out)" in printed
    assert f'request   {{"action":"restart","instances":["{PAYMENTS}"]}}' in printed
    assert "\033" not in printed

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert cli.main(["explain", "-", *options, "--json", "--expect", "skipped"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [row["reason"] for row in document["instances"]] == ["opted_out", "dry_run"]


def test_command_prints_payload_errors_and_every_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "alarms.json"
    file.write_text(json.dumps({"record": 2 * ces_alarm(alarm_status=5)["record"]}), "utf-8")

    assert cli.main(["explain", str(file)]) == 1
    assert capsys.readouterr().out.count("schema    $.alarm_status") == 2
    assert cli.main(["explain", str(file), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.parametrize("option", [["no-such-file"], ["{file}", "--at", "soon"]])
def test_a_file_that_is_missing_and_an_option_that_is_wrong_exit_with_2(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "alarm.json"
    file.write_text("{}", "utf-8")

    assert cli.main(["explain", *[one.format(file=file) for one in option]]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1

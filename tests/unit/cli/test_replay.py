"""The command `replay`: recorded alarms against a simulated cloud."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from function import cli
from function.cli import _output, _replay
from function.cli._files import UsageError
from function.cli._replay import Report
from function.lib import schemas
from function.lib.timestamps import text
from function.model.errors import SettingsInvalid
from tests.factories import AUDIT, DAY, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, ids
from tests.harness import alerts, ces_alarm
from tests.signed_requests import smn


def line(after: timedelta, payload: Any, source: str | None = None, **fields: Any) -> str:
    """Return a line of a recording: a payload that arrived some time after NOW."""
    given = {"at": text(NOW + after), "payload": payload, **fields}
    return json.dumps(given if source is None else {**given, "source": source})


def alarm(after: timedelta, *instances: str, raised: timedelta | None = None) -> str:
    """Return the line of an alarm that was raised when it came, or another while after NOW."""
    since = NOW + (after if raised is None else raised)
    return line(after, alerts(*instances, raised=since), "alertmanager")


def replayed(*lines: str, **variables: str) -> Report:
    return _replay.replay({"past": "\n".join(lines).encode()}, variables)


def test_a_restart_takes_ten_minutes_and_what_follows_it_is_skipped() -> None:
    report = replayed(
        alarm(0 * MINUTE),
        alarm(5 * MINUTE),
        alarm(11 * MINUTE, raised=9 * MINUTE),
        alarm(12 * MINUTE),
        alarm(61 * MINUTE),
    )

    assert report.document() == {
        "events": 5,
        "outcomes": {"skipped": 3, "accepted": 2},
        "reasons": {"already_restarting": 1, "already_answered": 1, "cooldown": 1},
        "restarts": 2,
        "calls": 0,
        "hours": {},
    }
    assert [restart.at for restart in report.restarts] == [NOW, NOW + 61 * MINUTE]


def test_a_person_is_called_in_the_hours_in_which_restarts_did_not_help() -> None:
    alarms = [alarm(n * 2 * HOUR) for n in range(6)]

    report = replayed(*alarms)

    assert (len(report.restarts), report.calls) == (3, 3)
    assert report.hours == {"2026-01-05T09": 1, "2026-01-05T11": 1, "2026-01-05T13": 1}
    assert report.reasons == {"restart_limit": 3}
    assert _replay.headline(report) == (
        "6 alarms → 3 restarts, 3 skips; a person would have been called 3 times."
    )


def test_the_hours_are_those_of_utc() -> None:
    in_tokyo = json.loads(alarm(3 * HOUR))
    in_tokyo["at"] = (NOW + 3 * HOUR).astimezone(timezone(9 * HOUR)).isoformat()

    report = replayed(alarm(0 * HOUR), json.dumps(in_tokyo), MAX_RESTARTS_PER_DAY="1")

    assert report.hours == {"2026-01-05T06": 1}


def test_instances_that_restart_at_the_same_time_are_a_storm() -> None:
    report = replayed(*[alarm(n * MINUTE, one) for n, one in enumerate(ids(5))])

    assert report.reasons == {"storm": 2}
    assert (len(report.restarts), report.calls) == (3, 2)


def test_alert_group_counts_once_and_each_restart_counts() -> None:
    report = replayed(alarm(0 * MINUTE, ORDERS, PAYMENTS), alarm(MINUTE, ORDERS, AUDIT))

    assert report.outcomes == {"accepted": 1, "partial": 1}
    assert report.reasons == {"already_restarting": 1}
    assert len(report.restarts) == 3


def test_replay_applies_limits_but_ignores_dry_run() -> None:
    lines = [alarm(n * 20 * MINUTE) for n in range(3)]
    report = replayed(*lines, COOLDOWN_SECONDS="60", DRY_RUN="true", RESTART_TASK_PATTERN="Reboot")

    assert report.outcomes == {"accepted": 3}


def test_lines_of_all_files_are_played_in_the_order_of_time() -> None:
    later, first = alarm(5 * MINUTE), alarm(0 * MINUTE)
    files = {"b": f"\n{later}\n\n".encode(), "a": first.encode()}

    report = _replay.replay(files, {})

    assert [restart.at for restart in report.restarts] == [NOW]
    assert report.reasons == {"already_restarting": 1}


def test_every_kind_of_payload_is_recognized_by_its_shape() -> None:
    notice = {key: value for key, value in smn(type="UnsubscribeConfirmation").items() if value}
    result = schemas.load().schema("result")["examples"][0]
    report = replayed(
        line(0 * MINUTE, ces_alarm(sent=NOW, raised=NOW)),
        line(MINUTE, smn(timestamp=text(NOW)), "smn"),
        line(MINUTE, json.dumps({"action": "restart", "instances": [PAYMENTS]})),
        line(MINUTE, {**smn(), "timestamp": 5}),
        line(MINUTE, {"action": "check"}),
        line(MINUTE, {"action": "restart", "instances": []}),
        line(MINUTE, result),
        line(MINUTE, {**notice, "unsubscribe_url": "https://smn.example/u"}),
    )

    assert report.outcomes["rejected"] == 2
    assert report.reasons["schema"] == 2
    assert report.reasons["unsubscribe_confirmation"] == 1
    assert report.reasons["already_restarting"] == 1
    assert (len(report.restarts), report.events) == (2, 7)
    assert not report.alarms_only
    assert _replay.headline(report).startswith("7 events → 2 restarts, 2 skips, ")


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "past, line 2: no JSON: "),
        ("[]", "past, line 2: write {"),
        ('{"at":"2026-01-05T03:00:00Z"}', "past, line 2: write {"),
        ('{"at":"today","payload":{}}', "past, line 2: `at` is no RFC 3339 time"),
        ('{"at":"9999-12-31T23:59:59Z","payload":{}}', "past, line 2: `at` is no RFC 3339 time"),
        ('{"at":5,"payload":{}}', "past, line 2: `at` is no RFC 3339 time"),
        (line(MINUTE, {}, "pigeon"), "past, line 2: `source` is none of alertmanager, "),
        (line(MINUTE, {"httpMethod": "POST", "path": "/none"}), "no route"),
        (
            json.dumps(schemas.load().schema("result")["examples"][0]),
            "past, line 2: this is a line of the function's own log",
        ),
        (
            '{"time":"2026-01-05T03:00:00Z","severity":"INFO","message":"Listening on :8080"}',
            "past, line 2: this is a line of the function's own log",
        ),
    ],
)
def test_a_line_that_is_no_recorded_payload_is_named_by_its_number(bad: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        replayed(alarm(0 * MINUTE), bad)

    assert problem in str(raised.value)


def test_a_purge_is_accepted_and_is_no_restart() -> None:
    report = replayed(line(MINUTE, {"action": "purge_failed"}, "direct"))

    assert (report.outcomes, report.restarts) == ({"accepted": 1}, ())


def test_a_deletion_is_accepted_and_is_no_restart() -> None:
    deletion = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}
    report = replayed(line(MINUTE, deletion, "direct"), ENABLED_ACTIONS="restart,delete")

    assert (report.outcomes, report.restarts) == ({"accepted": 1}, ())


def test_a_payload_that_is_too_large_is_counted_as_rejected() -> None:
    report = replayed(line(MINUTE, "x" * 300_000, "direct"))

    assert (report.outcomes, report.reasons) == ({"rejected": 1}, {"too_large": 1})


def test_a_setting_that_is_wrong_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="COOLDOWN_SECONDS"):
        replayed(alarm(0 * MINUTE), COOLDOWN_SECONDS="soon")


def test_restarts_older_than_every_rule_are_removed() -> None:
    report = replayed(*[alarm(n * DAY) for n in range(70)])

    assert report.outcomes == {"accepted": 70}


def test_the_command_prints_a_sentence_the_reasons_the_hours_and_the_assumptions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = tmp_path / "past.jsonl"
    lines = [alarm(timedelta(hours=2 * n + 30 * day)) for day in range(22) for n in range(6)]
    file.write_text("\n".join([*lines, alarm(700 * HOUR), alarm(700 * HOUR)]), "utf-8")

    assert cli.main(["replay", str(file)]) == 0

    printed = capsys.readouterr()
    assert printed.out.startswith("134 alarms → ")
    assert "restart_limit        restarted too often" in printed.out
    assert "\n  2026-01-05  09 11 13\n" in printed.out
    assert "more days" in printed.out
    assert "more restarts" in printed.out
    assert "as if DRY_RUN were false" in printed.out
    assert printed.err == ""


def test_the_command_prints_json_and_reads_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(alarm(0 * MINUTE).encode())))

    assert cli.main(["replay", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["restarts"] == 1

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(alarm(0 * MINUTE).encode())))
    assert cli.main(["replay", "-"]) == 0
    assert f"\nrestarts\n  {text(NOW)}  {ORDERS}\n\nassumed:" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{"])
def test_the_command_exits_with_2_for_what_it_cannot_read(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "past.jsonl"
    if content is not None:
        file.write_text(content, "utf-8")

    assert cli.main(["replay", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "past.jsonl" in printed.err


def test_an_empty_recording_is_a_report_without_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "past.jsonl"
    file.write_text("\n", "utf-8")

    assert cli.main(["replay", str(file)]) == 0
    assert capsys.readouterr().out.startswith("0 alarms → 0 restarts, 0 skips;")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_long_replay_shows_a_bar_on_a_terminal_only() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    many, few = list(range(_output.LONG)), [1, 2]

    assert list(_output.progress(many, "payloads", stream=terminal)) == many
    assert list(_output.progress(many, "payloads", stream=pipe)) == many
    assert terminal.getvalue().endswith(f"{len(many)} of {len(many)} payloads\n")
    assert pipe.getvalue() == ""
    assert list(_output.progress(few, "payloads", stream=terminal)) == few


def test_colours_need_a_terminal_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert _output.paint("text", "skipped") == "text"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert _output.paint("text", "skipped") == "\033[33mtext\033[0m"
    assert _output.paint("text", "cooldown") == "text"
    monkeypatch.setenv("NO_COLOR", "1")
    assert _output.paint("text", "skipped") == "text"


def test_replay_does_not_depend_on_the_system_clock() -> None:
    assert datetime.now(NOW.tzinfo) - NOW > DAY
    assert replayed(alarm(0 * MINUTE)).outcomes == {"accepted": 1}

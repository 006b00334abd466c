"""The demo verifies itself: it fails when a result differs from the script."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from demo import commands, output, runner, script, serve
from demo.serve import relevant, served
from demo.server import NotReady, function, is_free
from demo.setup import NAMES, ORDERS, setup
from function.entrypoints import startup
from tests.readme_blocks import README, section

ROOT = Path(__file__).parents[2]


def test_demo_runs_every_step_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.play(script.steps(), script.examples(), commands.COMMANDS)

    output = capsys.readouterr().out
    assert "orders ERROR -> RESTARTING" in output
    assert "50 seconds pass: orders RESTARTING -> RUNNING" in output
    for reason in ("already_restarting", "already_answered", "cooldown", "restart_limit"):
        assert f"skipped ({reason})" in output
    assert "rejected (unauthenticated), answered 401" in output
    assert "dry_run (observed), answered 200" in output
    assert "draft CREATEFAILED -> gone" in output
    for command in ("check --probe", "explain demo/", "replay demo/"):
        assert f"\n   $ python -m function {command}" in output
    assert "41 alarms → 6 restarts, 35 skips; a person would have been called 4 times." in output
    routed = startup.routed_sources()
    assert re.findall(r"^   (\w+) +POST /.+ sent ", output, re.MULTILINE) == list(routed)
    assert {"alertmanager", "cloudevents", "direct", "grafana"} <= set(routed)
    events = len(script.steps()) + len(routed)  # the story, and an example of each source
    assert f"{events} events, {events} results, 2 calls that change anything: 1 restart" in output
    assert output.endswith("Every result is as expected.\n")
    assert "\033" not in output
    assert max(map(len, output.splitlines())) <= 100
    _, _, example = section("Two commands", README).partition("the instances as they are:\n\n```\n")
    assert example.partition("```")[0] in output


DEVIATIONS: dict[str, Any] = {
    "expected to see posted: None": {"posted": None},
    "expected (200, 'accepted', None)": {"posted": None},  # the same alarm again is skipped
    "expected (202, 'skipped', 'already_restarting')": {
        "verdict": (202, "skipped", "already_restarting"),
        "posted": None,
    },
}


def test_demo_fails_on_another_call_outcome_or_status(capsys: pytest.CaptureFixture[str]) -> None:
    first = script.steps()[0]
    wrong = [replace(first, **changed) for changed in DEVIATIONS.values()]

    assert not runner.play(wrong, (), ())

    printed = capsys.readouterr().out
    faults = [fault for fault in DEVIATIONS if f"   NOT SO   {fault}" in printed]
    assert faults == [*DEVIATIONS]
    summary = "".join(f"\n{first.title}: {fault}" for fault in DEVIATIONS)
    assert f"Not as expected:{summary}" in printed


def test_demo_fails_on_an_unexpected_command_output(capsys: pytest.CaptureFixture[str]) -> None:
    (*_, replay) = commands.COMMANDS
    wrong = replace(replay, status=1, says="42 alarms")

    assert commands.play(output.Printer(), [wrong]) == [
        "replay: expected the exit status 1",
        "replay: expected to read: 42 alarms",
    ]
    assert "   NOT SO   expected to read: 42 alarms" in capsys.readouterr().out


def test_failed_start_is_reported_and_the_process_ended() -> None:
    with (
        pytest.raises(NotReady, match="DRY_RUN: is missing"),
        setup(1) as stage,
        function({**stage.settings, "DRY_RUN": ""}),
    ):
        raise AssertionError("it must not start")


def test_no_port_stays_open_when_the_demo_fails() -> None:
    ports: list[int] = []

    def break_down() -> None:
        with setup(1) as stage, function(stage.settings) as url:
            ports.extend([stage.cloud.address[1], urlsplit(url).port or 0])
            assert not any(map(is_free, ports))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_down()
    assert all(map(is_free, ports))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_line_that_serve_prints_works() -> None:
    with served(0) as (_, lines):
        answers = [_run(line) for line in lines]

    health, alarm, direct, purge, state = answers
    assert health == {"message": "ready"}
    assert alarm["data"]["outcome"] == "accepted"
    assert direct["data"]["reason"] == "already_restarting"
    assert purge["data"]["request"] == script.PURGE
    assert {row["name"] for row in state["instances"]} == {*NAMES.values()} - {"draft"}


def _run(line: str) -> dict[str, Any]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(ROOT / "no-home")}  # no proxy, no ~/.curlrc
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True, env=clean)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _heed_every_signal() -> None:
    """Undo what nohup, or a shell that starts jobs in the background, had it ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run `PORT=0 make serve`, and yield its first lines; a hanging test is ended."""
    command = [sys.executable, "-m", "demo", "--serve"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_every_signal,  # noqa: PLW1509 - no other thread of the tests forks
    ) as process:
        watchdog = threading.Timer(60, process.terminate)
        watchdog.start()
        try:
            yield process, list(_until(process, "Ctrl-C"))
        finally:
            process.terminate()
            watchdog.cancel()


def _until(process: subprocess.Popen[str], word: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if word in line:
            return
    raise AssertionError(f"it ended without a word of {word}")


@pytest.mark.parametrize(
    ("ended_by", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_serve_prints_the_lines_and_leaves_nothing_behind(ended_by: int, status: int) -> None:
    with serving() as (process, output):
        process.send_signal(ended_by)
        process.wait(60)

    ports = {urlsplit(line.split()[2]).port for line in output if line.startswith("curl -s ")}
    assert process.returncode == status
    assert len(ports) == 2
    assert all(is_free(port or 0) for port in ports)


def test_serve_takes_the_port_that_is_asked_for_or_that_of_the_documents_if_it_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        documented = taken.getsockname()[1]
        monkeypatch.setattr(serve, "PORT", documented)
        ports = [serve.chosen_port({"PORT": wanted}) for wanted in ("", "0", "9000")]
    assert ports == [0, 0, 9000]
    assert serve.chosen_port({}) == documented


def test_serve_shows_the_instances_and_why_a_sender_is_refused() -> None:
    with serving() as (process, output):
        health = next(line for line in output if line.endswith("/health\n"))
        url = health.split()[-1].replace("/health", "/direct")
        headers = {"Content-Type": "application/json", "Authorization": "Bearer not-the-secret"}
        assert requests.post(url, b"{}", headers=headers, timeout=60).status_code == 401
        heard = list(_until(process, "rejected"))

    assert output[0] == "The instances of the fake cloud, where a restart takes 20 seconds:\n"
    assert output[1].split() == ["orders", ORDERS, "ERROR"]
    assert [line.split()[:2] for line in heard] == [
        ["function", "Rejected:"],
        ["function", "rejected"],
    ]


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ({"severity": "INFO", "message": "About to send."}, None),
        ({"severity": "WARNING", "message": "Open this:", "link": "https://a/b"}, "https://a/b"),
        ({"data": {"outcome": "skipped", "reason": "storm", "message": "Why."}}, "(storm): Why."),
        ("KeyError: 'a'", "KeyError: 'a'"),
    ],
)
def test_serve_prints_only_relevant_log_lines(line: object, output: str | None) -> None:
    shown = relevant(line if isinstance(line, str) else json.dumps(line))

    assert shown is None if output is None else str(shown).endswith(output)

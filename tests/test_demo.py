"""The demo is a check of its own: it fails when the function judges otherwise than it tells."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from function import start
from tests.demo import play, story
from tests.demo.scene import scene
from tests.demo.serve import served
from tests.demo.server import NotReady, function, is_free

ROOT = Path(__file__).parents[1]


def test_the_demo_plays_every_step_as_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert play.play()

    told = capsys.readouterr().out
    assert "orders ERROR -> RESTARTING" in told
    assert "4 minutes pass: orders RESTARTING -> RUNNING" in told
    for reason in ("already_restarting", "already_answered", "cooldown", "restart_limit"):
        assert f"skipped ({reason})" in told
    assert "rejected (unauthenticated), answered 401" in told
    assert "draft CREATEFAILED -> gone" in told
    routed = start.routed()
    assert re.findall(r"^   (\w+) +POST /.+ sent ", told, re.MULTILINE) == list(routed)
    assert {"alertmanager", "cloudevents", "direct", "grafana"} <= set(routed)
    events = 8 + len(routed)  # the night of the README, and an example of each
    assert f"{events} events, {events} results, 2 calls that change anything: 1 restart" in told
    assert told.endswith("All of it is as it must be.\n")
    assert "\033" not in told
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verdict": (200, "skipped", None)}, "expected (200, 'skipped', None)"),
        ({"verdict": (202, "accepted", None)}, "expected (202, 'accepted', None)"),
        ({"posted": None}, "expected to see posted: None"),
    ],
    ids=["another outcome", "another status", "a call too many"],
)
def test_the_demo_fails_when_a_step_is_not_what_it_must_be(
    changed: Any, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replace(story.steps()[0], **changed)
    monkeypatch.setattr(play, "steps", lambda: (first,))
    monkeypatch.setattr(play, "examples", lambda: ())

    assert not play.play()
    told = capsys.readouterr().out
    assert f"   NOT SO   {said}" in told
    assert f"Not as it must be:\n{first.title}: {said}" in told


def test_a_function_that_does_not_start_is_told_with_its_reasons_and_ended() -> None:
    with (
        pytest.raises(NotReady, match="DRY_RUN: is missing"),
        scene(1) as stage,
        function({**stage.settings, "DRY_RUN": ""}),
    ):
        raise AssertionError("it must not start")


def test_nothing_listens_any_more_when_the_demo_breaks() -> None:
    ports: list[int] = []

    def break_down() -> None:
        with scene(1) as stage, function(stage.settings) as url:
            ports.extend([stage.cloud.address[1], urlsplit(url).port or 0])
            assert not any(map(is_free, ports))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        break_down()
    assert all(map(is_free, ports))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_line_that_serve_prints_works() -> None:
    with served(None) as lines:
        answers = [_run(line) for line in lines]

    health, alarm, direct, purge, state = answers
    assert health == {"message": "ready"}
    assert alarm["data"]["outcome"] == "accepted"
    assert direct["data"]["reason"] == "already_restarting"
    assert purge["data"]["request"] == story.PURGE
    assert {one["name"] for one in state["instances"]} == {"orders", "payments", "clicks", "search"}


def _run(line: str) -> dict[str, Any]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(ROOT / "no-home")}  # no proxy, no ~/.curlrc
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True, env=clean)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(("ended_by", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_serve_prints_the_lines_and_leaves_nothing_behind(ended_by: int, status: int) -> None:
    command = [sys.executable, "-m", "tests.demo", "--serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told: list[str] = []
            while not told or "Ctrl-C" not in told[-1]:
                told.append(next(process.stdout))
        finally:
            process.send_signal(ended_by)

    ports = {urlsplit(line.split()[2]).port for line in told if line.startswith("curl -s ")}
    assert process.returncode == status
    assert len(ports) == 2
    assert all(is_free(port or 0) for port in ports)

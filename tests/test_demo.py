"""The demo is a check of its own: it fails when the function judges otherwise than it tells."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from tests.demo import play, story
from tests.demo.serve import served


def test_the_demo_plays_every_step_as_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert play.play()

    told = capsys.readouterr().out
    assert "WRONG" not in told
    assert "orders ERROR -> RESTARTING" in told
    assert "8 events, 2 calls that change anything, 1 restart." in told


def test_the_demo_fails_when_a_verdict_is_not_the_expected_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replace(story.steps()[0], outcome="skipped")
    monkeypatch.setattr(play, "steps", lambda: (first,))

    assert not play.play()
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_line_that_serve_prints_works() -> None:
    with served(None) as lines:
        answers = [_run(line) for line in lines]

    health, direct, alarm, purge, state = answers
    assert health == {"message": "ready"}
    assert direct["data"]["outcome"] == "accepted"
    assert alarm["data"]["reason"] == "already_restarting"
    assert purge["data"]["request"] == {"action": "delete", "all_failure": "kafka"}
    assert {one["name"] for one in state["instances"]} == {"orders", "payments", "clicks"}


def _run(line: str) -> dict[str, Any]:
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer

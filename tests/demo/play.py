"""Plays the story and shows it: what came in, what was decided, what it did to the instances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from textwrap import fill
from typing import Any

import requests

from .scene import ORDERS, Scene, scene
from .server import function
from .story import Step, steps

RESTART_SECONDS = 2.0
TRIES, PAUSE_SECONDS = 300, 0.1
WIDTH = 80


def _say(line: str = "") -> None:
    print(line, flush=True)


def _wait_for_restart(stage: Scene) -> None:
    for _ in range(TRIES):
        if stage.cloud.instance(ORDERS).status == "RUNNING":
            return
        time.sleep(PAUSE_SECONDS)
    raise RuntimeError("the restart did not end")


def send(url: str, step: Step) -> tuple[int, dict[str, Any]]:
    """Post one event as its sender would, and return the HTTP status and the result event."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {step.secret}",
        **step.headers,
    }
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(url + step.route, json=step.document, headers=headers, timeout=30)
    result: dict[str, Any] = answer.json()
    return answer.status_code, result


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    changed = [
        f"{name} {status} -> {after.get(name, 'gone')}"
        for name, status in before.items()
        if after.get(name) != status
    ]
    return ", ".join(changed) or "no change"


def _play(number: int, step: Step, url: str, stage: Scene) -> bool:
    """Play one step, show it, and tell whether it came out as it must."""
    if step.after_restart:
        _wait_for_restart(stage)
    before = stage.statuses()
    posts = len(stage.cloud.posts)
    status, result = send(url, step)
    data = result["data"]
    posted = [arrival.json for arrival in stage.cloud.posts[posts:]]
    _say(f"{number}. {step.title}")
    _say(f"   in       POST {step.route}")
    reason = f" ({data['reason']})" if data["reason"] else ""
    _say(f"   decided  {data['outcome']}{reason}, answered {status}")
    says = fill(data.get("message", "-"), WIDTH, subsequent_indent=" " * 12)
    _say(f"   says     {says}")
    if data.get("needs_human"):
        _say("   calls    for a person (needs_human)")
    _say(f"   sent     {posted[0] if posted else 'nothing'}")
    _say(f"   cloud    {_changes(before, stage.statuses())}")
    expected = [] if step.posted is None else [step.posted]
    right = (data["outcome"], data["reason"], posted) == (step.outcome, step.reason, expected)
    if not right:
        _say(f"   WRONG    expected {step.outcome} ({step.reason}), sent {expected}")
    return right


def _show(title: str, stage: Scene) -> None:
    _say(title)
    for name, status in stage.statuses().items():
        _say(f"   {name:12} {status}")
    _say()


def play() -> bool:
    """Play the whole night, and tell whether everything came out as it must."""
    with scene(RESTART_SECONDS) as stage, function(stage.settings) as url:
        _show("The instances before:", stage)
        right = True
        for number, step in enumerate(steps(), start=1):
            right = _play(number, step, url, stage) and right
            _say()
        _show("The instances after:", stage)
        restarts = [deed for deed in stage.cloud.deeds if deed.action == "restart"]
        calls = len(stage.cloud.posts)
        _say(f"{number} events, {calls} calls that change anything, {len(restarts)} restart.")
    return right

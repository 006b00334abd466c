"""Runs the script: sends one event after the other, and checks what comes of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from function.entrypoints import startup
from function.lib.schemas import Violation
from tests.fake_dms import Publication

from . import commands, output
from .script import BEHIND_SECONDS, RESTART_SECONDS, Step, examples, steps
from .server import function
from .setup import Setup, setup


@dataclass(frozen=True)
class Played:
    """What came of one event."""

    step: Step
    status: int
    event: dict[str, Any]
    posted: list[Any]
    earlier: dict[str, str]
    before: dict[str, str]
    after: dict[str, str]
    told: tuple[Publication, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the result event."""
        data: dict[str, Any] = self.event["data"]
        return data

    def faults(self) -> Iterator[str]:
        """Say what is not as it must be."""
        step, verdict = self.step, (self.status, self.data["outcome"], self.data["reason"])
        if verdict != (step.verdict or (200, *verdict[1:])):
            yield f"expected {step.verdict or 'the status 200'}"
        if step.verdict and self.posted != ([] if step.posted is None else [step.posted]):
            yield f"expected to see posted: {step.posted}"
        try:
            startup.components().schemas.check("result", self.event)
        except Violation as violation:
            yield violation.problem


def _send(step: Step, url: str) -> requests.Response:
    """Post one event as its sender would."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {step.secret}"}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            url + step.route, json=step.document, headers=headers | dict(step.headers), timeout=60
        )


def play_step(step: Step, url: str, stage: Setup) -> Played:
    """Let time pass, send the event, and look at what it did."""
    earlier = stage.statuses()
    stage.clock.pass_by(step.later)
    before, posts = stage.statuses(), len(stage.cloud.posts)
    told = len(stage.cloud.published)
    answer = _send(step, url)
    posted = [arrival.json for arrival in stage.cloud.posts[posts:]]
    states = (earlier, before, stage.statuses())
    people = stage.cloud.published[told:]
    return Played(step, answer.status_code, answer.json(), posted, *states, told=people)


def _logged(log: Path) -> list[str]:
    """Return the id of every result event in the log."""
    return [json.loads(line)["id"] for line in log.read_text(encoding="utf-8").splitlines()]


def _play_all(url: str, stage: Setup, log: Path, printer: output.Printer) -> bool:
    """Play and print everything; tell whether all of it came out as it must."""
    before = stage.statuses()
    printer.opening(before)
    played = []
    for number, step in enumerate(steps(), start=1):
        played.append(play_step(step, url, stage))
        printer.step(number, played[-1])
    printer.examples_follow()
    for step in examples():
        played.append(play_step(step, url, stage))
        printer.example(played[-1])
    faults = [f"{event.step.title}: {fault}" for event in played for fault in event.faults()]
    faults += commands.play(printer)
    if _logged(log) != [event.event["id"] for event in played]:
        faults.append("expected every result once, in the answer and as a line of the log")
    printer.ending(before, played, faults)
    return not faults


def play() -> bool:
    """Play the whole script; tell whether everything came out as it must."""
    with TemporaryDirectory() as place, setup(RESTART_SECONDS, behind=BEHIND_SECONDS) as stage:
        log = Path(place, "log")
        with function(stage.settings, log) as url:
            return _play_all(url, stage, log, output.Printer())

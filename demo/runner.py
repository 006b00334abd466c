"""Run the script: send one event after the other, and check each result."""

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
class StepResult:
    """The result of one step: the answer, the POSTs and the instances before and after."""

    step: Step
    status: int
    event: dict[str, Any]
    posted: list[Any]
    earlier: dict[str, str]
    before: dict[str, str]
    after: dict[str, str]
    notifications: tuple[Publication, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the result event."""
        data: dict[str, Any] = self.event["data"]
        return data

    def faults(self) -> Iterator[str]:
        """Yield each deviation from the expected result."""
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


def run_step(step: Step, url: str, environment: Setup) -> StepResult:
    """Advance the clock, send the event, and record its effects."""
    earlier = environment.statuses()
    environment.clock.pass_by(step.later)
    before, posts = environment.statuses(), len(environment.cloud.posts)
    notifications = len(environment.cloud.published)
    answer = _send(step, url)
    posted = [arrival.json for arrival in environment.cloud.posts[posts:]]
    states = (earlier, before, environment.statuses())
    people = environment.cloud.published[notifications:]
    return StepResult(
        step, answer.status_code, answer.json(), posted, *states, notifications=people
    )


def _logged(log: Path) -> list[str]:
    """Return the id of every result event in the log."""
    return [json.loads(line)["id"] for line in log.read_text(encoding="utf-8").splitlines()]


def _run_all(url: str, environment: Setup, log: Path, printer: output.Printer) -> bool:
    """Run and print every step; return whether every result was as expected."""
    before = environment.statuses()
    printer.opening(before)
    results = []
    for number, step in enumerate(steps(), start=1):
        results.append(run_step(step, url, environment))
        printer.step(number, results[-1])
    printer.examples_follow()
    for step in examples():
        results.append(run_step(step, url, environment))
        printer.example(results[-1])
    faults = [f"{event.step.title}: {fault}" for event in results for fault in event.faults()]
    faults += commands.play(printer)
    if _logged(log) != [event.event["id"] for event in results]:
        faults.append("expected every result once, in the answer and as a line of the log")
    printer.ending(before, results, faults)
    return not faults


def play() -> bool:
    """Run the whole script; return whether every result was as expected."""
    with (
        TemporaryDirectory() as place,
        setup(RESTART_SECONDS, behind=BEHIND_SECONDS) as environment,
    ):
        log = Path(place, "log")
        with function(environment.settings, log) as url:
            return _run_all(url, environment, log, output.Printer())

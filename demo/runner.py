"""Run the script: send one event after the other, and check each result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from . import commands
from .output import Printer
from .script import BEHIND_SECONDS, RESTART_SECONDS, Step
from .server import function
from .setup import Setup, setup
from .step_result import StepResult


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


def _send_all(
    url: str, environment: Setup, steps: Sequence[Step], examples: Sequence[Step], printer: Printer
) -> list[StepResult]:
    """Send, record and print every event."""
    results = []
    for number, step in enumerate(steps, start=1):
        results.append(run_step(step, url, environment))
        printer.step(number, results[-1])
    printer.examples_follow()
    for step in examples:
        results.append(run_step(step, url, environment))
        printer.example(results[-1])
    return results


def play(
    steps: Sequence[Step], examples: Sequence[Step], lines: Sequence[commands.Command]
) -> bool:
    """Send the events and run the command lines; return whether every result was as expected."""
    printer = Printer()
    with (
        TemporaryDirectory() as place,
        setup(RESTART_SECONDS, behind=BEHIND_SECONDS) as environment,
    ):
        log, before = Path(place, "log"), environment.statuses()
        printer.opening(before)
        with function(environment.settings, log) as url:
            results = _send_all(url, environment, steps, examples, printer)
        faults = [
            f"{result.step.title}: {fault}" for result in results for fault in result.faults()
        ]
        if _logged(log) != [result.event["id"] for result in results]:
            faults.append("expected every result once, in the answer and as a line of the log")
    faults += commands.play(printer, lines)
    printer.ending(before, results, faults)
    return not faults

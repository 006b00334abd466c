"""Print the demo as plain text: each event, the decision, and its effect on the instances."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from textwrap import fill, wrap
from typing import Any

from .step_result import StepResult

WIDTH, WIDEST = 90, 100
COLOURS = {
    "accepted": "32",
    "dry_run": "36",
    "skipped": "33",
    "rejected": "31",
    "failed": "31",
    "unknown": "35",
    "NOT": "31",
}


def _painted(text: str, word: str) -> str:
    """Return a text in the colour of a word, on a terminal without NO_COLOR."""
    if word not in COLOURS or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS[word]}m{text}\033[0m"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Describe the instances whose status changed."""
    changed = [
        f"{name} {status} -> {after.get(name, 'gone')}"
        for name, status in before.items()
        if after.get(name) != status
    ]
    return ", ".join(changed) or "no change"


def verdict(data: Mapping[str, Any]) -> str:
    """Return the outcome of a result and its reason."""
    reason = f" ({data['reason']})" if data["reason"] else ""
    return _painted(f"{data['outcome']}{reason}", data["outcome"])


def _posted(posted: Sequence[Any]) -> str:
    return ", ".join(json.dumps(body, separators=(",", ":")) for body in posted) or "nothing"


def shortened(line: str) -> str:
    """Return a line that fits."""
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"


class Printer:
    """Prints every part of the demo as it happens."""

    def say(self, line: str = "") -> None:
        """Print a line at once."""
        print(line, flush=True)

    def part(self, name: str, text: str) -> None:
        """Print one part of a step, folded if it is long."""
        self.say(fill(f"   {name:8} {text}", WIDTH, subsequent_indent=" " * 12))

    def opening(self, instances: Mapping[str, str]) -> None:
        """Show the instances."""
        self.say("The instances before:")
        for name, status in instances.items():
            self.say(f"   {name:12} {status}")

    def step(self, number: int, result: StepResult) -> None:
        """Show one event and its result."""
        step, data = result.step, result.data
        self.say(f"\n{number}. {step.title}")
        if step.later:
            passed = changes(result.earlier, result.before)
            self.part("later", f"{step.later:.0f} seconds pass: {passed}")
        self.part("in", f"POST {step.route}")
        self.part("decided", f"{verdict(data)}, answered {result.status}")
        if "message" in data:
            self.part("says", data["message"])
        if data.get("needs_human"):
            self.part("calls", "for a person (needs_human)")
        self.part("sent", _posted(result.posted))
        self.part("cloud", changes(result.before, result.after))
        self._people(result)
        self._faults(result)

    def _people(self, result: StepResult) -> None:
        """Show the notifications that were published."""
        for publication in result.notifications:
            self.part("people", f"get: {publication.subject}")
            for line in publication.message.splitlines():
                self.say(fill(f"            | {line}", WIDTH, subsequent_indent=" " * 14))

    def examples_follow(self) -> None:
        """Announce the examples."""
        self.say(
            "\nThe first example of every source with a route, as it stands in schemas/events:"
        )

    def example(self, result: StepResult) -> None:
        """Show an example in one line."""
        step = result.step
        answer = f"answered {result.status}, sent {_posted(result.posted)}"
        self.say(f"   {step.title:12} POST {step.route:14} {verdict(result.data)}, {answer}")
        self._faults(result)

    def _faults(self, result: StepResult) -> None:
        for fault in result.faults():
            self.fault(fault)

    def fault(self, fault: str) -> None:
        """Show a deviation from the expected result."""
        self.part(_painted("NOT SO", "NOT"), fault)

    def command(self, title: str, command: str, lines: Sequence[str]) -> None:
        """Show a command, and the most relevant lines of its output."""
        self.say(f"\n{title}")
        folded = wrap(f"$ {command}", WIDTH, initial_indent="   ", subsequent_indent="       ")
        self.say(" \\\n".join(folded))
        for line in lines:
            self.say(shortened(f"   {line}"))

    def ending(
        self, before: Mapping[str, str], results: Sequence[StepResult], faults: Sequence[str]
    ) -> None:
        """Show the instances at the end, and whether every result was as expected."""
        after = results[-1].after
        self.say("\nThe instances after:")
        for name, status in before.items():
            now = after.get(name, "gone")
            self.say(f"   {name:12} {status}{'' if now == status else f' -> {now}'}")
        bodies = [body["action"] for result in results for body in result.posted]
        restarts, deletes = bodies.count("restart"), bodies.count("delete")
        self.say(
            f"\n{len(results)} events, {len(results)} results, {len(bodies)} calls that change "
            f"anything: {restarts} restart, {deletes} purge."
        )
        end = "Not as expected:" if faults else "Every result is as expected."
        self.say("\n".join([_painted(end, "NOT" if faults else "accepted"), *faults]))

"""The command line: a check before arming, a decision explained, a week of alarms replayed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .output import Printer
from .server import KEPT, ROOT
from .setup import setup

RECORDINGS = "demo/recordings"


@dataclass(frozen=True)
class Command:
    """A command, the lines of its output that are shown, and what it must come to."""

    title: str
    arguments: tuple[str, ...]
    shows: Callable[[str], bool]
    says: str
    status: int = 0


@dataclass(frozen=True)
class Finished:
    """What came of a command."""

    command: Command
    status: int
    lines: tuple[str, ...]

    def faults(self) -> Iterator[str]:
        """Say what is not as expected."""
        if self.status != self.command.status:
            yield f"expected the exit status {self.command.status}"
        if not any(self.command.says in line for line in self.lines):
            yield f"expected to read: {self.command.says}"


def _is_news(line: str) -> bool:
    """Tell whether a line of a check is more than that all is well."""
    return not line.startswith("pass ")


def _is_the_decision(line: str) -> bool:
    """Tell whether a line of an explanation says what decides, or what it is decided on."""
    wanted = ("source", "  yes", "  no   status", "  no   already", "outcome", "request")
    return line.startswith(wanted) or ": " in line.partition(" ")[0]


def _is_counted(line: str) -> bool:
    """Tell whether a line of a replay is neither an assumption nor a single restart."""
    return "→" in line or line[:8].strip().isdigit() or line.startswith("  2026-01-09  ")


COMMANDS = (
    Command(
        "Before arming: is everything ready? What is not `pass`:",
        ("check", "--probe"),
        _is_news,
        "Check passed.",
    ),
    Command(
        "Why is an alarm skipped? The rules that tell the most:",
        (
            *("explain", f"{RECORDINGS}/alarm.json", "--state", f"{RECORDINGS}/instances.json"),
            *("--at", "2026-01-05T03:06:00Z", "--expect", "skipped:cooldown"),
        ),
        _is_the_decision,
        "skipped (cooldown)",
    ),
    Command(
        "What would it have done all week, and when would somebody have been called?",
        ("replay", f"{RECORDINGS}/one-week.jsonl"),
        _is_counted,
        "41 alarms → 6 restarts, 35 skips; a person would have been called 4 times.",
    ),
)


def finish(command: Command, settings: Mapping[str, str]) -> Finished:
    """Run a command with these settings and no others."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "function", *command.arguments],
        check=False,
        cwd=ROOT,
        env={**environment, **settings},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return Finished(command, done.returncode, tuple((done.stdout + done.stderr).splitlines()))


def play(printer: Printer, commands: Sequence[Command]) -> list[str]:
    """Run the commands against a project of their own, show each, and return what is wrong."""
    faults = []
    with setup(1) as stage:
        for command in commands:
            finished = finish(command, stage.settings)
            text = f"python -m function {shlex.join(command.arguments)}"
            printer.command(command.title, text, [*filter(command.shows, finished.lines)])
            for fault in finished.faults():
                printer.fault(fault)
                faults.append(f"{command.arguments[0]}: {fault}")
    return faults

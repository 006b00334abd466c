"""Every command that docs/command-line.md shows runs and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo.setup import setup
from function import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHOWN = [
    (command, printed)
    for block in BLOCKS
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)
    for command, _, printed in [part.partition("\n")]
    if command
]


def _pattern(printed: str) -> re.Pattern[str]:
    """Return what a printed text matches: `…` stands for anything, in a line or for lines."""
    lines = (
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in printed.splitlines()
    )
    return re.compile("".join(lines))


def test_the_page_shows_commands() -> None:
    assert len(SHOWN) >= 5


@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=[command for command, _ in SHOWN])
def test_a_command_of_the_page_prints_what_the_page_says(command: str, printed: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with setup(1) as stage:  # what checks has a cloud to look at; nothing else looks at it
        settings = stage.settings if " check" in command else {}
        done = subprocess.run(
            ["sh", "-c", command],
            check=False,
            cwd=ROOT,
            env={"PATH": path, **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert (done.returncode, done.stderr) == (0, "")
    assert _pattern(printed).fullmatch(done.stdout), done.stdout


def test_every_option_that_the_page_names_exists() -> None:
    help_text = ""
    for name in sorted(cli._commands()):
        command = [sys.executable, "-m", "function", name, "--help"]
        help_text += subprocess.run(
            command, check=True, cwd=ROOT, capture_output=True, text=True, timeout=60
        ).stdout
        assert f"\n## {name}\n" in PAGE

    assert set(re.findall(r"--[a-z-]+", PAGE)) <= set(re.findall(r"--[a-z-]+", help_text))

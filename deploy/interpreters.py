"""Interpreters: which Python the zip is for, and how that one compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RUNTIMES = ("3.12", "3.10")
"""What FunctionGraph runs, the newest first."""
_ASK = """
import importlib.util, sys
print(sys.executable, "%d.%d" % sys.version_info[:2], importlib.util.MAGIC_NUMBER.hex())
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One Python; `magic` is what its byte-code begins with."""

    path: Path
    version: str
    magic: bytes

    @property
    def tag(self) -> str:
        """Return what names of compiled files carry: cpython-312."""
        return "cpython-" + self.version.replace(".", "")


def run(python: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Python in an environment that changes nothing about what it writes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(  # noqa: S603 - it is the Python that was asked for
        [python, *arguments],
        env={**kept, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def ask(command: str) -> Interpreter | None:
    """Return the interpreter behind a command, or None where there is none."""
    try:
        found = run(command, "-I", "-c", _ASK)
    except OSError:
        return None
    if found.returncode:
        return None
    path, version, magic = found.stdout.rsplit(maxsplit=2)
    return Interpreter(Path(path), version, bytes.fromhex(magic))


def choose(version: str | None) -> Interpreter:
    """Return the interpreter of a version, or else the best there is; exit where it is missing."""
    for wanted in [version] if version else RUNTIMES:
        found = ask(f"python{wanted}")
        if found is not None and found.version == wanted:
            return found
    own = ask(sys.executable)
    if own is None or version not in {None, own.version}:
        sys.exit(f"no `python{version}` on PATH, and no other compiles for it: install it first")
    return own

"""Find the Python that a package is for: only that version compiles byte-code for itself."""

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
    """Run a Python without the PYTHON* variables, some of which change what it compiles."""
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
        answer = run(command, "-I", "-c", _ASK)
    except OSError:
        return None
    if answer.returncode:
        return None
    path, version, magic = answer.stdout.rsplit(maxsplit=2)
    return Interpreter(Path(path), version, bytes.fromhex(magic))


def choose(version: str | None) -> Interpreter:
    """Return the interpreter of a version, or the newest that FunctionGraph runs, or our own."""
    for wanted in [version] if version else RUNTIMES:
        interpreter = ask(f"python{wanted}")
        if interpreter is not None and interpreter.version == wanted:
            return interpreter
    running = ask(sys.executable)
    if running is None or version not in {None, running.version}:
        sys.exit(f"no `python{version}` on PATH, and no other compiles for it: install it first")
    return running

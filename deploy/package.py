"""Builds the zip for FunctionGraph: `python -m deploy.package --help`.

The same tree and the same interpreter give the same bytes: the wheels are locked with hashes, the
order is sorted and times stand still. Byte-code is of the kind that is never compared with its
source, so neither times nor hashes cost a start, and the tree may be read-only.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .interpreters import RUNTIMES, Interpreter, choose, run

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
EVENT_DOOR = frozenset(
    """attrs certifi cffi charset-normalizer cryptography idna jsonschema jsonschema-specifications
    pycparser referencing requests rpds-py typing-extensions urllib3""".split()
)
"""What function/handler.py needs of requirements.txt; pip complains when one is missing."""
ONLY_HTTP = frozenset({"main.py"})
UNUSED = ("bin", "*/tests", "*/benchmarks", "*.dist-info/RECORD", "*.dist-info/INSTALLER")
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64")
MOST_BYTES = 40 * 2**20
"""What FunctionGraph's console takes; its API takes 50 MB. See its page on constraints."""
UNCHECKED_HASH = (1).to_bytes(4, "little")
EPOCH = (1980, 1, 1, 0, 0, 0)


class NotBuilt(Exception):
    """The zip cannot be built; the text says why."""


def locked(lock: str) -> str:
    """Return the part of a lock that the event door needs, hashes included."""
    blocks = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    return "".join(one for one in blocks if one.partition("==")[0] in EVENT_DOOR)


def _pip(python: Interpreter, wheels: Path, lock: Path, *command: str | Path) -> str:
    """Run pip for an interpreter; return what it complains about, if it fails."""
    platforms = [argument for name in PLATFORMS for argument in ("--platform", name)]
    done = run(
        *(
            sys.executable,
            "-m",
            "pip",
            "--python",
            python.path,
            "--disable-pip-version-check",
            *command,
        ),
        *("--quiet", "--require-hashes", "--only-binary", ":all:", *platforms),
        *("--find-links", wheels, "--requirement", lock),
    )
    return done.stderr.strip() or "pip failed" if done.returncode else ""


def install(python: Interpreter, tree: Path, wheels: Path, lock: Path) -> None:
    """Install what the event door needs into a tree; ask the package index only for what is new."""
    here = ("install", "--no-index", "--no-compile", "--target", tree)
    wheels.mkdir(parents=True, exist_ok=True)
    if _pip(python, wheels, lock, *here):
        shutil.rmtree(tree)
        problem = _pip(python, wheels, lock, "download", "--dest", wheels)
        problem = problem or _pip(python, wheels, lock, *here)
        if problem:
            raise NotBuilt(problem)
    for pattern in UNUSED:
        for path in tree.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def add_sources(python: Interpreter, tree: Path) -> None:
    """Put our own files into a tree, and what it is for."""
    left_out = shutil.ignore_patterns("__pycache__", ".*", *ONLY_HTTP)
    for folder in ("function", "schemas"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=left_out)
    shutil.copy(ROOT / "deploy" / "functiongraph" / "index.py", tree)
    shutil.copy(ROOT / "LICENSE", tree)
    (tree / "python-version").write_text(f"{python.version}\n", encoding="ascii")


def add_bytecode(python: Interpreter, tree: Path) -> None:
    """Compile every source of a tree with the interpreter that will run it."""
    done = run(
        *(python.path, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"),
        *("-s", tree, tree),
    )
    if done.returncode:
        raise NotBuilt(f"compiling failed: {done.stdout.strip()}")


def problems(python: Interpreter, tree: Path) -> Iterator[str]:
    """Say what in a tree the interpreter could not use as it is."""
    for source in tree.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{python.tag}.pyc"
        if not compiled.is_file():
            yield f"{source.relative_to(tree)} has no byte-code for Python {python.version}"
        elif compiled.read_bytes()[:8] != python.magic + UNCHECKED_HASH:
            yield f"{compiled.relative_to(tree)} is not unchecked byte-code of {python.version}"
    for library in tree.rglob("*.so"):
        if not re.search(rf"\.({python.tag}-[\w-]+|abi3)\.so$", library.name):
            yield f"{library.relative_to(tree)} is not for Python {python.version}"


def write(tree: Path, target: Path) -> None:
    """Write a tree as a zip whose bytes depend on nothing else."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EPOCH)
            entry.create_system, entry.external_attr = 3, (0o100644 << 16)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    if target.stat().st_size > MOST_BYTES:
        raise NotBuilt(f"{target.name} has {target.stat().st_size} bytes, more than {MOST_BYTES}")


def build(python: Interpreter, target: Path, wheels: Path = DIST / "wheels") -> None:
    """Build the zip for an interpreter, or raise NotBuilt."""
    with tempfile.TemporaryDirectory() as workplace:
        tree, lock = Path(workplace, "tree"), Path(workplace, "requirements.txt")
        tree.mkdir()
        lock.write_text(locked((ROOT / "requirements.txt").read_text("utf-8")), encoding="utf-8")
        install(python, tree, wheels, lock)
        add_sources(python, tree)
        add_bytecode(python, tree)
        if found := sorted(problems(python, tree)):
            raise NotBuilt("\n".join(found))
        write(tree, target)


def main() -> None:
    """Build the zip, and say where it is and what is in it."""
    parser = argparse.ArgumentParser(description="Builds the zip for FunctionGraph.")
    parser.add_argument("--python", metavar="3.12", help="what will run it; it must be on PATH")
    python = choose(parser.parse_args().python or None)
    if python.version not in RUNTIMES:
        sys.stderr.write(
            f"Built for Python {python.version}, which FunctionGraph does not run: "
            f"install Python {' or '.join(RUNTIMES)} to build for it.\n"
        )
    target = DIST / f"kafka-remediator-python{python.version}.zip"
    try:
        build(python, target)
    except NotBuilt as problem:
        sys.exit(f"Not built:\n{problem}")
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    sys.stdout.write(f"{target.relative_to(ROOT)}\n{target.stat().st_size} bytes\n{digest}\n")


if __name__ == "__main__":
    main()

"""Build what FunctionGraph and Lambda run: `python -m deploy.package --help`.

The same tree and the same interpreter give the same bytes: the wheels are locked with hashes, files
are sorted and times are fixed. All byte-code is of the kind that is never compared with its source:
without it a cold start costs twice the CPU, and the tree may be read-only.
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
WHEELS = DIST / "wheels"
DEPENDENCIES = frozenset(
    """async-timeout attrs certifi cffi charset-normalizer cryptography idna jsonschema
    jsonschema-specifications prometheus-client pycparser redis referencing requests rpds-py
    typing-extensions urllib3""".split()
)
"""What function/handler.py needs of requirements.txt; pip complains when one is missing."""
HTTP = "function/entrypoints"
NOT_FOR_EVENTS = frozenset(
    {"function/main.py", "function/__main__.py", "function/cli"}
    | {f"{HTTP}/http_application.py", f"{HTTP}/connections.py", f"{HTTP}/server.py"}
)
"""The HTTP entrypoint and the command line: platforms call function/handler.py alone."""
# cryptography needs cffi's compiled module alone; its Python package and pycparser, which make
# bindings when cryptography is built, are 1.3 MB of code that nothing imports. The compiled modules
# of charset-normalizer have the same in Python beside them; no encoding is ever guessed here.
UNUSED = (
    *("bin", "*/tests", "*/benchmarks", "*.dist-info/RECORD", "*.dist-info/INSTALLER"),
    *("cffi", "pycparser", "pycparser-*.dist-info", "**/*.pyi", "**/py.typed"),
    *("charset_normalizer/*.so", "*__mypyc*.so"),
)
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64")
MAX_ZIP_BYTES = 40 * 2**20
"""What FunctionGraph's console takes; its API takes 50 MB. See its page on constraints."""
MAX_TREE_BYTES = 23 * 10**6
"""A bound of our own: platforms fetch and unpack the whole tree at every cold start."""
UNCHECKED_HASH = (1).to_bytes(4, "little")
EPOCH = (1980, 1, 1, 0, 0, 0)


class NotBuilt(Exception):
    """The package cannot be built; the text says why."""


def locked(lock: str) -> str:
    """Return the part of a lock that the event entrypoint needs, hashes included."""
    blocks = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    return "".join(block for block in blocks if block.partition("==")[0] in DEPENDENCIES)


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
    """Install the dependencies into a tree; ask the package index only for what is new."""
    from_wheels = ("install", "--no-index", "--no-compile", "--target", tree)
    wheels.mkdir(parents=True, exist_ok=True)
    if _pip(python, wheels, lock, *from_wheels):
        shutil.rmtree(tree)
        problem = _pip(python, wheels, lock, "download", "--dest", wheels)
        problem = problem or _pip(python, wheels, lock, *from_wheels)
        if problem:
            raise NotBuilt(problem)
    for pattern in UNUSED:
        for path in list(tree.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _compile(python: Interpreter, tree: Path, *options: str, folder: str = ".") -> None:
    done = run(
        *(python.path, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"),
        *options,
        *("-s", tree, tree / folder),
    )
    if done.returncode:
        raise NotBuilt(f"compiling failed: {done.stdout.strip()}")


def replace_with_bytecode(python: Interpreter, tree: Path) -> None:
    """Leave only the byte-code of the dependencies: their sources are a fifth of the tree."""
    _compile(python, tree, "-b")
    # A fifth of redis is docstrings. It is the one package without asserts in what we import.
    _compile(python, tree, "-b", "-o", "2", folder="redis")
    for source in tree.rglob("*.py"):
        source.unlink()


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Return what of a folder is not copied, as `shutil.copytree` asks."""
    place = Path(folder).relative_to(ROOT).as_posix()
    return {
        name
        for name in names
        if name == "__pycache__" or name.startswith(".") or f"{place}/{name}" in NOT_FOR_EVENTS
    }


def add_sources(python: Interpreter, tree: Path, *entrypoints: Path) -> None:
    """Put our own files and their byte-code into a tree."""
    for folder in ("function", "schemas"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=_left_out)
    for path in (*entrypoints, ROOT / "LICENSE"):
        shutil.copy(path, tree)
    _compile(python, tree)


def problems(python: Interpreter, tree: Path) -> Iterator[str]:
    """Say what in a tree the interpreter could not use as it is."""
    compiled = set(tree.rglob("*.pyc"))
    for source in tree.rglob("*.py"):
        if source.parent / "__pycache__" / f"{source.stem}.{python.tag}.pyc" not in compiled:
            yield f"{source.relative_to(tree)} has no byte-code for Python {python.version}"
    for path in compiled:
        if path.read_bytes()[:8] != python.magic + UNCHECKED_HASH:
            yield f"{path.relative_to(tree)} is not unchecked byte-code of {python.version}"
    for library in tree.rglob("*.so"):
        if not re.search(rf"\.({python.tag}-[\w-]+|abi3)\.so$", library.name):
            yield f"{library.relative_to(tree)} is not for Python {python.version}"
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    if size > MAX_TREE_BYTES:
        yield f"the tree has {size} bytes, more than {MAX_TREE_BYTES}"


def lay_out(python: Interpreter, tree: Path, wheels: Path, *entrypoints: Path) -> None:
    """Fill an empty directory with all that runs, or raise NotBuilt."""
    with tempfile.TemporaryDirectory() as workplace:
        lock = Path(workplace, "requirements.txt")
        lock.write_text(locked((ROOT / "requirements.txt").read_text("utf-8")), encoding="utf-8")
        install(python, tree, wheels, lock)
    replace_with_bytecode(python, tree)
    add_sources(python, tree, *entrypoints)
    if lines := sorted(problems(python, tree)):
        raise NotBuilt("\n".join(lines))


def build_lambda(python: Interpreter, directory: Path, wheels: Path = WHEELS) -> None:
    """Fill the directory that `sam build` names with what Lambda runs, or raise NotBuilt."""
    if any(directory.iterdir()) if directory.is_dir() else directory.exists():
        raise NotBuilt(f"{directory} is not an empty directory")
    directory.mkdir(parents=True, exist_ok=True)
    lay_out(python, directory, wheels)


def write(tree: Path, target: Path) -> None:
    """Write a tree as a zip whose bytes depend on nothing else."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EPOCH)
            # FunctionGraph runs as another user than the one who unpacks: whatever the umask of
            # the checkout was, everybody may read.
            entry.create_system, entry.external_attr = 3, (0o100644 << 16)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    if target.stat().st_size > MAX_ZIP_BYTES:
        raise NotBuilt(f"{target.name} has {target.stat().st_size} bytes, over {MAX_ZIP_BYTES}")


def build(python: Interpreter, target: Path, wheels: Path = WHEELS) -> None:
    """Build the zip of FunctionGraph for an interpreter, or raise NotBuilt."""
    with tempfile.TemporaryDirectory() as workplace:
        tree, built_for = Path(workplace, "tree"), Path(workplace, "python-version")
        tree.mkdir()
        built_for.write_text(f"{python.version}\n", encoding="ascii")
        index = ROOT / "deploy" / "functiongraph" / "index.py"
        lay_out(python, tree, wheels, index, built_for)
        write(tree, target)


def _build_zip(python: Interpreter) -> str:
    """Build the zip; return what to print about it."""
    if python.version not in RUNTIMES:
        sys.stderr.write(
            f"Built for Python {python.version}, which FunctionGraph does not run: "
            f"install Python {' or '.join(RUNTIMES)} to build for it.\n"
        )
    target = DIST / f"kafka-remediator-python{python.version}.zip"
    build(python, target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return f"{target.relative_to(ROOT)}\n{target.stat().st_size} bytes\n{digest}\n"


def main() -> None:
    """Build the zip, or fill a directory for `sam build`."""
    parser = argparse.ArgumentParser(description="Builds what FunctionGraph and Lambda run.")
    parser.add_argument("--python", metavar="3.12", help="what will run it; it must be on PATH")
    parser.add_argument(
        "--lambda",
        dest="directory",
        type=Path,
        metavar="DIRECTORY",
        help="fill this empty directory for AWS Lambda, instead of building FunctionGraph's zip",
    )
    arguments = parser.parse_args()
    python = choose(arguments.python or None)
    try:
        if arguments.directory is None:
            sys.stdout.write(_build_zip(python))
        else:
            build_lambda(python, arguments.directory)
    except NotBuilt as problem:
        sys.exit(f"Not built:\n{problem}")


if __name__ == "__main__":
    main()

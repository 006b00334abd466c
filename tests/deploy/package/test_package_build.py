"""FunctionGraph's zip: the same bytes each time, complete, for one Python, and small enough."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from deploy import interpreters, package
from deploy.interpreters import Interpreter

from .conftest import Build
from .contents import HTTP_ONLY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def test_nothing_is_packed_that_only_http_or_the_command_line_needs(tree: Path) -> None:
    packed = {path.name for path in tree.iterdir()}

    assert not HTTP_ONLY & packed
    assert all((ROOT / path).exists() for path in package.NOT_FOR_EVENTS)
    assert not any((tree / path).exists() for path in package.NOT_FOR_EVENTS)
    assert not (tree / "tests").exists()


def test_all_that_the_function_reads_is_packed(tree: Path) -> None:
    for folder in ("function", "schemas"):
        kept = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()}
        ours = {p for p in kept if "__pycache__" not in p.parts and p.suffix != ".pyc"}
        hidden = {p for p in ours if any(part.startswith(".") for part in p.parts)}
        paths = {p: {p.as_posix(), *(parent.as_posix() for parent in p.parents)} for p in ours}
        left_out = {p for p in ours if package.NOT_FOR_EVENTS & paths[p]}

        for path in ours - hidden - left_out:
            assert (tree / path).read_bytes() == (ROOT / path).read_bytes()
    assert (tree / "function" / "intake" / "smn_signing_certificate.pem").is_file()


def test_the_same_sources_make_the_same_bytes(build: Build, archive: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again.zip")

    assert again.read_bytes() == archive.read_bytes()


def test_zip_is_below_the_upload_limit(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        unpacked = sum(entry.file_size for entry in opened.infolist())

    assert archive.stat().st_size < package.MAX_ZIP_BYTES
    assert unpacked <= package.MAX_TREE_BYTES


def test_byte_code_of_another_kind_is_noticed(python: Interpreter, tree: Path) -> None:
    assert list(package.problems(python, tree)) == []
    compiled = next((tree / "function" / "__pycache__").glob("handler.*"))

    checked = compiled.read_bytes()[:4] + bytes(4) + compiled.read_bytes()[8:]
    compiled.write_bytes(checked)
    assert [line for line in package.problems(python, tree) if "unchecked" in line]

    compiled.unlink()
    assert [line for line in package.problems(python, tree) if "no byte-code" in line]


def test_byte_code_of_a_dependency_for_another_python_is_noticed(
    python: Interpreter, tree: Path
) -> None:
    compiled = tree / "requests" / "__init__.pyc"
    compiled.write_bytes(bytes(4) + compiled.read_bytes()[4:])

    assert [line for line in package.problems(python, tree) if "requests/__init__.pyc" in line]


def test_a_tree_that_has_grown_too_large_is_not_built(python: Interpreter, tree: Path) -> None:
    (tree / "large").write_bytes(bytes(package.MAX_TREE_BYTES))

    assert [line for line in package.problems(python, tree) if "more than" in line]


def test_dependencies_are_byte_code_alone_and_our_sources_are_there_to_be_read(tree: Path) -> None:
    sources = {path.relative_to(tree).parts[0] for path in tree.rglob("*.py")}

    assert sources == {"function", "index.py"}


def test_a_library_for_another_python_is_noticed(python: Interpreter, tree: Path) -> None:
    library = next(path for path in tree.rglob("*.so") if python.tag in path.name)
    library.rename(library.with_name(library.name.replace(python.tag, "cpython-36")))

    assert [line for line in package.problems(python, tree) if "is not for Python" in line]


def test_the_part_of_the_lock_keeps_versions_and_hashes() -> None:
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")

    part = package.locked(lock)

    names = set(re.findall(r"^([a-z][a-z0-9-]*)==", part, re.MULTILINE))
    assert names == package.DEPENDENCIES
    assert all(line in lock.splitlines() for line in part.splitlines())
    assert part.count("==") * 2 <= part.count("--hash=sha256:")


def test_a_python_that_is_not_here_is_named() -> None:
    with pytest.raises(SystemExit, match=r"no `python2\.5` on PATH"):
        interpreters.choose("2.5")


@pytest.mark.parametrize("command", ["no-such-python", shutil.which("false") or "false"])
def test_a_command_that_is_no_python_is_no_interpreter(command: str) -> None:
    assert interpreters.ask(command) is None

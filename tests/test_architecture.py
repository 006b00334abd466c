"""What the import contract in pyproject.toml cannot say of the source files.

The layers themselves, and which folders stay free of I/O, are checked by `lint-imports`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION = ROOT / "function"
SUPPRESSION = re.compile(r"(?:noqa(?::\s*[A-Z]+\d+)?|type:\s*ignore(?:\[[\w-]+\])?)")
SUPPRESSION_WITH_CODE = re.compile(r"noqa:\s*[A-Z]+\d+|type:\s*ignore\[[\w-]+\]")


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def absolute_imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


def suppressions(text: str) -> Iterator[str]:
    """Return the comments that suppress a check; most files have none, and splitting is slow."""
    if not SUPPRESSION.search(text):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and SUPPRESSION.search(token.string):
            yield token.string


def is_explained(comment: str) -> bool:
    reason = re.sub(r"noqa:[^-–]*|type:\s*ignore\[[\w-]+\]", "", comment)
    return bool(SUPPRESSION_WITH_CODE.search(comment) and re.search(r"[a-z]{3,}", reason))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_inside_the_function_are_relative() -> None:
    """functions-framework loads main.py as the package `main`, where `function` does not exist."""
    modules = {path.stem for path in FUNCTION.iterdir()}
    absolute = {
        name(path): module
        for path in sources(FUNCTION)
        for module in absolute_imports(path.read_text(encoding="utf-8"))
        if module.partition(".")[0] in {"function", "tests", *modules}
    }

    assert absolute == {}


def test_value_classes_are_not_defined_from_annotations_that_are_texts() -> None:
    """It doubles what a NamedTuple costs each cold start, see function/model/event.py."""
    texts = "from __future__ import annotations"
    costly = [
        name(path)
        for path in sources(FUNCTION)
        if "(NamedTuple):" in (source := path.read_text("utf-8")) and texts in source.splitlines()
    ]

    assert costly == []


def test_patterns_that_the_first_event_does_not_use_are_compiled_later() -> None:
    """Compiling one takes 0.1 to 0.3 ms; `re` compiles a text when it is used, and keeps it.

    The modules of a check and of the command line are only loaded for them.
    """
    compiled = {
        target.id
        for path in sources(FUNCTION)
        if not name(path).startswith(("function/cli/", "function/policy/check"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and "re.compile(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert compiled == {"INSTANCE_ID_PATTERN", "_PLAIN", "_RFC3339"}


def test_only_one_file_can_change_anything_in_the_cloud() -> None:
    openers = [name(path) for path in sources(FUNCTION) if "once=True" in path.read_text("utf-8")]

    assert openers == ["function/dms/action.py"]


def test_the_fake_cloud_borrows_nothing_from_what_it_tests() -> None:
    borrowed = [
        name(path)
        for path in sources(ROOT / "tests" / "fake_dms")
        if any(
            module.startswith("function") for module in absolute_imports(path.read_text("utf-8"))
        )
    ]

    assert borrowed == []


@pytest.mark.parametrize("folder", ["function", "tests", "demo", "benchmarks", "deploy"])
def test_every_suppressed_check_has_its_code_and_its_reason(folder: str) -> None:
    unexplained = [
        f"{name(path)}: {comment}"
        for path in sources(ROOT / folder)
        for comment in suppressions(path.read_text(encoding="utf-8"))
        if not is_explained(comment)
    ]

    assert unexplained == []

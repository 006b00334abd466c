"""What README.md prints, and a copy of the project with the event source that it shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    """Return the text of a section of the README."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


def with_the_printed_source(tree: Path) -> Path:
    """Copy the function, its schemas and the tests of both; add the two files as printed."""
    for folder in ("function", "schemas"):
        shutil.copytree(ROOT / folder, tree / folder)
    # tests/conftest.py needs it, whatever is tested
    for folder in ("fake_dms", "unit"):
        shutil.copytree(ROOT / "tests" / folder, tree / "tests" / folder)
    for path in [ROOT / "pyproject.toml", *(ROOT / "tests").glob("*.py")]:
        shutil.copy(path, tree / path.relative_to(ROOT))
    (source,) = blocks("python")
    (schema,) = (block for block in blocks("json") if "$schema" in block)
    (tree / "function" / "sources" / "backup.py").write_text(source, encoding="utf-8")
    (tree / "schemas" / "events" / "backup.json").write_text(schema, encoding="utf-8")
    return tree

"""What the documents print, and a copy of the project with the event source that they show."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "deploy" / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
README = PAGES["README.md"]
SENDERS = PAGES["docs/senders.md"]
OPERATIONS = PAGES["docs/operations.md"]
ARCHITECTURE = PAGES["docs/architecture.md"]


def blocks(language: str, page: str) -> list[str]:
    """Return the code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def section(title: str, page: str) -> str:
    """Return the text of a section of a page."""
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert match is not None
    return match.group(1)


def with_the_printed_source(tree: Path) -> Path:
    """Copy the function, its schemas and the tests of both; add the two files as printed."""
    for folder in ("function", "schemas", "docs", "tests/fake_dms", "tests/unit"):
        shutil.copytree(ROOT / folder, tree / folder)
    for path in (ROOT / "pyproject.toml", ROOT / "README.md", *(ROOT / "tests").glob("*.py")):
        shutil.copy(path, tree / path.relative_to(ROOT))
    (tree / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "README.md", tree / "deploy")
    (source,) = blocks("python", ARCHITECTURE)
    (schema,) = (block for block in blocks("json", ARCHITECTURE) if "$schema" in block)
    (tree / "function" / "sources" / "backup.py").write_text(source, encoding="utf-8")
    (tree / "schemas" / "events" / "backup.json").write_text(schema, encoding="utf-8")
    return tree

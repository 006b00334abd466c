"""Reads the Terraform files: resources, variables and locals, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

from .documented import Arguments

FOLDER = Path(__file__).parents[3] / "deploy" / "functiongraph"
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tf")))


def unquoted(value: Any) -> Any:
    """Return what hcl2 reads without its notes and quotes; expressions stay text."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if not key.startswith("__")}
        return {unquoted(key): unquoted(one) for key, one in kept.items()}
    if isinstance(value, list):
        return [unquoted(one) for one in value]
    quoted = isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def blocks(kind: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted(FOLDER.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            found += unquoted(hcl2.load(file)).get(kind, [])
    return found


def resources() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (kind, name): body
        for block in blocks("resource")
        for kind, named in block.items()
        for name, body in named.items()
    }


def undocumented(body: dict[str, Any], arguments: Arguments, path: str) -> Iterator[str]:
    """Say what in a block the documentation does not know, and what it misses."""
    known = {name.rstrip("!"): inner for name, inner in arguments.items()}
    yield from (f"{path}.{name} is unknown" for name in set(body) - set(known))
    required = {name[:-1] for name in arguments if name.endswith("!")}
    yield from (f"{path}.{name} is missing" for name in required - set(body))
    for name in set(body) & set(known):
        for one in body[name] if known[name] else []:
            yield from undocumented(one, known[name] or {}, f"{path}.{name}")


RESOURCE = resources()
VARIABLE = {name: body for block in blocks("variable") for name, body in block.items()}
LOCAL = {name: value for block in blocks("locals") for name, value in block.items()}
FUNCTION = RESOURCE["huaweicloud_fgs_function", "remediator"]

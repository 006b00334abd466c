"""Reads the Terraform files: resources, variables and locals, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

from .documented import META, Arguments, Version, version

FOLDER = Path(__file__).parents[3] / "deploy" / "functiongraph"
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tf")))


def unquoted(value: Any) -> Any:
    """Return what hcl2 reads without its notes and quotes; expressions stay text."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not key.startswith("__")}
        return {unquoted(key): unquoted(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    quoted = isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


@cache
def parsed() -> list[dict[str, Any]]:
    """Return the contents of every file; reading them takes half a second."""
    paths = sorted(FOLDER.glob("*.tf"))
    return [unquoted(hcl2.loads(path.read_text(encoding="utf-8"))) for path in paths]


def blocks(kind: str) -> list[dict[str, Any]]:
    return [body for content in parsed() for body in content.get(kind, [])]


def resources() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (kind, name): body
        for block in blocks("resource")
        for kind, named in block.items()
        for name, body in named.items()
    }


def blocks_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Return the blocks behind an argument, also those that Terraform writes as dynamic ones."""
    if name == "dynamic":
        yield from ((kind, body["content"][0]) for block in value for kind, body in block.items())
    elif isinstance(value, list):
        yield from ((name, block) for block in value if isinstance(block, dict))


def undocumented(
    body: dict[str, Any], arguments: Arguments, path: str, newest: Version
) -> Iterator[str]:
    """Say what in a block the documentation of a release does not know, and what it misses."""
    known = {name for name, argument in arguments.items() if argument.since <= newest} | META
    dynamic = {kind for block in body.get("dynamic", []) for kind in block}
    used = (set(body) | dynamic) - {"dynamic"}
    yield from (f"{path}.{name} is unknown" for name in used - known)
    required = {name for name, argument in arguments.items() if argument.required}
    yield from (f"{path}.{name} is missing" for name in required - used)
    for name, value in body.items():
        for kind, block in blocks_of(name, value):
            inner = arguments[kind].block if kind in arguments else None
            if inner is not None:
                yield from undocumented(block, inner, f"{path}.{kind}", newest)


def oldest_documenting(body: dict[str, Any], arguments: Arguments) -> Version:
    """Return the first release that documents every argument of a block."""
    versions = [arguments[name].since for name in body if name in arguments]
    for name, value in body.items():
        for kind, block in blocks_of(name, value):
            if kind in arguments:
                versions.append(arguments[kind].since)
                versions.append(oldest_documenting(block, arguments[kind].block or {}))
    return max(versions, default=(0,))


RESOURCE = resources()
VARIABLE = {name: body for block in blocks("variable") for name, body in block.items()}
LOCAL = {name: value for block in blocks("locals") for name, value in block.items()}
FUNCTION = RESOURCE["huaweicloud_fgs_function", "remediator"]
(REQUIREMENT,) = (
    provider["huaweicloud"]["version"]
    for block in blocks("terraform")
    for provider in block["required_providers"]
)
MINIMUM = version(REQUIREMENT.partition(">= ")[2].partition(",")[0])

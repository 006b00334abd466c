"""Files of settings: `NAME=value` lines, as containers and shells read them."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTES = ('"', "'")


class Unreadable(ValueError):
    """The file is missing, or a line of it is no setting; the text does not quote the line."""


def read(path: Path) -> dict[str, str]:
    """Return the settings in a file; empty lines and those that start with # are left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Unreadable(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError):
        raise Unreadable(f"{path} cannot be read as UTF-8 text") from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "the text") -> dict[str, str]:
    """Return the settings in a text; quotes around a whole value are not part of it.

    >>> parse('# cloud\\nexport HUAWEICLOUD_REGION="eu-west-101"\\nALLOWED_INSTANCES=')
    {'HUAWEICLOUD_REGION': 'eu-west-101', 'ALLOWED_INSTANCES': ''}
    """
    settings = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None or "\0" in stripped:  # which no variable of a process can hold
            raise Unreadable(f"{name}, line {number}: write NAME=value")
        settings[match[1]] = _unquoted(match[2])
    return settings


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES
    return value[1:-1] if quoted else value

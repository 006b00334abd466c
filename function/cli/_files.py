"""What commands read: payloads as they were sent, and settings as `NAME=value` lines."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# As containers and shells read them.
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTES = ('"', "'")


class UsageError(ValueError):
    """An option, a file or a line of it is wrong; the text does not quote the line."""


def content(file: str) -> bytes:
    """Return the content of a file; - is stdin."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def settings(file: str) -> dict[str, str]:
    """Return the settings in a file."""
    try:
        # Editors of Windows put a byte order mark in front.
        return parse(content(file).decode("utf-8-sig"), file)
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None


def parse(text: str, name: str) -> dict[str, str]:
    """Return the settings in a text; empty lines and those that start with # are left out.

    Quotes around a whole value are not part of it.

    >>> parse('# cloud\\nexport HUAWEICLOUD_REGION="eu-west-101"\\nALLOWED_INSTANCES=', "env")
    {'HUAWEICLOUD_REGION': 'eu-west-101', 'ALLOWED_INSTANCES': ''}
    """
    values = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None or "\0" in stripped:  # which no variable of a process can hold
            raise UsageError(f"{name}, line {number}: write NAME=value")
        values[match[1]] = _unquoted(match[2])
    return values


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES
    return value[1:-1] if quoted else value

"""Make foreign text safe to print."""

from __future__ import annotations


def one_line(text: str, limit: int) -> str:
    """Return a foreign text as one printable line of at most so many characters.

    >>> one_line("first\\nsecond\\x1b[0m ", 300)
    'first second [0m'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:limit]

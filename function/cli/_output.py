"""Print: lines and JSON, colours on a terminal, and a progress bar for long work."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
# Wide enough for a rule and its reason, and for the terminals of most people.
WIDTH = 100
BAR = 30
# Fewer lines than this are replayed before a bar could be read.
LONG = 500
_GREEN, _YELLOW, _RED, _GREY = "32", "33", "31", "90"
COLOURS = {
    **dict.fromkeys(("accepted", "passed", "pass", "dry_run"), _GREEN),
    **dict.fromkeys(("skipped", "partial", "unproven", "yes"), _YELLOW),
    **dict.fromkeys(("rejected", "failed", "fail", "unknown"), _RED),
    **dict.fromkeys(("no", "info"), _GREY),
}


def paint(text: str, word: str) -> str:
    """Return a text in the colour of a word, on a terminal and unless NO_COLOR is set."""
    terminal = sys.stdout is not None and sys.stdout.isatty()  # None: closed from the start
    if word not in COLOURS or not terminal or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS[word]}m{text}\033[0m"


def say(text: str = "") -> None:
    """Print one line."""
    print(text)  # noqa: T201 - a command prints


def say_json(document: Any) -> None:
    """Print a document as JSON for machines and people."""
    # Not in ASCII: people read it, too, and alarms have names in any script.
    say(json.dumps(document, indent=2, ensure_ascii=False))


def warn_of_misspelled_settings(variables: Iterable[str]) -> None:
    """Print a warning for each variable that is nearly a setting: it has no effect."""
    from ..entrypoints import startup  # noqa: PLC0415 - --help does not wait for it

    for warning in startup.misspelled_settings(variables):
        print(warning, file=sys.stderr)  # noqa: T201 - a command prints


def bullet(text: str) -> str:
    """Return a sentence as an item of a list, folded."""
    return fill(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")


def progress(items: Sequence[T], what: str, *, stream: TextIO | None = None) -> Iterable[T]:
    """Yield the items, with a bar on a terminal where there are many."""
    # Not on stdout, which may be a pipe into another program.
    stream = stream or sys.stderr
    total = len(items)
    if total < LONG or not stream.isatty():
        yield from items
        return
    for number, item in enumerate(items):
        # Drawn a hundred times, however many items there are.
        if number % (total // 100) == 0:
            _draw(number / total, f"{number} of {total} {what}", stream)
        yield item
    _draw(1.0, f"{total} of {total} {what}", stream)
    stream.write("\n")


def _draw(share: float, text: str, stream: TextIO) -> None:
    done = round(share * BAR)
    stream.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {text}")
    stream.flush()

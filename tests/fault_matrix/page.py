"""The table of cases as a page for people."""

from __future__ import annotations

from .case import Action, Case, Expected
from .cases import PARTS

HEAD = """# What becomes of every fault

Written by `python -m tests.fault_matrix` from the cases that `tests/fault_matrix/test_cases.py`
plays, each over real sockets against the stand-in of the cloud API; a test checks that this page
is what they say.

*POSTs* is how many action calls arrived; where the result has to count one more as perhaps arrived
(`api.attempts`), that stands in brackets. 503 is sent with `Retry-After` and only for what was
certainly not done; 202 means that it may have been done, and stops a redelivery. The stand-in
answers a purge with 204, which has no body to break, and a restart or a deletion with rows. What
was done although no clear answer came is settled by reading, but for a purge, which nothing shows.
"""
NAMES: dict[Action, str] = {"restart": "restart", "purge_failed": "purge", "delete": "delete"}


def _told(told: Expected) -> str:
    reason = f" `{told.reason}`" if told.reason else ""
    return f"{told.outcome}{reason}, {told.http}"


def _posts(told: Expected) -> str:
    return f"{told.posts}" + (f" ({told.said})" if told.said != told.posts else "")


def _row(case: Case) -> str:
    by_action = {NAMES[action]: case.expected(action) for action in case.actions}
    words = {name: _told(told) for name, told in by_action.items()}
    if len(set(words.values())) == 1 and len(words) > 1:
        said = next(iter(words.values()))
    else:
        said = "; ".join(f"{name}: {text}" for name, text in words.items())
    posts = " / ".join(dict.fromkeys(_posts(told) for told in by_action.values()))
    return f"| {case.name} | {said} | {posts} |"


def text() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, cases in PARTS.items():
        rows = [*map(_row, cases)]
        lines = [f"## {title}", "", "| fault | outcome, HTTP status | POSTs |", "|---|---|---|"]
        parts.append("\n".join([*lines, *rows]) + "\n")
    return "\n".join(parts)

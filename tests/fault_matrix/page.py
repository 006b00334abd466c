"""The table of cases as a page for people."""

from __future__ import annotations

from .case import Action, Case, Expected
from .cases import PARTS

HEAD = """# The outcome of every fault

Written by `python -m tests.fault_matrix` from the cases that `tests/fault_matrix/test_cases.py`
runs, each over real sockets against a fake of the cloud API; a test checks that this page matches
them.

*POSTs* is the number of action calls that arrived; the number that the result reports
(`api.attempts`) follows in brackets where it is higher, because a call may have arrived. 503 is
sent with `Retry-After` and only for calls that were certainly not executed; 202 means that a call
may have been executed, and stops a redelivery. The fake API answers a purge with 204, which has no
body to break, and a restart or a deletion with rows. Where no clear response came, reads resolve
the outcome, except for a purge, which no read shows.
"""
NAMES: dict[Action, str] = {"restart": "restart", "purge_failed": "purge", "delete": "delete"}


def _outcome(expected: Expected) -> str:
    reason = f" `{expected.reason}`" if expected.reason else ""
    return f"{expected.outcome}{reason}, {expected.http}"


def _posts(expected: Expected) -> str:
    return f"{expected.posts}" + (
        f" ({expected.reported})" if expected.reported != expected.posts else ""
    )


def _row(case: Case) -> str:
    by_action = {NAMES[action]: case.expected_for(action) for action in case.actions}
    words = {name: _outcome(expected) for name, expected in by_action.items()}
    if len(set(words.values())) == 1 and len(words) > 1:
        outcome = next(iter(words.values()))
    else:
        outcome = "; ".join(f"{name}: {text}" for name, text in words.items())
    posts = " / ".join(dict.fromkeys(_posts(expected) for expected in by_action.values()))
    return f"| {case.name} | {outcome} | {posts} |"


def text() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, cases in PARTS.items():
        rows = [*map(_row, cases)]
        lines = [f"## {title}", "", "| fault | outcome, HTTP status | POSTs |", "|---|---|---|"]
        parts.append("\n".join([*lines, *rows]) + "\n")
    return "\n".join(parts)

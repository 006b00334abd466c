"""Find variables of functions-framework and its libraries that would break a guarantee."""

from __future__ import annotations

from collections.abc import Mapping

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
# What they do is in functions_framework/_cli.py, __init__.py and _http/gunicorn.py.
_SWITCHES = {
    "DEBUG": "opens a debugger that runs code for every caller; unset it",
    "FUNCTION_USE_ASGI": "asks for another kind of application than this one; unset it",
    "LOG_EXECUTION_ID": "rewrites the lines of the log; unset it",
    "THREADED_TIMEOUT_ENABLED": "ends an event in the middle of its call; unset it",
}
_WORKERS = "several processes need the ledger that they share; set LEDGER_URL, or WORKERS=1"


def _is_on(value: str) -> bool:
    return value.strip().lower() in _TRUE


def problems(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return one line for each variable that would break a guarantee, without its value.

    >>> problems({"DEBUG": "false", "WORKERS": "1"})
    ()
    >>> problems({"WORKERS": "2"})
    ('WORKERS: several processes need the ledger that they share; set LEDGER_URL, or WORKERS=1',)
    """
    lines = [
        f"{name}: {problem}"
        for name, problem in _SWITCHES.items()
        if _is_on(environment.get(name, ""))
    ]
    if environment.get("ENTRY_POINT"):
        lines.append("ENTRY_POINT: replaces the streams of the log; unset it")
    # gunicorn starts so many copies, each of which would keep a ledger for itself.
    one_process = environment.get("WORKERS", "").strip() in {"", "1"}
    if not one_process and not environment.get("LEDGER_URL", "").strip():
        lines.append(f"WORKERS: {_WORKERS}")
    return tuple(lines)

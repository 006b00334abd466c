"""Variables of functions-framework that break a guarantee get one line each."""

from __future__ import annotations

import pytest

from function.entrypoints.process_variables import problems


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "true"),
        ("DEBUG", " 1 "),
        ("FUNCTION_USE_ASGI", "yes"),
        ("LOG_EXECUTION_ID", "on"),
        ("THREADED_TIMEOUT_ENABLED", "True"),
        ("ENTRY_POINT", "remediate"),
        ("WORKERS", "2"),
        ("WORKERS", "many"),
    ],
)
def test_a_variable_that_would_break_a_promise_is_named(name: str, value: str) -> None:
    (problem,) = problems({name: value})

    assert problem.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"DEBUG": "", "LOG_EXECUTION_ID": "false", "WORKERS": " 1 "},
        {"WORKERS": "4", "LEDGER_URL": "redis://ledger"},
        {"THREADS": "8", "PORT": "9000"},
    ],
)
def test_other_variables_hold_up_no_start(environment: dict[str, str]) -> None:
    assert problems(environment) == ()


def test_a_ledger_url_of_blanks_is_none_for_several_processes() -> None:
    (problem,) = problems({"WORKERS": "2", "LEDGER_URL": " "})

    assert problem.startswith("WORKERS: ")

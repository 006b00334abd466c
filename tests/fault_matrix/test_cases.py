"""Every case of the fault matrix, over real sockets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from function.lib import schemas

from . import cases, page
from .case import Action, Case
from .runner import ACCOUNT, PAYLOAD, SECRET, run_case

SCHEMAS = schemas.load()
CANARIES = (
    *(ACCOUNT.access_key, ACCOUNT.secret_key, ACCOUNT.security_token, ACCOUNT.auth_token),
    *(SECRET, PAYLOAD, "canary"),
)


def _id(value: object) -> str:
    return value.name if isinstance(value, Case) else str(value)


@pytest.mark.parametrize(("case", "action"), cases.each(), ids=_id)
def test_outcome_of_a_fault_is_reported(
    case: Case, action: Action, capfd: pytest.CaptureFixture[str]
) -> None:
    case_result = run_case(case, action)
    expected, data = case.expected_for(action), case_result.result["data"]

    assert (data["outcome"], data["reason"]) == (expected.outcome, expected.reason)
    assert (case_result.answer.status, case_result.posts) == (expected.http, expected.posts)
    assert data["api"]["attempts"] == expected.reported
    assert case.says in data["message"]
    if data["retryable"]:
        assert data["needs_human"] == case.pages
    assert data["retryable"] == (expected.http == 503)
    assert (case_result.elsewhere, case_result.received) == (0, b"")
    SCHEMAS.check("result", case_result.result)
    written = capfd.readouterr()
    results, lines = written.out.splitlines(), written.err.splitlines()
    assert [json.loads(line)["id"] for line in results] == [case_result.result["id"]]
    assert sum("About to send" in line for line in lines) >= expected.reported
    for text in (
        written.out,
        written.err,
        case_result.answer.body,
        str(case_result.answer.headers),
    ):
        assert not [canary for canary in CANARIES if canary and canary in text]


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for part in cases.PARTS.values() for case in part]

    assert len(names) == len(set(names))


def test_no_case_expects_a_second_post_unless_the_first_was_certainly_not_done() -> None:
    for case, action in cases.each():
        assert case.expected_for(action).posts <= 1 or "429" in case.name or "10240407" in case.name


def test_the_page_is_what_the_table_says() -> None:
    written = Path(page.__file__).with_name("README.md").read_text(encoding="utf-8")

    assert written == page.text(), "write it anew with: python -m tests.fault_matrix"

"""Report: the response of the cloud in a result, with safe texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.cloud_state import ApiResponse
from function.reporting import report
from tests.unit.reporting.results import SKIPPED, result


def api(reply: ApiResponse | None, attempts: int = 0) -> Any:
    return result(summary=SKIPPED._replace(response=reply, attempts=attempts)).data["api"]


def refused(status: int, **document: Any) -> ApiResponse:
    return ApiResponse(possibly_sent=True, status=status, document=document, request_id="r1")


def test_the_answer_of_the_cloud_is_in_the_result() -> None:
    reply = refused(400, error_code="DMS.00400026", error_msg="Not in this state.")

    assert api(reply, attempts=2) == {
        "status": 400,
        "request_id": "r1",
        "error_code": "DMS.00400026",
        "error_msg": "Not in this state.",
        "attempts": 2,
    }


@pytest.mark.parametrize(
    ("vendor_text", "shown"),
    [
        ("two\nlines\t and\r\n\x00more\u2028", "two lines and more"),
        ("x" * 400, "x" * 300),
        ("", ""),
        (None, None),
        (7, None),
    ],
)
def test_vendor_error_text_is_one_short_line(vendor_text: Any, shown: str | None) -> None:
    assert api(refused(400, error_msg=vendor_text))["error_msg"] == shown


@pytest.mark.parametrize("status", [401, 403])
def test_vendor_text_about_credentials_is_replaced(status: int) -> None:
    summary = api(refused(status, error_code="APIGW.0301", error_msg="x-auth-token:secret"))

    assert summary["error_msg"] == report.SAFE_ERROR_TEXTS[status]
    assert summary["error_code"] == "APIGW.0301"


@pytest.mark.parametrize("document", [None, [], "text"])
def test_response_that_is_no_object_has_no_error_text(document: Any) -> None:
    summary = api(ApiResponse(possibly_sent=True, status=500, document=document))

    assert (summary["error_code"], summary["error_msg"], summary["status"]) == (None, None, 500)


@given(st.text(), st.text(), st.sampled_from([200, 400, 401, 500]))
def test_any_cloud_response_yields_a_valid_result(code: str, words: str, status: int) -> None:
    api(refused(status, error_code=code, error_msg=words))

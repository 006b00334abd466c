"""Parse what the API answers into the types of the model; StateUnreadable where that fails."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from ..lib import strict_json, timestamps
from ..lib.send_gate import NoResponse, Stage
from ..lib.text import one_line
from ..lib.transport import MAX_RESPONSE_BYTES, RawResponse
from ..model.cloud_state import ApiResponse, InstanceState, Task
from ..model.errors import StateUnreadable

OK = 200
# The vendor's texts may quote a secret cut off, so its first characters count as a quotation.
SECRET_PREFIX_LENGTH = 16
REDACTED = "The text of the cloud quotes the credentials, so it is left out."
REFUSED = frozenset({401, 403})
_TIMED_OUT = {
    Stage.DNS: "timeout: DNS did not resolve {host} in time",
    Stage.CONNECT: "timeout: no connect to {host} in time (DNS included)",
    Stage.TLS: "timeout: the TLS handshake with {host} did not end in time",
    Stage.PROXY: "timeout: the proxy {proxy} made no connection to {host} in time",
    Stage.ANSWER: "timeout: {host} did not answer in time",
}
_FAILED = {
    Stage.DNS: "DNS could not resolve {host}",
    Stage.CONNECT: "connect to {host} failed: refused or unreachable",
    Stage.TLS: "the TLS handshake with {host} failed",
    Stage.PROXY: "the proxy {proxy} could not be reached, or made no connection to {host}",
    Stage.ANSWER: "the connection to {host} ended without a whole answer",
}
_LASTING = {
    Stage.DNS: "DNS knows no host {host}",
    Stage.TLS: "TLS: the certificate of {host} is not trusted, not for this name, or out of date",
}
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _document(body: bytes | None) -> Any:
    try:
        return strict_json.loads(body or b"", limit=MAX_RESPONSE_BYTES)
    except strict_json.InvalidJSON:
        return None


@lru_cache(maxsize=4)  # the answers of an event have the same second, or the next
def _date(text: str) -> datetime:
    return parsedate_to_datetime(text)


def clock_skew(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the seconds our clock is ahead of the cloud's, by the Date of its answer."""
    try:
        return round((now - _date(headers.get("date", ""))).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def failure_text(failure: NoResponse, host: str, proxy: str | None) -> str:
    """Say which host and which stage stood in the way of an answer, in our own words."""
    if failure.timed_out:
        text = _TIMED_OUT[failure.stage]
    else:
        text = (_LASTING if failure.lasting else {}).get(failure.stage, _FAILED[failure.stage])
    return text.format(host=host, proxy=proxy)


def _redact_secrets(response: ApiResponse, secrets: Sequence[str]) -> ApiResponse:
    """Remove texts that quote the beginning of a secret, as the vendor's signing errors do."""

    def quotes(text: object) -> bool:
        lowered = str(text).lower()
        return any(secret[:SECRET_PREFIX_LENGTH].lower() in lowered for secret in secrets)

    if quotes(response.request_id):
        response = response._replace(request_id=None)
    if isinstance(response.document, dict) and quotes(response.document.get("error_msg")):
        response = response._replace(document={**response.document, "error_msg": REDACTED})
    return response


def parse_response(answer: RawResponse, now: datetime, secrets: Sequence[str]) -> ApiResponse:
    """Return an HTTP answer as an ApiResponse; texts of the vendor that we repeat are bounded."""
    document = _document(answer.body)
    request_id = answer.headers.get("x-request-id")
    if request_id is None and isinstance(document, dict):
        request_id = document.get("request_id")
    response = ApiResponse(
        possibly_sent=True,
        status=answer.status,
        document=document,
        empty=answer.body == b"",
        request_id=request_id if _PLAIN.fullmatch(_text(request_id)) else None,
        retry_after=answer.headers.get("retry-after"),
        clock_skew_seconds=clock_skew(answer.headers, now),
    )
    return _redact_secrets(response, secrets)


def _text(value: Any, limit: int = 128) -> str:
    return value[:limit] if isinstance(value, str) else ""


def parse_tags(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """Return the tags of an instance, or None where the row does not list them."""
    listed = row.get("tags")
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(tag, dict) for tag in listed):
        raise StateUnreadable("an instance in the answer has odd tags")
    return tuple((str(tag.get("key"))[:128], str(tag.get("value"))[:128]) for tag in listed)


def parse_instance(row: Any) -> InstanceState:
    """Return one row of a list, or one detail, as an instance; its status may be any word."""
    if not isinstance(row, dict) or not _PLAIN.fullmatch(_text(row.get("instance_id"))):
        raise StateUnreadable("an instance in the answer has no id")
    if not isinstance(row.get("status"), str):
        raise StateUnreadable("an instance in the answer has no status")
    return InstanceState(
        id=row["instance_id"].lower(),
        status=_text(row["status"], 64).upper(),
        engine=_text(row.get("engine"), 64).lower() or None,
        tags=parse_tags(row),
    )


def _clock_problem(skew: int | None) -> str:
    """Say how far our clock is off; a refusal without a Date does not tell.

    >>> _clock_problem(-960), _clock_problem(None)
    ("the clock of this machine is 960 seconds behind the cloud's", \
'the cloud refuses the clock of this machine')
    """
    if skew is None:
        return "the cloud refuses the clock of this machine"
    side = "ahead of" if skew > 0 else "behind"
    return f"the clock of this machine is {abs(skew)} seconds {side} the cloud's"


def require_ok(response: ApiResponse, permission: str) -> dict[str, Any]:
    """Return the document of a read that went well; StateUnreadable says what did not.

    A good answer is unreadable, too, where our clock is too far from its Date: the history could
    not be compared with it.
    """
    document = response.document if response.status == OK else None
    readable = isinstance(document, dict)
    if isinstance(document, dict) and not response.clocks_differ:
        return document
    if response.throttled:
        problem = "the cloud throttles, so it was not asked again"
    elif response.clock_skew_rejected or readable:
        problem = _clock_problem(response.clock_skew_seconds)
    elif response.status in REFUSED:
        problem = f"the credentials are refused, or lack {permission}"
    elif response.status is None:
        problem = response.problem or "the cloud gave no answer"
    else:
        problem = f"the cloud answered {response.status}" + (
            " without JSON" if response.document is None else ""
        )
    raise StateUnreadable(problem, response=response, transient=response.status is None)


def parse_page(
    response: ApiResponse, rows: str, count: str, permission: str
) -> tuple[list[Any], int]:
    """Return the rows of one page, and the count of all, which may be a text or a number."""
    document = require_ok(response, permission)
    listed, total = document.get(rows), str(document.get(count))
    if not isinstance(listed, list) or not re.fullmatch(r"[0-9]{1,6}", total):
        raise StateUnreadable(f"the answer has no {rows} or no {count}")
    return listed, int(total)


def tasks_by_id(rows: list[Any]) -> dict[str, Any]:
    """Return background tasks by their id, so that pages that overlap count each once."""
    if not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        raise StateUnreadable("a background task in the answer has no id")
    return {row["id"]: row for row in rows}


def parse_task(row: Mapping[str, Any]) -> Task:
    """Return one background task; an unparsable created_at falls back to updated_at."""
    updated_at = timestamps.parse(_text(row.get("updated_at")))
    return Task(
        id=row["id"],
        name=one_line(_text(row.get("name")), 128),
        status=_text(row.get("status"), 64).upper(),
        created_at=timestamps.parse(_text(row.get("created_at"))) or updated_at,
        updated_at=updated_at,
        user_name=one_line(_text(row.get("user_name")), 64) or None,
    )

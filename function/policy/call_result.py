"""What an answer of the action API means: done, certainly not done, or unknown (pure)."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus

from ..model.cloud_state import ApiReply
from ..model.decision import ApiCall
from ..model.event import Action, Outcome

THROTTLED_CODES = frozenset({"APIGW.0308", "APIG.0308", "DMS.10240407"})
BUSY_CODES = frozenset({"DMS.00400026", "DMS.00400017", "DMS.00400099"})
EXPIRED_CODES = frozenset({"APIGW.0307", "APIG.0307", "DMS.10240102"})
UNAVAILABLE_CODES = frozenset({"APIGW.0613", "APIG.0613"})


class Fate(Enum):
    """What became of a call: `reason` names it in the result, `retryable` where it was not done."""

    ROWS = (None, None, False)
    DONE = (Outcome.ACCEPTED, None, False)
    UNKNOWN = (Outcome.UNKNOWN, "unclear", False)
    LATE = (Outcome.FAILED, "deadline", True)
    NOT_SENT = (Outcome.FAILED, "not_sent", True)
    THROTTLED = (Outcome.FAILED, "throttled", True)
    BUSY = (Outcome.FAILED, "busy", True)
    UNAVAILABLE = (Outcome.FAILED, "unavailable", True)
    SKEWED = (Outcome.FAILED, "clock_skew", True)
    EXPIRED = (Outcome.FAILED, "credentials", True)
    UNAUTHENTICATED = (Outcome.FAILED, "credentials", False)
    FORBIDDEN = (Outcome.FAILED, "permission", False)
    REFUSED = (Outcome.FAILED, "refused", False)

    def __init__(self, outcome: Outcome | None, reason: str | None, retryable: bool) -> None:
        self.outcome = outcome
        self.reason = reason
        self.retryable = retryable


def _of_success(reply: ApiReply, call: ApiCall) -> Fate:
    """Read a 2xx: only the answers that the vendor documents mean that something was done."""
    purge = call.action is Action.PURGE_FAILED
    if reply.status == HTTPStatus.NO_CONTENT:
        return Fate.DONE if purge else Fate.UNKNOWN
    if reply.status != HTTPStatus.OK or reply.document is None:
        return Fate.UNKNOWN
    if purge:
        return Fate.DONE
    has_rows = isinstance(reply.document, dict) and isinstance(reply.document.get("results"), list)
    return Fate.ROWS if has_rows else Fate.UNKNOWN


def _of_unauthenticated(reply: ApiReply, *, platform_credentials: bool) -> Fate:
    if reply.skewed:
        return Fate.SKEWED
    expired = reply.error_code in EXPIRED_CODES and platform_credentials
    return Fate.EXPIRED if expired else Fate.UNAUTHENTICATED


def _of_refusal(reply: ApiReply, *, platform_credentials: bool) -> Fate:
    """Read a 4xx: the gateway or the service looked at the call and did not do it."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or reply.error_code in THROTTLED_CODES:
        return Fate.THROTTLED
    if reply.error_code in BUSY_CODES:
        return Fate.BUSY
    if reply.status == HTTPStatus.UNAUTHORIZED or reply.error_code in EXPIRED_CODES:
        return _of_unauthenticated(reply, platform_credentials=platform_credentials)
    return Fate.FORBIDDEN if reply.status == HTTPStatus.FORBIDDEN else Fate.REFUSED


def of(reply: ApiReply, call: ApiCall, *, platform_credentials: bool) -> Fate:
    """Return what an answer means; whatever is not clear is unknown."""
    if not reply.arrived:
        return Fate.LATE if reply.late else Fate.NOT_SENT
    status = reply.status or 0
    if 200 <= status < 300:
        return _of_success(reply, call)
    if 400 <= status < 500:
        return _of_refusal(reply, platform_credentials=platform_credentials)
    unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
    return (
        Fate.UNAVAILABLE if unavailable and reply.error_code in UNAVAILABLE_CODES else Fate.UNKNOWN
    )


def _of_rows(reply: ApiReply, instance: str) -> Fate:
    """Return what the rows of a 200 say of one instance: nothing, or two things, is unknown."""
    listed = reply.document.get("results") if isinstance(reply.document, dict) else None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    words = {str(row.get("result")) for row in rows if str(row.get("instance")).lower() == instance}
    if words == {"success"}:
        return Fate.DONE
    return Fate.REFUSED if words == {"failed"} else Fate.UNKNOWN


def of_instance(whole: Fate, reply: ApiReply, instance: str) -> Fate:
    """Return what became of one instance: a purge needs no rows, but a row may say that it failed.

    `whole` is the fate of the call.
    """
    own = _of_rows(reply, instance)
    failed = whole is Fate.DONE and own is Fate.REFUSED
    return own if failed or whole is Fate.ROWS else whole


def retry_after(reply: ApiReply, now: datetime) -> float | None:
    """Return the seconds to wait that Retry-After names, as a number or as a date, or None."""
    text = (reply.retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None

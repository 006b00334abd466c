"""What an answer of the action API means: done, certainly not done, or unknown (pure)."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from ..model.cloud_state import ApiResponse
from ..model.decision import ActionCall, Ending
from ..model.event import Action, Outcome

# The status forbids it, a job is running, the instance or its order is busy. The vendor's Terraform
# provider repeats 00400026, 00400108 and CBC.99003651.
BUSY_CODES = frozenset(
    {"DMS.00400026", "DMS.00400017", "DMS.00400099", "DMS.00400108", "CBC.99003651"}
)
# The token or the temporary keys have expired; the platform renews its own by the next event.
EXPIRED_CODES = frozenset({"APIGW.0307", "APIG.0307", "DMS.10240102"})
# IAM is unavailable, so the gateway rejected the call before the service saw it.
UNAVAILABLE_CODES = frozenset({"APIGW.0613", "APIG.0613"})


class CallResult(Enum):
    """The result of a call, and the ending that it means."""

    PER_INSTANCE = Ending(Outcome.UNKNOWN)  # until the row of each instance says more
    DONE = Ending(Outcome.ACCEPTED)
    UNKNOWN = Ending(Outcome.UNKNOWN, "unclear", needs_human=True)
    DEADLINE = Ending(Outcome.FAILED, "deadline", retryable=True)
    NOT_SENT = Ending(Outcome.FAILED, "not_sent", retryable=True)
    THROTTLED = Ending(Outcome.FAILED, "throttled", retryable=True)
    BUSY = Ending(Outcome.FAILED, "busy", retryable=True)
    UNAVAILABLE = Ending(Outcome.FAILED, "unavailable", retryable=True)
    CLOCK_SKEW = Ending(Outcome.FAILED, "clock_skew", retryable=True)
    EXPIRED = Ending(Outcome.FAILED, "credentials", retryable=True)
    # Keys of an operator do not renew themselves, so a repetition would fail the same way.
    UNAUTHENTICATED = Ending(Outcome.FAILED, "credentials", needs_human=True)
    FORBIDDEN = Ending(Outcome.FAILED, "permission", needs_human=True)
    REFUSED = Ending(Outcome.FAILED, "refused", needs_human=True)

    @property
    def ending(self) -> Ending:
        """The ending of the call, or of one instance of it."""
        ending: Ending = self.value
        return ending


def _of_success(response: ApiResponse, call: ActionCall) -> CallResult:
    """Read a 2xx: only the answers that the vendor documents mean that something was done."""
    purge = call.action is Action.PURGE_FAILED
    # The vendor documents 204 for a purge only; for named instances the rows are the answer.
    if response.status == HTTPStatus.NO_CONTENT:
        return CallResult.DONE if purge else CallResult.UNKNOWN
    if response.status != HTTPStatus.OK:
        return CallResult.UNKNOWN
    if purge:  # documented are 204, 200, and in the old API a 200 without a body
        json_or_empty = response.empty or response.document is not None
        return CallResult.DONE if json_or_empty else CallResult.UNKNOWN
    has_rows = isinstance(response.document, dict) and isinstance(
        response.document.get("results"), list
    )
    return CallResult.PER_INSTANCE if has_rows else CallResult.UNKNOWN


def _of_unauthenticated(response: ApiResponse, *, platform_credentials: bool) -> CallResult:
    if response.clock_skew_rejected:
        return CallResult.CLOCK_SKEW
    expired = response.error_code in EXPIRED_CODES and platform_credentials
    return CallResult.EXPIRED if expired else CallResult.UNAUTHENTICATED


def _of_refusal(response: ApiResponse, *, platform_credentials: bool) -> CallResult:
    """Read a 4xx: the gateway or the service looked at the call and did not do it."""
    # By code first: a throttled call may come as 404, an expired token as another 4xx than 401.
    if response.throttled:
        return CallResult.THROTTLED
    if response.error_code in BUSY_CODES:
        return CallResult.BUSY
    if response.status == HTTPStatus.UNAUTHORIZED or response.error_code in EXPIRED_CODES:
        return _of_unauthenticated(response, platform_credentials=platform_credentials)
    return CallResult.FORBIDDEN if response.status == HTTPStatus.FORBIDDEN else CallResult.REFUSED


def classify(response: ApiResponse, call: ActionCall, *, platform_credentials: bool) -> CallResult:
    """Classify a response; anything unclear is UNKNOWN."""
    if not response.possibly_sent:
        return CallResult.DEADLINE if response.timed_out else CallResult.NOT_SENT
    # From here on the request may have arrived; no status means that no whole answer came back.
    status = response.status or 0
    if 200 <= status < 300:
        return _of_success(response, call)
    if 400 <= status < 500:
        return _of_refusal(response, platform_credentials=platform_credentials)
    # Any other 5xx may come from behind the service, after it has done what was asked.
    unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
    return (
        CallResult.UNAVAILABLE
        if unavailable and response.error_code in UNAVAILABLE_CODES
        else CallResult.UNKNOWN
    )


def _of_rows(response: ApiResponse, instance: str) -> CallResult:
    """Return what the rows of a 200 say of one instance: nothing, or two things, is unknown."""
    listed = response.document.get("results") if isinstance(response.document, dict) else None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    # Order and completeness of the rows are not documented, so they are found by id.
    words = {str(row.get("result")) for row in rows if str(row.get("instance")).lower() == instance}
    if words == {"success"}:
        return CallResult.DONE
    return CallResult.REFUSED if words == {"failed"} else CallResult.UNKNOWN


def classify_instance(call: CallResult, response: ApiResponse, instance: str) -> CallResult:
    """Classify the result for one instance of a call with this result.

    A purge needs no rows, but a row may say that it failed.
    """
    row = _of_rows(response, instance)
    failed = call is CallResult.DONE and row is CallResult.REFUSED
    return row if failed or call is CallResult.PER_INSTANCE else call

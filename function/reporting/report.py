"""Build the result event of one event, and the HTTP answer that carries it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from ..lib import timestamps
from ..lib.text import one_line
from ..model.cloud_state import ApiResponse
from ..model.decision import Verdict
from ..model.event import RawEvent
from ..model.result import RESULT_TYPE, EventContext, ResultEvent, Summary

# An identifier that consumers compare; nothing is fetched from there.
SCHEMA = "https://kafka-remediator.dev/schemas/result.json"
# Longer than any event (25 s at most), so another event's claim has ended by then.
RETRY_AFTER_SECONDS = 30
THROTTLED_RETRY_AFTER_SECONDS = 60  # the gateway counts calls by the minute
MAX_ERROR_MESSAGE_LENGTH = 300
# The gateway's texts on these statuses echo signed headers, so they are replaced.
SAFE_ERROR_TEXTS = {
    401: "The cloud does not accept the credentials.",
    403: "The cloud does not allow this to these credentials.",
}
# As W3C Trace Context writes it; anything else would break the reader's trace.
_TRACEPARENT = "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"


def _error_message(response: ApiResponse) -> str | None:
    """Return the vendor's text in one short line; ours where the vendor's echoes signed headers."""
    if response.status in SAFE_ERROR_TEXTS:
        return SAFE_ERROR_TEXTS[response.status]
    text = response.document.get("error_msg") if isinstance(response.document, dict) else None
    return one_line(text, MAX_ERROR_MESSAGE_LENGTH) if isinstance(text, str) else None


def _api(summary: Summary) -> dict[str, Any]:
    response = summary.response or ApiResponse(possibly_sent=False)
    return {
        "status": response.status,
        "request_id": response.request_id,
        "error_code": response.error_code,
        "error_msg": _error_message(response),
        "attempts": summary.attempts,
    }


def _instance(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "status": verdict.status,
        "last_restart": timestamps.text(verdict.last_restart),
    }


def _data(
    context: EventContext, summary: Summary, *, dry_run: bool, duration_ms: int
) -> dict[str, Any]:
    event = context.event
    data = {
        "outcome": summary.ending.outcome,
        "action": event.intents[0].action if event and event.intents else None,
        "dry_run": dry_run,
        "reason": summary.ending.reason,
        "message": summary.message,
        "event": {
            "source": context.source,
            "id": event_id(context),
            "time": timestamps.text(event.sent_at) if event else None,
            "name": event.name if event else None,
        },
        "request": summary.request,
        "instances": [_instance(verdict) for verdict in summary.verdicts],
        "api": _api(summary),
        "retryable": summary.ending.retryable,
        "needs_human": summary.ending.needs_human,
        "duration_ms": duration_ms,
    }
    if summary.checks is not None:
        data["checks"] = [check._asdict() for check in summary.checks]
    return data


def event_id(context: EventContext) -> str:
    """Return the event's own id; without one, a digest of its body and of its receipt."""
    sender_id = context.event.id if context.event else None
    return sender_id or sha256(_receipt(context.raw_event).encode()).hexdigest()[:32]


def _receipt(raw_event: RawEvent) -> str:
    """Return what tells an event without an id from others: its body and its moment."""
    return f"{sha256(raw_event.body).hexdigest()} {raw_event.received_at.isoformat()}"


def _id(context: EventContext, summary: Summary) -> str:
    """Return a deterministic id: a redelivery with the same outcome gets the same one."""
    raw_event, event = context.raw_event, context.event
    if event is not None and event.id is not None:
        source = f"{event.origin or ''} {event.id}"
    else:
        source = _receipt(raw_event)
    # Also `needs_human`: a verify that becomes a call for a person must not look like a duplicate.
    parts = [
        (verdict.id, verdict.outcome, verdict.reason, verdict.needs_human)
        for verdict in summary.verdicts
    ]
    identity = (raw_event.channel, source, summary.ending.outcome.value, parts)
    return sha256(repr(identity).encode("utf-8", "replace")).hexdigest()[:32]


def _traceparent(context: EventContext) -> str | None:
    in_event = context.event.traceparent if context.event else None
    text = in_event or context.raw_event.headers.get("traceparent", "")
    return text if text and re.fullmatch(_TRACEPARENT, text) else None


def _envelope(context: EventContext, summary: Summary, now: datetime) -> dict[str, Any]:
    # The project id is ours: who is not authenticated does not get to know it.
    project = context.authenticated and context.project_id
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": _id(context, summary),
        "source": f"/huaweicloud/dms/kafka/{project}" if project else "/kafka-remediator",
        "type": RESULT_TYPE,
        "time": timestamps.text(now),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }
    if len(summary.verdicts) == 1:
        envelope["subject"] = summary.verdicts[0].id
    if summary.ending.needs_human and context.authenticated:
        envelope["needshuman"] = True
    traceparent = _traceparent(context)
    if traceparent and context.authenticated:  # of an unproven sender nothing is repeated
        envelope["traceparent"] = traceparent
    return envelope


def build(
    context: EventContext, summary: Summary, *, dry_run: bool, now: datetime, duration_ms: int
) -> ResultEvent:
    """Return the result event and its HTTP answer; an unauthenticated sender learns only why."""
    ending = summary.ending
    data: Mapping[str, Any] = {"outcome": ending.outcome, "reason": ending.reason}
    if context.authenticated:
        data = _data(context, summary, dry_run=dry_run, duration_ms=duration_ms)
    headers = {"Content-Type": "application/cloudevents+json"}
    # Not every sender reads it: Alertmanager repeats by times of its own.
    if summary.status == 503:
        throttled = summary.response is not None and summary.response.throttled
        seconds = THROTTLED_RETRY_AFTER_SECONDS if throttled else RETRY_AFTER_SECONDS
        headers["Retry-After"] = str(seconds)
    return ResultEvent({**_envelope(context, summary, now), "data": data}, summary.status, headers)

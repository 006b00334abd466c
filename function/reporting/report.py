"""Report: the findings on an event, into its result event and HTTP answer (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from ..intake.cloudevents_http import RESULT_TYPE
from ..lib import timestamps
from ..model.cloud_state import ApiReply
from ..model.decision import Verdict
from ..model.result import Findings, Result, Trail
from .messages import one_line

SCHEMA = "https://kafka-remediator.dev/schemas/result.json"
RETRY_AFTER_SECONDS = 30
LONGEST_ERROR_MESSAGE = 300
OWN_WORDS = {
    401: "The cloud does not accept the credentials.",
    403: "The cloud does not allow this to these credentials.",
}
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _error_message(reply: ApiReply) -> str | None:
    """Return the vendor's text in one short line; ours where the vendor's echoes signed headers."""
    if reply.status in OWN_WORDS:
        return OWN_WORDS[reply.status]
    text = reply.document.get("error_msg") if isinstance(reply.document, dict) else None
    return one_line(text, LONGEST_ERROR_MESSAGE) if isinstance(text, str) else None


def _api(findings: Findings) -> dict[str, Any]:
    reply = findings.reply or ApiReply(arrived=False)
    return {
        "status": reply.status,
        "request_id": reply.request_id,
        "error_code": reply.error_code,
        "error_msg": _error_message(reply),
        "attempts": findings.attempts,
    }


def _instance(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "status": verdict.status,
        "last_restart": timestamps.text(verdict.last_restart),
    }


def _data(trail: Trail, findings: Findings, *, dry_run: bool, duration_ms: int) -> dict[str, Any]:
    event = trail.event
    return {
        "outcome": findings.outcome,
        "action": event.intents[0].action if event and event.intents else None,
        "dry_run": dry_run,
        "reason": findings.reason,
        "message": findings.message,
        "event": {
            "source": trail.source,
            "id": event.id if event else None,
            "time": timestamps.text(event.sent) if event else None,
            "name": event.name if event else None,
        },
        "request": findings.request,
        "instances": [_instance(verdict) for verdict in findings.verdicts],
        "api": _api(findings),
        "retryable": findings.retryable,
        "needs_human": findings.needs_human,
        "duration_ms": duration_ms,
    }


def _id(trail: Trail, findings: Findings) -> str:
    """Return the same id for the same event with the same fate, however often it is delivered."""
    received, event = trail.received, trail.event
    if event is not None and event.id is not None:
        own = f"{event.origin or ''} {event.id}"
    else:
        own = f"{sha256(received.body).hexdigest()} {received.at.isoformat()}"
    parts = [
        (verdict.id, verdict.outcome, verdict.reason, verdict.needs_human)
        for verdict in findings.verdicts
    ]
    fate = (received.channel, own, findings.outcome.value, parts)
    return sha256(repr(fate).encode("utf-8", "replace")).hexdigest()[:32]


def _traceparent(trail: Trail) -> str | None:
    own = trail.event.traceparent if trail.event else None
    text = own or trail.received.headers.get("traceparent", "")
    return text if _TRACEPARENT.fullmatch(text) else None


def _envelope(trail: Trail, findings: Findings, now: datetime) -> dict[str, Any]:
    project = trail.proven and trail.project_id
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": _id(trail, findings),
        "source": f"/huaweicloud/dms/kafka/{project}" if project else "/kafka-remediator",
        "type": RESULT_TYPE,
        "time": timestamps.text(now),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }
    if len(findings.verdicts) == 1:
        envelope["subject"] = findings.verdicts[0].id
    if findings.needs_human and trail.proven:
        envelope["needshuman"] = True
    if traceparent := _traceparent(trail):
        envelope["traceparent"] = traceparent
    return envelope


def result(
    trail: Trail, findings: Findings, *, dry_run: bool, now: datetime, duration_ms: int
) -> Result:
    """Return the result event and its HTTP answer; an unproven sender learns no more than why."""
    data: Mapping[str, Any] = {"outcome": findings.outcome, "reason": findings.reason}
    if trail.proven:
        data = _data(trail, findings, dry_run=dry_run, duration_ms=duration_ms)
    headers = {"Content-Type": "application/cloudevents+json"}
    if findings.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Result({**_envelope(trail, findings, now), "data": data}, findings.status, headers)

"""Invocations: a platform calls with an event, and takes a result, an HTTP answer or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import findings, report, routes, strict_json, triggers
from .clock import Clock, Deadline
from .emit import result_line
from .errors import SettingsInvalid
from .model import Received
from .pipeline import Runtime, run
from .routes import HttpAnswer
from .settings import Credentials
from .trail import Result, Trail

LONGEST_SECONDS = 25.0
RESERVE_SECONDS = 1.0


class TryAgain(Exception):
    """The event failed, certainly nothing was done, and trying again may help.

    The text is the result event, or the list of them, as JSON.
    """


def allowed_seconds(remaining: float | None) -> float:
    """Return the seconds that an asynchronous event may take of those the platform has left."""
    if remaining is None:
        return LONGEST_SECONDS
    return max(min(remaining - RESERVE_SECONDS, LONGEST_SECONDS), 1.0)


def _plain(event: Mapping[str, Any]) -> Any:
    """Return an event as plain JSON values, as platforms expect them."""
    return strict_json.loads(strict_json.dumps(event))


def _gateway(answer: HttpAnswer) -> dict[str, Any]:
    """Put an HTTP answer into the envelope of API gateways."""
    return {
        "isBase64Encoded": False,
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }


def _returned(results: list[Result]) -> Any:
    """Return one result or the list of several, or raise TryAgain where one may be repeated."""
    events = [_plain(result.event) for result in results]
    value = events[0] if len(events) == 1 else events
    if any(result.data.get("retryable") for result in results):
        raise TryAgain(strict_json.dumps(value))
    return value or None


def invoke(
    event: Any, runtime: Runtime, *, credentials: Credentials | None, remaining: float | None
) -> Any:
    """Return what the platform gets for an event; raise TryAgain to have it repeated.

    `remaining` are the seconds until the platform ends the invocation.
    """
    request = triggers.http_request(event)
    if request is not None:
        return _gateway(
            routes.answer(request, runtime, credentials=credentials, remaining=remaining)
        )
    results = []
    received = triggers.received(event, runtime.clock.now())
    end = runtime.clock.monotonic() + allowed_seconds(remaining)
    for number, one in enumerate(received):
        begin = runtime.clock.monotonic()
        deadline = Deadline(begin, (end - begin) / (len(received) - number))
        result = run(one, runtime, deadline, credentials=credentials)
        results += [result] if result is not None else []
    return _returned(results)


def refuse(event: Any, invalid: SettingsInvalid, clock: Clock) -> Any:
    """Return what the platform gets while the settings are wrong: what is wrong, and no action."""
    request = triggers.http_request(event)
    found = findings.of_settings(invalid.problems)
    channel = "gateway" if request else "trigger/unknown"
    received = (
        [Received(channel, request.body, clock.now(), request.headers)]
        if request
        else triggers.received(event, clock.now())
    )
    results = []
    for one in received:
        trail = Trail(one, project_id="", proven=request is None)
        result = report.result(trail, found, dry_run=False, now=clock.now(), duration_ms=0)
        result_line(result)
        results.append(result)
    if request is not None:
        body = strict_json.dumps(results[0].event)
        return _gateway(HttpAnswer(results[0].status, body, results[0].headers))
    return _returned(results)

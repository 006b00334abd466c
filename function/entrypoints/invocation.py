"""Invocations: a platform calls with an event, and takes a result, an HTTP answer or an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lib import strict_json
from ..lib.clock import Clock, Deadline
from ..model.errors import SettingsInvalid
from ..model.event import Outcome, Received
from ..model.result import Result, Trail
from ..pipeline import Runtime, run
from ..reporting import emit, report, summarize
from ..settings.model import Credentials
from . import routes, triggers
from .routes import HttpAnswer, HttpRequest

LONGEST_SECONDS = 25.0
RESERVE_SECONDS = 1.0
DONE = frozenset({Outcome.ACCEPTED, Outcome.PARTIAL, Outcome.UNKNOWN})


class TryAgain(Exception):
    """The event failed, certainly nothing was done, and trying again may help.

    The text is the result event, or the list of them, as JSON.
    """


def allowed_seconds(remaining: float | None) -> float:
    """Return the seconds that an asynchronous event may take of those the platform has left."""
    if remaining is None:
        return LONGEST_SECONDS
    return max(min(remaining - RESERVE_SECONDS, LONGEST_SECONDS), 0.0)


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
    """Return one result or the list of several, or raise TryAgain where one may be repeated.

    A platform repeats all or nothing: what was done, or may have been, is never sent again.
    """
    events = [_plain(result.event) for result in results]
    value = events[0] if len(events) == 1 else events
    failed = [result.event["id"] for result in results if result.data.get("retryable")]
    done = any(result.data["outcome"] in DONE for result in results)
    if failed and not done:
        raise TryAgain(strict_json.dumps(value))
    if failed:
        message = "Failed beside what was done, so it is not repeated: send these again."
        emit.log("ERROR", message, needshuman=True, ids=failed)
    return value or None


def run_each(
    received: Sequence[Received],
    runtime: Runtime,
    *,
    credentials: Credentials | None,
    remaining: float | None,
) -> Any:
    """Run every event of one invocation, each with its share of the time that is left."""
    own = runtime.settings.credentials
    results = []
    end = runtime.clock.monotonic() + allowed_seconds(remaining)
    for number, one in enumerate(received):
        begin = runtime.clock.monotonic()
        deadline = Deadline(begin, (end - begin) / (len(received) - number))
        result = run(one, runtime, deadline, credentials=own or credentials)
        results += [result] if result is not None else []
    return _returned(results)


def invoke(
    event: Any, runtime: Runtime, *, credentials: Credentials | None, remaining: float | None
) -> Any:
    """Return what the platform gets for an event; raise TryAgain to have it repeated.

    `credentials` are those of the platform, which serve when the settings have none;
    `remaining` are the seconds until the platform ends the invocation.
    """
    request = triggers.http_request(event)
    if request is not None:
        return _gateway(
            routes.answer(request, runtime, credentials=credentials, remaining=remaining)
        )
    received = triggers.received(event, runtime.clock.now())
    return run_each(received, runtime, credentials=credentials, remaining=remaining)


def _refused(one: Received, invalid: SettingsInvalid, clock: Clock, *, proven: bool) -> Result:
    """Return the result of an event that came while the settings are wrong, and emit it."""
    trail = Trail(one, project_id="", proven=proven)
    found = summarize.of_settings(invalid.problems)
    result = report.result(trail, found, dry_run=False, now=clock.now(), duration_ms=0)
    emit.result_line(result)
    return result


def _refused_request(
    request: HttpRequest, channels: Mapping[str, str], invalid: SettingsInvalid, clock: Clock
) -> HttpAnswer:
    """Answer a request while the settings are wrong; what is wrong goes to the log only."""
    found = routes.no_event(request, channels, ready=False)
    if found is not None:
        return found
    emit.log("ERROR", "The settings are wrong.", problems=list(invalid.problems))
    received = Received(channels[request.path], request.body, clock.now(), request.headers)
    result = _refused(received, invalid, clock, proven=False)
    return HttpAnswer(result.status, strict_json.dumps(result.event), result.headers)


def refuse(
    event: Any, invalid: SettingsInvalid, *, channels: Mapping[str, str], clock: Clock
) -> Any:
    """Return what the platform gets while the settings are wrong: what is wrong, and no action."""
    request = triggers.http_request(event)
    if request is not None:
        return _gateway(_refused_request(request, channels, invalid, clock))
    received = triggers.received(event, clock.now())
    return _returned([_refused(one, invalid, clock, proven=True) for one in received])

"""Run the events of one platform invocation; return results, an HTTP answer, or raise to retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lib import strict_json
from ..lib.clock import Clock, Deadline
from ..model.errors import SettingsInvalid
from ..model.event import Outcome, RawEvent
from ..model.result import EventContext, ResultEvent
from ..pipeline import Runtime, run
from ..reporting import emit, report, summarize
from ..settings.model import Credentials
from . import routes, triggers
from .routes import HttpRequest, HttpResponse

# Enough for reads, the call and its confirmation; a function should not be billed for more.
MAX_SECONDS = 25.0
# The platform kills the process at its timeout: the result has to be returned before.
RESERVE_SECONDS = 1.0
# Outcomes with which a call may have been executed: the platform must not repeat them.
DONE = frozenset({Outcome.ACCEPTED, Outcome.PARTIAL, Outcome.UNKNOWN})


class RetryableFailure(Exception):
    """The event failed, certainly nothing was done, and trying again may help.

    The text is the result event, or the list of them, as JSON.
    """


def allowed_seconds(remaining: float | None) -> float:
    """Return the seconds that an asynchronous event may take of those the platform has left."""
    if remaining is None:
        return MAX_SECONDS
    return max(min(remaining - RESERVE_SECONDS, MAX_SECONDS), 0.0)


def _plain(event: Mapping[str, Any]) -> Any:
    """Return an event as plain JSON values, as platforms expect them.

    It may be longer than events that come in: `verify` names all instances that do not run.
    """
    text = strict_json.dumps(event)
    return strict_json.loads(text, limit=len(text))


def _gateway(answer: HttpResponse) -> dict[str, Any]:
    """Put an HTTP answer into the envelope of API gateways."""
    return {
        "isBase64Encoded": False,
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }


def _platform_value(results: list[ResultEvent]) -> Any:
    """Return one result or a list, or raise RetryableFailure where one may be repeated.

    A platform repeats all or nothing: what was done, or may have been, is never sent again.
    """
    events = [_plain(result.event) for result in results]
    value = events[0] if len(events) == 1 else events
    failed = [result for result in results if result.data.get("retryable")]
    done = any(result.data["outcome"] in DONE for result in results)
    if failed and not done:
        raise RetryableFailure(strict_json.dumps(value))
    for result in failed:
        message = "Failed beside what was done, so it is not repeated: send it again."
        emit.log("ERROR", message, needshuman=True, event_id=result.event_id)
    return value or None


def run_each(
    raw_event: Sequence[RawEvent],
    runtime: Runtime,
    *,
    credentials: Credentials | None,
    remaining: float | None,
) -> Any:
    """Run every event of one invocation, each with its share of the time that is left."""
    configured = runtime.settings.credentials
    results = []
    end = runtime.clock.monotonic() + allowed_seconds(remaining)
    # What an event does not need is left to those after it.
    for number, single in enumerate(raw_event):
        begin = runtime.clock.monotonic()
        deadline = Deadline(begin, (end - begin) / (len(raw_event) - number))
        result = run(single, runtime, deadline, credentials=configured or credentials)
        results += [result] if result is not None else []
    return _platform_value(results)


def invoke(
    event: Any, runtime: Runtime, *, credentials: Credentials | None, remaining: float | None
) -> Any:
    """Return what the platform gets for an event; raise RetryableFailure to have it repeated.

    `credentials` are those of the platform, which serve when the settings have none;
    `remaining` are the seconds until the platform ends the invocation.
    """
    # Never an exception here: a gateway would answer for itself, and its sender learn nothing.
    request = triggers.http_request(event)
    if request is not None:
        return _gateway(
            routes.handle_request(request, runtime, credentials=credentials, remaining=remaining)
        )
    raw_event = triggers.received(event, runtime.clock.now())
    return run_each(raw_event, runtime, credentials=credentials, remaining=remaining)


def _rejected(
    raw_event: RawEvent, invalid: SettingsInvalid, clock: Clock, *, authenticated: bool
) -> ResultEvent:
    """Return the result of an event that came while the settings are wrong, and emit it."""
    context = EventContext(raw_event, project_id="", authenticated=authenticated)
    summary = summarize.invalid_settings(invalid.problems)
    result = report.build(context, summary, dry_run=False, now=clock.now(), duration_ms=0)
    emit.log_result(result)
    return result


def _rejected_request(
    request: HttpRequest, channels: Mapping[str, str], invalid: SettingsInvalid, clock: Clock
) -> HttpResponse:
    """Answer a request while the settings are wrong; what is wrong goes to the log only."""
    response = routes.non_event_response(request, channels, ready=False)
    if response is not None:
        return response
    raw_event = RawEvent(channels[request.path], request.body, clock.now(), request.headers)
    result = _rejected(raw_event, invalid, clock, authenticated=False)
    problems = list(invalid.problems)
    emit.log("ERROR", "The settings are wrong.", problems=problems, event_id=result.event_id)
    return HttpResponse(result.status, strict_json.dumps(result.event), result.headers)


def reject_all(
    event: Any, invalid: SettingsInvalid, *, channels: Mapping[str, str], clock: Clock
) -> Any:
    """Return what the platform gets while the settings are wrong: what is wrong, and no action."""
    request = triggers.http_request(event)
    if request is not None:
        return _gateway(_rejected_request(request, channels, invalid, clock))
    raw_event = triggers.received(event, clock.now())
    # Events of triggers come from the platform, which has authenticated them.
    return _platform_value(
        [_rejected(single, invalid, clock, authenticated=True) for single in raw_event]
    )

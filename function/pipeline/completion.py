"""One event from start to end: take its steps, build its one result, and send that out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import extract_tb

from ..lib.clock import Deadline
from ..model.errors import OwnResultEvent
from ..model.event import RawEvent
from ..model.result import Receiver, ResultEvent, Summary
from ..reporting import emit, report, summarize
from ..settings.model import Credentials
from .event_run import EventRun, Runtime

# Left after deliveries, to say which of them failed: no log outlasts its event.
LOG_SECONDS = 0.1


def _log_crash(run: EventRun, error: Exception) -> Summary:
    """Log type and location of an unexpected exception; its message may contain event data."""
    # The last four frames name the line and how it was reached; file names alone, no paths.
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)
    ]
    run.log("ERROR", "A defect.", kind=type(error).__name__, at=places[-4:])
    return summarize.crash(run.context, run.session.attempts)


def process(
    raw_event: RawEvent, runtime: Runtime, deadline: Deadline, *, credentials: Credentials | None
) -> tuple[EventRun, ResultEvent | None]:
    """Handle one event; return its one result, or None for a result event of our own."""
    event_run = EventRun(raw_event, runtime, credentials, deadline)
    try:
        summary = event_run.run()
    except OwnResultEvent:
        return event_run, None
    except Exception as error:  # noqa: BLE001 - every event gets its result, whatever breaks
        summary = _log_crash(event_run, error)
    elapsed = runtime.clock.monotonic() - deadline.start
    result = report.build(
        event_run.context,
        summary,
        dry_run=runtime.settings.limits.dry_run,
        now=runtime.clock.now(),
        duration_ms=round(elapsed * 1000),
    )
    event_run.write_held_lines(result.event_id)
    return event_run, result


def run(
    raw_event: RawEvent, runtime: Runtime, deadline: Deadline, *, credentials: Credentials | None
) -> ResultEvent | None:
    """Process one event and emit its one result; None for a result event of our own."""
    event_run, result = process(raw_event, runtime, deadline, credentials=credentials)
    if result is not None:
        _emit(result, event_run, deadline)
    return result


def _publication(
    result: ResultEvent, event_run: EventRun, *, seconds: float
) -> Callable[[], str | None] | None:
    """Return what tells people of a result; None where no topic is set, or not for this result."""
    settings = event_run.runtime.settings
    if settings.notify.topic_urn is None:
        return None
    from ..reporting import notify  # noqa: PLC0415 - costs cold start, and needs a topic

    if not notify.is_wanted(result, settings.notify):
        return None
    to, sign = (settings.outbound, settings.notify), event_run.session.sign
    return partial(notify.publish, result, *to, sign, seconds=seconds)


def _emit(result: ResultEvent, event_run: EventRun, deadline: Deadline) -> None:
    """Write the result line; post the result and tell people where its sender is authenticated.

    An unauthenticated sender could otherwise fill the sink and wake people at will.
    """
    settings, metrics = event_run.runtime.settings, event_run.runtime.metrics
    # First of all: the log has the result even where everything behind it hangs.
    emit.log_result(result, seconds=event_run.session.remaining(deadline.end))
    if metrics is not None:
        elapsed = event_run.runtime.clock.monotonic() - deadline.start
        metrics.count(event_run.context, result, elapsed)
    if not event_run.context.authenticated:
        return
    remaining = deadline.end - event_run.runtime.clock.monotonic() - LOG_SECONDS
    deliveries: dict[Receiver, Callable[[], str | None]] = {}
    if settings.outbound.sink is not None:
        seconds = min(remaining, deadline.report_seconds)
        post = partial(emit.post_to_sink, result, settings.outbound, seconds=seconds)
        deliveries["sink"] = lambda: None if post() else "The sink did not take the result."
    if publish := _publication(result, event_run, seconds=remaining):
        deliveries["topic"] = publish
    for receiver, problem in emit.deliver(deliveries).items():
        event_run.log("WARNING", problem)
        if metrics is not None:
            metrics.count_undelivered(receiver)

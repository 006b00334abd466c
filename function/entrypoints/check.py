"""A check from the command line, with the settings and the credentials of the place it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..lib import strict_json
from ..lib.clock import Deadline
from ..lib.schemas import Violation
from ..model.decision import ActionCall
from ..model.errors import SchemaViolated
from ..model.event import RawEvent
from ..model.result import EventContext, ResultEvent
from ..pipeline import readiness
from ..policy import check
from ..reporting import report
from . import startup


def _silent(_: ActionCall) -> None:
    """Log nothing: the command prints the result."""


def run_check(
    environ: Mapping[str, str],
    *,
    instances: Sequence[str] = (),
    probe: bool = False,
    announce: Callable[[ActionCall], None] = _silent,
) -> ResultEvent:
    """Return the result of a check; nothing is logged, and nothing posted to a sink.

    Raises SettingsInvalid for settings with which no event would be handled, and SchemaViolated
    for instances that are no ids.
    """
    runtime = startup.runtime(environ)
    document: dict[str, Any] = {"action": "check", "probe": probe}
    if instances:
        document["instances"] = list(instances)
    try:
        runtime.schemas.check("events/direct", document)
    except Violation as violation:
        raise SchemaViolated(violation.problem) from None
    source = runtime.sources["direct"]
    event = source.parse(document)
    means = readiness.Means(
        settings=runtime.settings,
        credentials=runtime.settings.credentials,
        clock=runtime.clock,
        deadline=Deadline(runtime.clock.monotonic(), runtime.settings.deadline_seconds),
        ledger=runtime.ledger,
    )
    received_at = runtime.clock.now()
    summary = readiness.run(check.request(event, source), means, announce=announce)
    body = strict_json.dumps(document).encode()
    context = EventContext(
        RawEvent("command_line", body, received_at),
        runtime.settings.outbound.project_id,
        authenticated=True,
        source="direct",
        event=event,
    )
    elapsed = runtime.clock.monotonic() - means.deadline.start
    return report.build(
        context,
        summary,
        dry_run=runtime.settings.limits.dry_run,
        now=runtime.clock.now(),
        duration_ms=round(elapsed * 1000),
    )

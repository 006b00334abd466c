"""The result of a skipped restart, or of another event, as its report builds it."""

from __future__ import annotations

from function.lib import schemas
from function.model.decision import Ending, Verdict
from function.model.event import Action, Event, Intent, Outcome, RawEvent
from function.model.result import EventContext, ResultEvent, Summary
from function.reporting import report
from tests.factories import HOUR, NOW, ORDERS

SCHEMAS = schemas.load()


RECEIVED = RawEvent("direct", b"{}", NOW)


EVENT = Event((Intent(Action.RESTART, (ORDERS,)),), id="e1", sent_at=NOW, name="nightly")


CONTEXT = EventContext(
    RECEIVED, "0123456789abcdef" * 2, authenticated=True, source="direct", event=EVENT
)


ONE = Verdict(ORDERS, Outcome.SKIPPED, "cooldown", "ERROR", NOW - HOUR)


SKIPPED = Summary(Ending(Outcome.SKIPPED, "cooldown"), "Skipped.", 200, verdicts=(ONE,))


def result(context: EventContext = CONTEXT, summary: Summary = SKIPPED) -> ResultEvent:
    made = report.build(context, summary, dry_run=False, now=NOW, duration_ms=7)
    SCHEMAS.check("result", made.event)
    return made

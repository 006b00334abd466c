"""The id of a result: the same for a redelivery with the same outcome."""

from __future__ import annotations

from typing import Any

import pytest

from function.model.decision import Ending
from function.model.event import Outcome
from function.model.result import Summary
from function.reporting import report
from tests.factories import HOUR, NOW, PAYMENTS
from tests.unit.reporting.results import CONTEXT, EVENT, ONE, RECEIVED, SKIPPED, result


def identity(summary: Summary = SKIPPED, **changes: Any) -> str:
    received = {
        name: changes.pop(name) for name in ("channel", "body", "received_at") if name in changes
    }
    context = CONTEXT._replace(raw_event=RECEIVED._replace(**received))
    if changes:
        context = context._replace(event=EVENT._replace(**changes))
    return str(result(context, summary).event["id"])


def test_the_same_event_with_the_same_outcome_has_the_same_id() -> None:
    later = report.build(CONTEXT, SKIPPED, dry_run=True, now=NOW + HOUR, duration_ms=99)

    assert later.event["id"] == identity() == identity(body=b"other", received_at=NOW + HOUR)
    assert identity(SKIPPED._replace(message="Other words.")) == identity()


@pytest.mark.parametrize(
    "changes", [{"channel": "trigger/timer"}, {"id": "e2"}, {"origin": "/cron"}]
)
def test_another_event_has_another_id(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"ending": Ending(Outcome.FAILED, "cooldown")},
        {"verdicts": (ONE._replace(id=PAYMENTS),)},
        {"verdicts": (ONE._replace(outcome=Outcome.FAILED),)},
        {"verdicts": (ONE._replace(reason="status"),)},
        {"verdicts": (ONE._replace(needs_human=True),)},
        {"verdicts": (ONE, ONE._replace(id=PAYMENTS))},
    ],
)
def test_another_outcome_has_another_id(changes: dict[str, Any]) -> None:
    assert identity(SKIPPED._replace(**changes)) != identity()


@pytest.mark.parametrize("changes", [{"body": b"[]"}, {"received_at": NOW + HOUR}])
def test_an_event_without_an_id_is_known_by_its_body_and_the_moment_of_receipt(
    changes: dict[str, Any],
) -> None:
    assert identity(id=None, **changes) != identity(id=None)
    assert identity(id=None) == identity(id=None)


def test_an_event_that_could_not_be_read_has_an_id_too() -> None:
    unread = CONTEXT._replace(event=None)
    event = result(unread).event

    assert len(event["id"]) == 32
    assert len(event["data"]["event"].pop("id")) == 32
    assert event["data"]["event"] == {"source": "direct", "time": None, "name": None}
    assert event["data"]["action"] is None
    assert event["id"] == identity(id=None)

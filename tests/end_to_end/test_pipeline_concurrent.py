"""Concurrent events: one call per instance, and the storm limit holds."""

from __future__ import annotations

import threading
from typing import Any

from function.ledger.protocol import Times
from tests.factories import AUDIT, ORDERS, PAYMENTS
from tests.fake_dms import Behaviour, Hold
from tests.harness import Remediator, open_remediator


def test_an_instance_that_another_event_holds_is_busy(remediator: Remediator) -> None:
    remediator.set(DEADLINE_SECONDS="1")
    with remediator.runtime.ledger.claim([ORDERS], Times(lambda: 1.0, lambda: 1.0)):
        answer = remediator.restart()

    assert answer.verdict == (503, "failed", "busy")
    assert (answer.data["retryable"], answer.data["needs_human"]) == (True, False)
    assert not remediator.cloud.requests


def test_events_at_once_for_one_instance_lead_to_one_call() -> None:
    with open_remediator(Behaviour(status_lag=0.0)) as remediator:
        answer: list[str | None] = []
        threads = [
            threading.Thread(target=lambda: answer.append(remediator.alert().data["reason"]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(map(str, answer)) == ["None", *["already_restarting"] * 3]
        assert len(remediator.cloud.posts) == 1


def test_events_at_once_see_each_others_restarts_before_the_cloud_shows_them(
    remediator: Remediator,
) -> None:
    for one in (PAYMENTS, AUDIT):
        remediator.cloud.add_instance(one, status="ERROR")
    remediator.set(MAX_RESTARTING="2")
    hold = Hold(at="request")
    remediator.cloud.fault(hold, kind="action")
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(remediator.alert(ORDERS, PAYMENTS)))
    thread.start()
    remediator.cloud.wait_for(1, "action")

    assert remediator.alert(AUDIT).verdict == (200, "skipped", "storm")
    hold.release.set()
    thread.join(30)
    assert first[0].verdict == (200, "accepted", None)

"""The messages that docs/operations.md prints are the ones that people get, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from function.lib.timestamps import text
from tests.factories import HOUR, MINUTE, NOW, ORDERS, ids
from tests.fake_dms import Behaviour, Reply
from tests.harness import Remediator, alerts, open_remediator, restarted

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
ALERT = {"alertname": "KafkaBrokerDown", "remediation": "restart", "kafka_instance_id": ORDERS}


def _alert(remediator: Remediator, status: str, raised: datetime) -> None:
    """Send a firing or resolved alert, by the clock of the remediator."""
    now = datetime.fromtimestamp(remediator.clock(), NOW.tzinfo)
    alert = {"status": status, "labels": ALERT, "startsAt": text(raised)}
    ended = {"endsAt": text(now)} if status == "resolved" else {}
    remediator.post("/alertmanager", {"version": "4", "alerts": [{**alert, **ended}]})


def _restarted(remediator: Remediator) -> None:
    _alert(remediator, "firing", NOW)


def _recovered(remediator: Remediator) -> None:
    _alert(remediator, "firing", NOW - MINUTE)
    remediator.cloud.forget()
    remediator.clock.advance(6 * 60)
    _alert(remediator, "resolved", NOW - MINUTE)


def _useless(remediator: Remediator) -> None:
    remediator.cloud.behaviour.restart_outcome = "does_not_help"
    _alert(remediator, "firing", NOW - MINUTE)
    remediator.cloud.forget()
    remediator.clock.advance(15 * 60)
    remediator.ask(action="verify", id="verify-every-15-minutes")


def _hanging(remediator: Remediator) -> None:
    remediator.cloud.set_status(ORDERS, "RESTARTING")
    restarted(remediator.cloud, began=25 * MINUTE, status="EXECUTING", user_name="kafka-remediator")
    remediator.ask(action="verify", id="verify-every-15-minutes")


def _often(remediator: Remediator) -> None:
    for hours in (3, 5, 7):
        restarted(remediator.cloud, began=hours * HOUR, id=f"restart-{hours}")
    _alert(remediator, "firing", NOW)


def _storm(remediator: Remediator) -> None:
    for instance in ids(9):
        remediator.cloud.add_instance(instance, status="ERROR")
    remediator.post("/alertmanager", alerts(*ids(9)))


def _forbidden(remediator: Remediator) -> None:
    error = {"error_code": "DMS.00403003", "error_msg": "Forbidden."}
    headers = (("Content-Type", "application/json"), ("X-Request-Id", "0cfe141872894d379faf63269f"))
    remediator.cloud.fault(Reply(403, error, headers), "action")
    _alert(remediator, "firing", NOW)


SCENES: dict[str, Callable[[Remediator], None]] = {
    "A restart was accepted": _restarted,
    "It helped": _recovered,
    "It did not help": _useless,
    "It hangs": _hanging,
    "It was restarted too often": _often,
    "Many instances at once": _storm,
    "A permission is missing": _forbidden,
}


def message(scene: Callable[[Remediator], None]) -> str:
    """Run a scenario and return the published subject and message."""
    with open_remediator(Behaviour()) as remediator:
        topic = remediator.cloud.account.topic_urn
        kinds = "acted,needs_human,recovered"
        endpoint = remediator.cloud.url
        remediator.set(NOTIFY_TOPIC_URN=topic, NOTIFY_ON=kinds, SMN_ENDPOINT=endpoint)
        scene(remediator)
        (published,) = remediator.cloud.published
    return f"{published.subject}\n\n{published.message}"


@pytest.mark.parametrize("title", SCENES)
def test_the_page_prints_what_people_get(title: str) -> None:
    printed = re.search(rf"^{title}:\n\n```text\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)

    assert printed is not None
    assert printed.group(1) == message(SCENES[title])

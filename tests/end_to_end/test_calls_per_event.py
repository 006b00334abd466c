"""What an event costs in calls of the cloud API: the numbers of deploy/README.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from function.handler import handler
from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[2]
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
PAGE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
CLAIMED = {
    name.strip(): int(number.replace(",", ""))
    for name, number in re.findall(r"^\| ([^|]+) \| [^|]+ \| ([\d,]+) \|$", PAGE, re.MULTILINE)
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        cloud.add_failed_creation("b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801")
        for name, value in {"DRY_RUN": "false", **cloud.environment()}.items():
            monkeypatch.setenv(name, value)
        yield cloud


def alarm(**changes: Any) -> dict[str, Any]:
    """Return an alarm of now on an SMN trigger."""
    text = (ROOT / "schemas" / "envelopes" / "functiongraph_smn.json").read_text(encoding="utf-8")
    event: dict[str, Any] = json.loads(text)["examples"][0]
    now, message = datetime.now(timezone.utc), event["record"][0]["smn"]
    own = json.loads(message["message"]) | {"time": int(now.timestamp() * 1000)} | changes
    message.update(message=json.dumps(own), timestamp=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return event


def request() -> dict[str, Any]:
    return {"action": "restart", "instances": [INSTANCE]}


EVENTS = {
    "an alarm that restarts": alarm(),
    "a request that restarts": request(),
    "a purge": {"action": "purge_failed"},
    "an alarm that has ended": alarm(alarm_status="ok"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_costs_the_calls_that_the_page_says(name: str, cloud: FakeDms) -> None:
    handler(EVENTS[name], None)

    assert len(cloud.requests) * 1000 == CLAIMED[name]


def test_stale_alarm_costs_no_call(cloud: FakeDms) -> None:
    event = alarm()
    event["record"][0]["smn"]["timestamp"] = "2026-01-05T03:00:00Z"

    assert handler(event, None)["data"]["reason"] == "stale"
    assert len(cloud.requests) == CLAIMED["an alarm that is too old, or asks for nothing"]


def test_an_alarm_that_has_been_answered_costs_two_calls(cloud: FakeDms) -> None:
    later = (datetime.now(timezone.utc) + timedelta(seconds=1)).timestamp()
    cloud.add_task(INSTANCE, created_at=later, updated_at=later)

    result = handler(alarm(), None)

    assert result["data"]["reason"] == "already_answered"
    assert len(cloud.requests) * 1000 == CLAIMED["an alarm that a restart has answered"]


def test_a_dry_run_costs_the_calls_that_the_page_says(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    handler(alarm(), None)

    assert len(cloud.requests) * 1000 == CLAIMED["a dry run of an alarm"]

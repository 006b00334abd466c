"""Observe: which background tasks are restarts, and how far back they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from function.dms import observe
from function.model.errors import StateUnreadable
from tests.factories import AUDIT, DAY, HOUR, NOW, ORDERS, PAYMENTS
from tests.harness import Remediator, ago, open_remediator
from tests.unit.dms.observing import seen


@pytest.fixture(name="remediator")
def open_the_remediator() -> Iterator[Remediator]:
    with open_remediator() as remediator:
        for one in (PAYMENTS, AUDIT):
            remediator.cloud.add_instance(one)
        yield remediator


@pytest.mark.parametrize(
    ("raised", "start"),
    [
        (None, NOW - 2 * DAY),
        (NOW, NOW - 2 * DAY),
        (NOW - DAY, NOW - 2 * DAY),
        (NOW - 3 * DAY, NOW - 4 * DAY),
        (NOW - 29 * DAY, NOW - 30 * DAY),
        (NOW - 300 * DAY, NOW - 30 * DAY),
        (NOW + DAY, NOW - 2 * DAY),
    ],
)
def test_history_starts_two_days_back_or_before_the_alarm(
    raised: datetime | None, start: datetime
) -> None:
    assert observe.history_start(raised, NOW) == start


@pytest.mark.parametrize("hours", [-12.0, 0.0, 14.0])
def test_yesterdays_restart_is_seen_in_any_cloud_time_zone(
    remediator: Remediator, hours: float
) -> None:
    remediator.cloud.behaviour.begin_time_offset_hours = hours
    remediator.cloud.add_task(ORDERS, created_at=ago(23 * HOUR))

    assert len(seen(remediator, ORDERS).instances[ORDERS].restart_tasks) == 1


@pytest.mark.parametrize("name", ["kafkaInstanceRestart", "RESTART", "unrestarted"])
@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "CREATED", "EXECUTING", "A_NEW_WORD"])
def test_restart_pattern_decides_regardless_of_the_user(
    remediator: Remediator, name: str, status: str
) -> None:
    remediator.cloud.add_task(ORDERS, name=name, status=status, created_at=ago(HOUR))
    (task,) = seen(remediator, ORDERS).instances[ORDERS].restart_tasks

    assert (task.name, task.status, task.created_at) == (name, status, NOW - HOUR)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "CANCELLED"},
        {"status": "DELETED"},
        {"name": "kafkaReboot"},
        {"name": "restartKafkaManager"},
        {"name": "kafkaConnectorRestart"},
        {"name": ""},
    ],
)
def test_other_tasks_and_cancelled_restarts_do_not_count(
    remediator: Remediator, fields: dict[str, Any]
) -> None:
    remediator.cloud.add_task(ORDERS, **{"created_at": ago(HOUR), **fields})

    assert seen(remediator, ORDERS).instances[ORDERS].restart_tasks == ()


def test_newest_task_name_is_kept_for_any_task(remediator: Remediator) -> None:
    tasks: list[tuple[str, timedelta | str]] = [
        ("older", 2 * HOUR),
        ("newest", HOUR),
        ("undated", "yesterday"),
    ]
    for name, since in tasks:
        created = since if isinstance(since, str) else ago(since)
        remediator.cloud.add_task(ORDERS, name=name, created_at=created)
    found = seen(remediator, ORDERS).instances

    assert found[ORDERS].newest_task_name == "newest"
    assert seen(remediator, PAYMENTS).instances[PAYMENTS].newest_task_name is None


def test_a_restart_without_a_readable_time_makes_the_state_unreadable(
    remediator: Remediator,
) -> None:
    remediator.cloud.add_task(ORDERS, created_at="yesterday")

    with pytest.raises(StateUnreadable, match="has no readable time"):
        seen(remediator, ORDERS)

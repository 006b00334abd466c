"""The behaviour of the cloud in a wave, and the faults of its calls."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.fake_dms import (
    BrokenChunks,
    Close,
    Drip,
    FakeDms,
    Fault,
    Reply,
    Reset,
    Rows,
    WrongLength,
    html,
    throttled,
    vendor_error,
)

# Not executed, and no response says so: the event polls for the restart until its time is over.
LOST_ACTIONS: tuple[Fault, ...] = (
    Reset("head"),
    Reset("request"),
    html(502),
    html(200),
    vendor_error(500, "DMS.00500000"),
)
# Each response is either true about whether the call was executed, or unclear.
OF_ACTIONS: tuple[Fault, ...] = (
    Reset("done"),
    Close("done"),
    Close("answer"),
    BrokenChunks(),
    WrongLength(10),
    Drip(interval=0.001),
    html(502, acts=True),
    html(200, acts=True),
    Reply(500, {"error_code": "DMS.00500000", "error_msg": "Internal error."}, acts=True),
    vendor_error(503, "APIGW.0613"),
    vendor_error(400, "DMS.00400026"),
    throttled("0"),
    throttled(),
    throttled("9999"),
    Rows("missing"),
    Rows("contradictory"),
    Rows("misspelt"),
    Rows("reversed"),
    Rows("upper_case"),
)
OF_READS: tuple[Fault, ...] = (
    Reset("request"),
    Reset("done"),
    Close("answer"),
    BrokenChunks(),
    WrongLength(10),
    Drip(interval=0.0005),
    html(502),
    html(200),
    vendor_error(500, "DMS.00500000"),
    vendor_error(403, "DMS.00403003"),
    throttled("0"),
)
LAGS = (0.0, 0.0, 0.08, 0.5, 5.0, 30.0, 60.0)
"""Seconds until the cloud shows an accepted call; an event polls for at most 2.7 s."""
UNSEEN_TASKS: tuple[Mapping[str, Any], ...] = ({"keeps_tasks": False}, {"task_name": "kafkaReboot"})
"""Not documented by the vendor: whether a restart is a task, and the name of that task."""


def hide_tasks(cloud: FakeDms, random: Random) -> bool:
    """Make restarts show no matching task for a whole run, in two of five runs."""
    if random.random() < 0.6:
        return False
    for name, value in random.choice(UNSEEN_TASKS).items():
        setattr(cloud.behaviour, name, value)
    return True


def _strew(
    cloud: FakeDms, kind: str, faults: Sequence[Fault], positions: Sequence[int], random: Random
) -> None:
    for position in positions:
        cloud.fault(random.choice(faults), kind, skip=position)


def change(cloud: FakeDms, random: Random, *, lag: float | None = None) -> float:
    """Choose behaviour and faults of the next wave and return its lag; a given lag stays."""
    behaviour = cloud.behaviour
    behaviour.restart_seconds = random.uniform(60, 900)
    behaviour.restart_outcome = random.choice(("helps", "helps", "fails", "does_not_help"))
    behaviour.refusal = random.choice(("row", "request"))
    behaviour.task_paging = random.choice(("start", "page", "offset"))
    behaviour.rows_have_tags = random.random() < 0.8
    behaviour.status_lag = random.choice(LAGS) if lag is None else lag
    behaviour.task_lag = random.choice(LAGS) if lag is None else lag
    cloud.clear_faults()
    if random.random() < 0.2:
        _strew(cloud, "action", LOST_ACTIONS, [random.randrange(3)], random)
    _strew(cloud, "action", OF_ACTIONS, [n for n in range(20) if random.random() < 0.35], random)
    for kind in ("list", "show", "tasks"):
        _strew(cloud, kind, OF_READS, [n for n in range(60) if random.random() < 0.05], random)
    return max(behaviour.status_lag, behaviour.task_lag)

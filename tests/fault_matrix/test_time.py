"""Clock jumps and malformed times: no crash, no wrong action, one valid result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ledger.memory import MemoryLedger
from tests.factories import DAY, HOUR, MINUTE, NOW, ORDERS
from tests.harness import Remediator, SkippingClock, ago, alerts, ces_alarm, open_remediator

ODD = (
    "2026-01-05T03:00:00",
    "2026-01-05",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T03:00:61Z",
    "2026-01-05T03:00:00+24:00",
    "2026-01-05T03:00:00 Z",
    "٢٠٢٦-01-05T03:00:00Z",
    "1767582000",
    "now",
    "",
)
FAR = ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-23:59", "2038-01-19T03:14:08Z")
LONG_AGO = ("0001-01-01T00:00:00Z", "0002-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z")


@pytest.fixture
def remediator() -> Iterator[Remediator]:
    with open_remediator() as remediator:
        yield remediator


@pytest.mark.parametrize("moment", ODD)
def test_a_request_whose_time_is_none_is_rejected(remediator: Remediator, moment: str) -> None:
    answered = remediator.ask(action="restart", instances=[ORDERS], time=moment)

    assert answered.verdict == (400, "rejected", "schema")
    assert remediator.cloud.requests == ()


@pytest.mark.parametrize("moment", FAR)
def test_a_request_from_the_future_is_skipped(remediator: Remediator, moment: str) -> None:
    answered = remediator.ask(action="restart", instances=[ORDERS], time=moment)

    assert answered.data["outcome"] in {"skipped", "rejected"}
    assert remediator.cloud.posts == ()


@pytest.mark.parametrize("moment", LONG_AGO)
def test_a_request_from_long_ago_is_not_done(remediator: Remediator, moment: str) -> None:
    answered = remediator.ask(action="restart", instances=[ORDERS], time=moment)

    assert answered.data["outcome"] in {"skipped", "rejected"}
    assert remediator.cloud.posts == ()


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-05T03:00:00Z",
        "2026-01-05T02:59:60Z",
        "2026-01-05T14:00:00+11:00",
        "2026-01-04T20:30:00.5-06:30",
        "2026-01-05t03:00:00.000000000000z",
    ],
)
def test_the_same_moment_in_any_form_is_now(remediator: Remediator, moment: str) -> None:
    answered = remediator.ask(action="restart", instances=[ORDERS], time=moment)

    assert answered.verdict == (200, "accepted", None)


@pytest.mark.parametrize("moment", [*ODD, *LONG_AGO[:1]])
def test_an_alert_that_does_not_say_when_it_began_never_restarts_what_was_restarted(
    remediator: Remediator, moment: str
) -> None:
    remediator.cloud.add_task(ORDERS, created_at=ago(2 * HOUR), updated_at=ago(2 * HOUR - MINUTE))
    group = alerts(ORDERS)
    group["alerts"][0]["startsAt"] = moment

    answered = remediator.post("/alertmanager", group)

    assert answered.data["outcome"] in {"rejected", "skipped"}
    assert remediator.cloud.posts == ()


@pytest.mark.parametrize("moment", [-1, 0, 10**12, 10**15, 10**18, 10**30, -(10**18), 1e15, "0"])
def test_an_alarm_of_any_time_breaks_nothing(remediator: Remediator, moment: object) -> None:
    remediator.cloud.add_task(ORDERS, created_at=ago(2 * HOUR), updated_at=ago(2 * HOUR - MINUTE))

    answered = remediator.trigger(ces_alarm(time=moment))

    assert answered.data["outcome"] in {"rejected", "skipped", "accepted"}
    assert len(remediator.cloud.posts) <= 1


@pytest.mark.parametrize("moment", ODD)
def test_a_restart_in_the_history_without_a_time_stops_the_next_one(
    remediator: Remediator, moment: str
) -> None:
    remediator.cloud.add_task(ORDERS, created_at=moment, updated_at=moment)

    answered = remediator.restart()

    assert answered.verdict == (200, "failed", "state_unreadable")
    assert remediator.cloud.posts == ()


@pytest.mark.parametrize("moment", [*FAR[:2], "2026-01-05T03:10:00Z"])
def test_a_restart_of_the_future_in_the_history_is_a_recent_one(
    remediator: Remediator, moment: str
) -> None:
    remediator.cloud.add_task(ORDERS, created_at=moment, updated_at=moment)

    answered = remediator.restart()

    assert answered.data["outcome"] in {"skipped", "failed"}
    assert remediator.cloud.posts == ()


class Jumping(SkippingClock):
    """A clock that returns another time of day at every call."""

    def __init__(self, offsets: list[timedelta]) -> None:
        super().__init__()
        self._offsets = cycle(offsets)

    def now(self) -> datetime:
        try:
            return NOW + next(self._offsets)
        except OverflowError:
            return NOW


OFFSETS = st.sampled_from([timedelta(0), MINUTE, -MINUTE, HOUR, -HOUR, DAY, -DAY, 10000 * DAY])


@given(st.lists(OFFSETS | st.timedeltas(-9 * DAY, 9 * DAY), min_size=1, max_size=9))
def test_a_clock_that_jumps_breaks_nothing(offsets: list[timedelta]) -> None:
    with open_remediator() as remediator:
        clock = Jumping(offsets)
        ledger = MemoryLedger(clock.monotonic)
        remediator.runtime = remediator.runtime._replace(clock=clock, ledger=ledger)

        answered = remediator.restart()

        assert len(remediator.cloud.posts) <= 1
        assert answered.data["reason"] != "internal"
        assert answered.data["outcome"] != "unknown"


@given(
    st.dictionaries(
        st.sampled_from(["created_at", "updated_at"]),
        st.text(max_size=30) | st.datetimes(timezones=st.just(timezone.utc)).map(str) | st.floats(),
    )
)
def test_no_time_of_a_task_breaks_anything(times: dict[str, Any]) -> None:
    with open_remediator() as remediator:
        known = {name: one if isinstance(one, str) else str(one) for name, one in times.items()}
        remediator.cloud.add_task(ORDERS, **known)

        answered = remediator.restart()

        assert answered.status in {200, 503}
        assert answered.data["reason"] != "internal"

"""The shares of a deadline, and the system clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib.clock import Deadline, SystemClock


def test_reads_end_by_40_percent_and_the_post_by_80() -> None:
    deadline = Deadline(start=100.0, seconds=10.0)

    assert (deadline.read_until, deadline.send_until) == (104.0, 108.0)
    assert (deadline.confirm_until, deadline.end) == (109.0, 110.0)
    assert deadline.report_seconds == pytest.approx(1.0)


@given(st.floats(0, 1e6), st.floats(0.01, 60))
def test_every_part_has_its_time_and_none_ends_after_the_event(start: float, long: float) -> None:
    one = Deadline(start, long)

    assert start < one.read_until < one.send_until < one.confirm_until < one.end
    assert one.end == pytest.approx(start + long)


def test_the_time_of_day_is_in_utc_and_seconds_do_not_go_back() -> None:
    clock = SystemClock()

    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


@given(st.floats(0, 1e6), st.floats(0.01, 60))
def test_the_call_gets_as_much_time_as_the_reads_had(start: float, long: float) -> None:
    one = Deadline(start, long)

    assert one.send_until - one.read_until >= (one.read_until - start) * 0.999

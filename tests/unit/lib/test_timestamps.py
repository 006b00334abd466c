"""Timestamps: parsing and formatting of moments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib import timestamps
from tests.factories import NOW

MOMENTS = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.timezones() | st.just(timezone.utc),
)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05T03:00:00Z", NOW),
        ("2026-01-05t03:00:00z", NOW),
        ("2026-01-05 03:00:00+00:00", NOW),
        ("2026-01-05T11:00:00+08:00", NOW),
        ("2026-01-04T22:30:00-04:30", NOW),
        ("2026-01-05T02:59:60Z", NOW),
        ("2026-01-05T03:00:00.1Z", NOW + timedelta(milliseconds=100)),
        ("2026-01-05T03:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        (None, None),
        ("", None),
        ("2026-01-05", None),
        ("2026-01-05T03:00:00", None),
        ("2026-01-05T03:00:00.Z", None),
        ("2026-01-05T03:00:00Z\n", None),
        ("2026-02-29T03:00:00Z", None),
        ("2026-01-05T24:00:00Z", None),
        ("2026-01-05T03:00:61Z", None),
        ("2026-01-05T03:00:00+99:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+08:00", None),
        ("9999-12-31T23:59:60Z", None),
        ("٢026-01-05T03:00:00Z", None),
    ],
)
def test_a_text_is_a_moment_or_none(text: str | None, moment: datetime | None) -> None:
    assert timestamps.parse(text) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (round(NOW.timestamp() * 1000) + 7, NOW + timedelta(milliseconds=7)),
        (0, datetime(1970, 1, 1, tzinfo=timezone.utc)),
        (True, None),
        ("1705078276006", None),
        (1.5, None),
        (None, None),
        (10**30, None),
        (10**15, None),
    ],
)
def test_milliseconds_are_a_moment_or_none(value: Any, moment: datetime | None) -> None:
    assert timestamps.from_milliseconds(value) == moment


@given(MOMENTS)
def test_a_moment_survives_being_written_to_the_millisecond(moment: datetime) -> None:
    written = timestamps.text(moment)
    read = timestamps.parse(written)

    assert read is not None
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    assert timestamps.text(read) == written


def test_a_missing_moment_is_written_as_null() -> None:
    assert timestamps.text(None) is None

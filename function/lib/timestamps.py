"""Timestamps in and out: RFC 3339 text and epoch milliseconds as aware UTC datetimes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,6})[0-9]{0,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse(text: str | None) -> datetime | None:
    """Return the moment that an RFC 3339 text names, or None where it names none.

    A leap second is the second after it. Year 1, which Go sends for "no time", is no moment.

    >>> parse("2026-01-05T03:15:00.123456789+01:00").isoformat()
    '2026-01-05T02:15:00.123456+00:00'
    >>> parse("0001-01-01T00:00:00Z"), parse("2026-02-30T00:00:00Z"), parse("2026-01-05T03:15:00")
    (None, None, None)
    """
    match = _RFC3339.fullmatch(text or "")
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    # RFC 3339 allows second 60; datetime does not.
    leap = second == "60"
    zone = "+00:00" if offset in "Zz" else offset
    iso = f"{day}T{minute}:{'59' if leap else second}.{(fraction or '0').ljust(6, '0')}{zone}"
    try:
        moment = datetime.fromisoformat(iso).astimezone(timezone.utc)
        moment += timedelta(seconds=1 if leap else 0)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


def from_milliseconds(value: object) -> datetime | None:
    """Return the moment of an epoch time in milliseconds, or None where it is none.

    >>> from_milliseconds(1705078276006).isoformat()
    '2024-01-12T16:51:16.006000+00:00'
    >>> from_milliseconds(10**30)
    """
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=value)
    except OverflowError:
        return None


def text(moment: datetime | None) -> str | None:
    """Return a moment as RFC 3339 text in UTC, to the millisecond if it has any, or None.

    >>> text(parse("2026-01-05T03:15:00.123999+01:00")), text(parse("2026-01-05T03:15:00Z"))
    ('2026-01-05T02:15:00.123Z', '2026-01-05T03:15:00Z')
    """
    if moment is None:
        return None
    detail = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.astimezone(timezone.utc).isoformat(timespec=detail).replace("+00:00", "Z")


def to_the_second(moment: datetime | None) -> str | None:
    """Return a moment as people read it, or None."""
    return text(moment and moment.replace(microsecond=0))

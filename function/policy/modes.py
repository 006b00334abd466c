"""The mode of an instance: its tag `auto-remediation`, else DEFAULT_MODE (pure).

`act` restarts, `observe` only reports what would be done, `off` leaves the instance alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from types import MappingProxyType
from typing import NamedTuple

from ..model.decision import Mode

TAG = "auto-remediation"


class TagMode(NamedTuple):
    """The mode in the tag of an instance; `understood` is False for an unknown value."""

    mode: Mode
    understood: bool = True


WORDS: Mapping[str, Mode] = MappingProxyType(
    {
        **dict.fromkeys(("act", "on", "yes", "true"), Mode.ACT),
        "observe": Mode.OBSERVE,
        **dict.fromkeys(("off", "no", "false"), Mode.OFF),
    }
)
# Two tags whose keys differ only in case may contradict each other: the more careful one counts.
_CAREFUL_FIRST = (Mode.OFF, Mode.OBSERVE, Mode.ACT)
# Of the characters that every console accepts in a tag: letters, digits, `-`, `_`, `.`.
_VALUE = "([a-z]+)(?:-until-([0-9]{4}-[0-9]{2}-[0-9]{2}))?"


def parse_value(value: str, now: datetime) -> TagMode | None:
    """Return what a value of the tag says; None after its end date, as if there were no tag.

    The end date is the last day, in UTC, on which the word counts. A value that is no mode counts
    as `off`, for good: its owner wanted something else than the default.

    >>> noon = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    >>> parse_value("Observe", noon), parse_value("off-until-2026-01-05", noon)
    (TagMode(mode=<Mode.OBSERVE: 'observe'>, understood=True), \
TagMode(mode=<Mode.OFF: 'off'>, understood=True))
    >>> parse_value("off-until-2026-01-04", noon)
    >>> parse_value("", noon), parse_value("off-until-2026-02-30", noon)
    (TagMode(mode=<Mode.OFF: 'off'>, understood=False), \
TagMode(mode=<Mode.OFF: 'off'>, understood=False))
    """
    match = re.fullmatch(_VALUE, value.strip().lower())
    if match is None or match[1] not in WORDS:
        return TagMode(Mode.OFF, understood=False)
    if match[2] is None:
        return TagMode(WORDS[match[1]])
    try:
        last_day = date.fromisoformat(match[2])
    except ValueError:
        return TagMode(Mode.OFF, understood=False)
    expired = now.astimezone(timezone.utc).date() > last_day
    return None if expired else TagMode(WORDS[match[1]])


def tag_mode(tags: Sequence[tuple[str, str]] | None, now: datetime) -> TagMode | None:
    """Return what the tags of an instance say about its mode; None where they say nothing.

    >>> noon = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    >>> tag_mode((("team", "shop"), ("Auto-Remediation", "yes")), noon)
    TagMode(mode=<Mode.ACT: 'act'>, understood=True)
    >>> tag_mode((("team", "shop"),), noon), tag_mode(None, noon)
    (None, None)
    """
    # Keys of tags keep their case in the cloud, and people do not remember which it was.
    values = [value for key, value in tags or () if key.strip().lower() == TAG]
    modes = [mode for value in values if (mode := parse_value(value, now)) is not None]
    return min(modes, key=lambda tagged: _CAREFUL_FIRST.index(tagged.mode), default=None)


def mode_of(tags: Sequence[tuple[str, str]] | None, default: Mode, now: datetime) -> Mode:
    """Return the mode of an instance with these tags.

    >>> noon = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    >>> mode_of((), Mode.OBSERVE, noon), mode_of((("auto-remediation", "on"),), Mode.OFF, noon)
    (<Mode.OBSERVE: 'observe'>, <Mode.ACT: 'act'>)
    """
    tagged = tag_mode(tags, now)
    return default if tagged is None else tagged.mode

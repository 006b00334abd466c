"""The mode of an instance: by its tag, until its end date, and by default."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.decision import Mode
from function.policy import modes
from function.policy.modes import TagMode
from tests.factories import NOW

WORDS = {
    **dict.fromkeys(("act", "on", "yes", "true"), Mode.ACT),
    "observe": Mode.OBSERVE,
    **dict.fromkeys(("off", "no", "false"), Mode.OFF),
}
words = st.sampled_from(sorted(WORDS))
moments = st.integers(0, 100 * 365 * 24).map(lambda hours: NOW + timedelta(hours=hours))
tags = st.lists(
    st.tuples(st.sampled_from(["auto-remediation", "AUTO-Remediation", "team"]), st.text() | words),
    max_size=4,
).map(tuple)


def mixed_case(word: str) -> str:
    return "".join(letter.upper() if index % 2 else letter for index, letter in enumerate(word))


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_is_understood_in_any_case_and_between_blanks(word: str) -> None:
    for value in (word, word.upper(), mixed_case(word), f" {word} "):
        assert modes.parse_value(value, NOW) == TagMode(WORDS[word])


@given(words, moments)
def test_a_word_with_an_end_holds_through_that_day_and_no_longer(
    word: str, moment: datetime
) -> None:
    today, yesterday = moment.date(), moment.date() - timedelta(days=1)

    assert modes.parse_value(f"{word}-until-{today}", moment) == TagMode(WORDS[word])
    assert modes.parse_value(f"{word}-UNTIL-{yesterday}", moment) is None


def test_the_day_of_an_end_is_a_day_in_utc() -> None:
    in_tokyo = datetime(2026, 1, 6, 8, tzinfo=timezone(timedelta(hours=9)))

    assert modes.parse_value("off-until-2026-01-05", in_tokyo) == TagMode(Mode.OFF)


@given(st.text())
def test_any_value_that_is_no_mode_counts_as_off(value: str) -> None:
    word, _, _ = value.strip().lower().partition("-until-")
    parsed = modes.parse_value(value, NOW)

    assert (word in WORDS) or parsed == TagMode(Mode.OFF, understood=False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "on off",
        "off-until-",
        "off-until-2026-02-30",
        "off-until-2026-1-5",
        "off-until-2026-01-05T00:00:00Z",
        "act-until-2020-01-01-until-2030-01-01",
        "maybe-until-2020-01-01",
        "observe-until-\u0662\u0660\u0663\u0660-\u0660\u0661-\u0660\u0661",
    ],
)
def test_a_value_that_is_not_understood_never_acts_and_never_expires(value: str) -> None:
    assert modes.parse_value(value, NOW) == TagMode(Mode.OFF, understood=False)


@given(tags, st.sampled_from(list(Mode)))
def test_of_several_tags_the_most_careful_counts(
    tags: tuple[tuple[str, str], ...], default: Mode
) -> None:
    ours = [value for key, value in tags if key.lower() == modes.TAG]
    parsed = {mode.mode for value in ours if (mode := modes.parse_value(value, NOW)) is not None}

    order = [Mode.OFF, Mode.OBSERVE, Mode.ACT]
    assert modes.mode_of(tags, default, NOW) is min(parsed, key=order.index, default=default)


def test_a_tag_that_has_expired_counts_as_absent() -> None:
    expired = (("auto-remediation", "off-until-2026-01-04"),)

    assert modes.mode_of(expired, Mode.OBSERVE, NOW) is Mode.OBSERVE
    assert modes.mode_of(None, Mode.ACT, NOW) is Mode.ACT

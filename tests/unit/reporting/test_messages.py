"""Every outcome and reason code has a readable sentence."""

from __future__ import annotations

import pytest

from function.lib import schemas
from function.model.errors import EventRejected
from function.model.event import Action, Outcome
from function.policy.call_result import CallResult
from function.reporting import messages

REASONS = set(schemas.load().schema("result")["$defs"]["reason"]["enum"])
REFUSALS = {refusal.reason for refusal in EventRejected.__subclasses__()} | {EventRejected.reason}


def test_every_reason_has_a_text_or_is_a_rejection_with_its_own() -> None:
    assert set(messages.REASON_TEXTS) | REFUSALS | {None} == REASONS


def test_every_call_result_has_words() -> None:
    assert {result.ending.reason for result in CallResult} - {None} <= set(messages.REASON_TEXTS)


@pytest.mark.parametrize("words", messages.REASON_TEXTS.values())
def test_reason_texts_end_a_sentence(words: str) -> None:
    assert words == words.strip().rstrip(".")


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.REJECTED])
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("reason", [None, "cooldown"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_headline_is_one_sentence(
    action: Action, outcome: Outcome, reason: str | None, number: int
) -> None:
    sentence = messages.headline(action, outcome, reason, done=1, total=number)

    assert sentence.startswith(messages.ACTIONS[action])
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ("1 instance " in sentence) == (number == 1)
    assert ("2 instances" in sentence) == (number == 2)


@pytest.mark.parametrize(
    ("outcome", "reason", "sentence"),
    [
        (Outcome.DRY_RUN, "dry_run", "Restart not sent: DRY_RUN is true, so nothing was sent."),
        (Outcome.UNKNOWN, None, "Restart may have been done."),
        (Outcome.FAILED, "no such word", "Restart failed."),
    ],
)
def test_headline_of_other_outcomes_is_plain(
    outcome: Outcome, reason: str | None, sentence: str
) -> None:
    assert messages.headline(Action.RESTART, outcome, reason) == sentence


@pytest.mark.parametrize("words", messages.REASON_TEXTS.values())
def test_words_are_right_for_one_instance_and_for_several(words: str) -> None:
    assert not words.startswith(("it ", "its ", "the instance "))


def test_messages_use_the_plural_for_two_instances() -> None:
    sentence = messages.headline(Action.RESTART, Outcome.SKIPPED, "already_answered", total=2)

    assert sentence == "Restart of 2 instances skipped: restarted after the alarm was raised."


def test_unknown_outcome_is_stated_once() -> None:
    sentence = messages.headline(Action.RESTART, Outcome.UNKNOWN, "unclear", total=1)

    assert sentence == (
        "Restart of 1 instance may have been done: "
        "no clear answer came, and nothing read afterwards settles it."
    )


@pytest.mark.parametrize(
    ("outcome", "number", "end"),
    [
        (Outcome.ACCEPTED, 0, " (none listed) accepted."),
        (Outcome.ACCEPTED, 1, " (1 instance listed) accepted."),
        (Outcome.DRY_RUN, 0, " (none listed) not sent."),
        (Outcome.UNKNOWN, 0, " (none listed) may have been done."),
        (Outcome.FAILED, 0, " failed."),
        (Outcome.FAILED, 2, " (2 instances listed) failed."),
        (Outcome.SKIPPED, 0, " skipped."),
    ],
)
def test_a_purge_says_what_was_listed_wherever_it_has_certainly_looked(
    outcome: Outcome, number: int, end: str
) -> None:
    sentence = messages.headline(Action.PURGE_FAILED, outcome, None, total=number)

    assert sentence == f"Purge of failed creations{end}"

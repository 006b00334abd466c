"""The rules that skip one live instance, and when they call a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from function.model.decision import Mode
from function.model.event import Action
from function.policy import instance_rules
from function.policy.instance_rules import Answer, RuleContext, Skip
from tests.factories import NOW, limits, state


def context(
    *, alarm: bool = True, raised_at: datetime | None = NOW, **settings: Any
) -> RuleContext:
    return RuleContext(limits(**settings), NOW, alarm, raised_at)


@pytest.mark.parametrize("alarm", [True, False])
def test_an_instance_that_does_not_exist_is_not_found_and_an_alarm_for_it_needs_a_person(
    *, alarm: bool
) -> None:
    assert instance_rules.not_found(state(status=None), context(alarm=alarm)) == Skip(
        "not_found", alarm
    )
    assert instance_rules.not_found(state(), context(alarm=alarm)) is None


@pytest.mark.parametrize("engine", ["rabbitmq", "rocketmq", None])
def test_another_engine_is_left_alone(engine: str | None) -> None:
    assert instance_rules.not_kafka(state(engine=engine), context()) == Skip("not_kafka")


def test_a_kafka_instance_is_not_skipped_for_its_engine() -> None:
    assert instance_rules.not_kafka(state(), context()) is None


@pytest.mark.parametrize("value", ["off", "no", "false", "OFF", "No", "False", " off "])
def test_an_owner_opts_out_with_a_tag_in_any_case(value: str) -> None:
    tags = (("team", "a"), ("auto-remediation", value))

    assert instance_rules.opted_out(state(tags=tags), context()) == Skip("opted_out")


@pytest.mark.parametrize(
    "tags",
    [
        None,
        (),
        (("auto-remediation", "on"),),
        (("auto-remediation", "observe"),),
        (("auto-remediation", "off-until-2026-01-04"),),
        (("remediation", "off"),),
        (("off", "auto-remediation"),),
    ],
)
def test_any_other_tag_opts_out_of_nothing(tags: Any) -> None:
    assert instance_rules.opted_out(state(tags=tags), context()) is None


def test_a_restart_that_goes_on_is_not_joined() -> None:
    result = instance_rules.already_restarting(state(status="RESTARTING"), context())

    assert result == Skip("already_restarting")
    assert instance_rules.already_restarting(state(status="ERROR"), context()) is None


@pytest.mark.parametrize("alarm", [True, False])
@pytest.mark.parametrize("status", ["UPGRADING", "EXTENDEDFAILED", "CREATEFAILED", "A_NEW_WORD"])
def test_a_status_that_is_not_listed_is_left_alone_and_an_alarm_about_it_needs_a_person(
    status: str, *, alarm: bool
) -> None:
    result = instance_rules.not_restartable(state(status=status), context(alarm=alarm))

    assert result == Skip("status", alarm)


def test_the_statuses_that_may_be_restarted_are_a_setting() -> None:
    listed = context(restart_statuses=frozenset({"EXTENDEDFAILED"}))

    assert instance_rules.not_restartable(state(status="EXTENDEDFAILED"), listed) is None
    assert instance_rules.not_restartable(state(status="RUNNING"), listed) is not None
    assert instance_rules.not_restartable(state(status="RUNNING"), context()) is None
    assert instance_rules.not_restartable(state(status="ERROR"), context()) is None


def test_only_what_runs_or_has_failed_is_deleted_and_only_where_the_operator_lists_it() -> None:
    request = context(alarm=False)
    wide = context(alarm=False, restart_statuses=frozenset({"EXTENDEDFAILED", "RUNNING"}))

    assert instance_rules.not_deletable(state(status="ERROR"), request) is None
    assert instance_rules.not_deletable(state(status="RUNNING"), request) is None
    assert instance_rules.not_deletable(state(status="RESTARTING"), request) == Skip("status")
    assert instance_rules.not_deletable(state(status="EXTENDEDFAILED"), wide) == Skip("status")
    assert instance_rules.not_deletable(state(status="ERROR"), wide) == Skip("status")


def test_an_empty_or_unknown_value_of_the_tag_opts_out() -> None:
    for value in ("", "maybe", "off-until-2026-02-30"):
        tags = (("auto-remediation", value),)
        assert instance_rules.opted_out(state(tags=tags), context()) == Skip("opted_out")


def test_the_default_mode_holds_for_an_instance_without_the_tag() -> None:
    off = context(default_mode=Mode.OFF)

    assert instance_rules.opted_out(state(), off) == Skip("opted_out")
    assert instance_rules.opted_out(state(tags=(("auto-remediation", "on"),)), off) is None
    assert instance_rules.opted_out(state(), context(default_mode=Mode.OBSERVE)) is None


def test_the_rules_apply_in_the_order_of_the_design() -> None:
    assert list(instance_rules.RULES[Action.RESTART]) == [
        "not_found",
        "not_kafka",
        "opted_out",
        "already_restarting",
        "status",
        "already_answered",
        "cooldown",
        "restart_limit",
    ]
    assert list(instance_rules.RULES[Action.DELETE]) == [
        "not_found",
        "not_kafka",
        "opted_out",
        "status",
    ]


def test_the_answers_end_with_the_first_rule_that_applies() -> None:
    restarting = state(status="RESTARTING")

    answers = list(instance_rules.answers(Action.RESTART, restarting, context()))

    assert answers == [
        Answer("not_found", None),
        Answer("not_kafka", None),
        Answer("opted_out", None),
        Answer("already_restarting", Skip("already_restarting")),
    ]


def test_every_rule_answers_where_none_applies() -> None:
    answers = list(instance_rules.answers(Action.RESTART, state(), context()))

    assert [answer.rule for answer in answers] == list(instance_rules.RULES[Action.RESTART])
    assert not any(answer.skip for answer in answers)

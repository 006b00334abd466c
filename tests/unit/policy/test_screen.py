"""Screen: the rules that need no live state, in the order in which they apply."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from function.model.decision import ScreenedEvent
from function.model.errors import ActionDisabled, ActionNotForSource, NotAllowed, TooMany
from function.model.event import CHANGING_ACTIONS, Action, Event, Intent, Outcome, Source
from function.policy.screen import intent_answers
from tests.factories import (
    ALARMS,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    REQUESTS,
    SCHEDULES,
    SECOND,
    ids,
    limits,
    restart,
    screen_of,
)

PURGE = Intent(Action.PURGE_FAILED)
DELETE = Intent(Action.DELETE, (ORDERS,))


def reasons(result: ScreenedEvent) -> dict[str, str | None]:
    assert all(verdict.outcome is Outcome.SKIPPED for verdict in result.verdicts)
    return {verdict.id: verdict.reason for verdict in result.verdicts}


def test_an_alarm_that_asks_for_a_restart_leaves_its_instance_to_look_at() -> None:
    result = screen_of(restart(metric="broker_alive", raised_at=NOW))

    assert result == ScreenedEvent(
        Action.RESTART, alarm=True, targets=(ORDERS,), raised_at={ORDERS: NOW}
    )
    assert result.needs_live_state


@pytest.mark.parametrize("reason", ["not_firing", "test_event", "not_mapped"])
def test_skip_reason_of_the_source_is_kept(reason: str) -> None:
    result = screen_of(restart(skip=reason))

    assert reasons(result) == {ORDERS: reason}
    assert (result.reason, result.targets, result.needs_live_state) == (reason, (), False)


@pytest.mark.parametrize(("metric", "asks"), [("broker_alive", True), ("disk_usage", False)])
def test_only_a_listed_metric_asks_for_a_restart(metric: str, *, asks: bool) -> None:
    result = screen_of(restart(metric=metric))

    assert (result.needs_live_state, result.reason) == (asks, None if asks else "not_mapped")


def test_the_answers_on_an_intent_end_with_the_first_rule_that_skips_it() -> None:
    late = restart(metric="disk_usage", raised_at=NOW - 31 * DAY)
    answers = list(intent_answers(late, Event((late,)), limits(), NOW))

    assert [(answer.rule, answer.skip is not None) for answer in answers] == [
        ("not_firing", False),
        ("test_event", False),
        ("not_mapped", True),
    ]


@pytest.mark.parametrize(
    ("setting", "metric", "asks"),
    [
        ("broker_alive", "BROKER_ALIVE", True),
        ("Broker_Alive", "broker_alive", True),
        ("broker_alive", "Broker Alive", True),
        ("broker_alive", " node alive status", True),
        ("broker_alive", "Broker Disk Usage", False),
        ("broker_alive", "", False),
        ("Nodo activo", "NODO ACTIVO", True),
        ("节点存活状态", "节点存活状态", True),
        ("broker_disk_usage", "Broker Alive", False),
    ],
)
def test_a_metric_is_compared_in_any_case_and_broker_alive_under_its_names_of_the_console(
    setting: str, metric: str, *, asks: bool
) -> None:
    result = screen_of(restart(metric=metric), alarm_metrics=frozenset({setting}))

    assert (result.reason is None) is asks


def test_a_localized_metric_that_is_not_mapped_says_which_setting_decides() -> None:
    note = "ALARM_METRICS decides."

    unmapped = screen_of(restart(metric="Datenträger", not_mapped_note=note))
    mapped = screen_of(restart(metric="Broker Alive", not_mapped_note=note))

    assert (unmapped.reason, unmapped.notes, unmapped.needs_human) == ("not_mapped", (note,), False)
    assert (mapped.reason, mapped.notes) == (None, ())


def test_a_mapped_alarm_that_names_no_instance_needs_a_person() -> None:
    nameless = Intent(Action.RESTART, metric="broker_alive")

    result = screen_of(nameless)

    assert (result.reason, result.targets, result.verdicts) == ("not_mapped", (), ())
    assert result.needs_human
    assert result.notes == ("The alarm asks for a restart, but names no Kafka instance.",)
    for quiet in (
        nameless._replace(metric="disk_usage"),
        nameless._replace(skip="not_firing"),
        nameless._replace(skip="not_mapped"),
    ):
        assert not screen_of(quiet).needs_human


def test_an_alarm_that_does_not_fire_says_so_whatever_its_metric_and_age() -> None:
    assert screen_of(restart(skip="not_firing", metric="x"), sent=NOW - DAY).reason == "not_firing"


def test_a_metric_that_asks_for_nothing_says_so_whatever_its_age() -> None:
    assert screen_of(restart(metric="x"), sent=NOW - DAY).reason == "not_mapped"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (NOW - HOUR - SECOND, "stale"),
        (NOW - HOUR, None),
        (NOW + 5 * MINUTE, None),
        (NOW + 5 * MINUTE + SECOND, "from_the_future"),
        (None, None),
    ],
)
@pytest.mark.parametrize("intent", [restart(), PURGE, DELETE], ids=lambda one: one.action.value)
def test_an_event_acts_from_an_hour_after_to_five_minutes_before_it_was_sent(
    intent: Intent, sent: Any, reason: str | None
) -> None:
    actions = frozenset(Action)
    result = screen_of(intent, source=REQUESTS, sent=sent, enabled_actions=actions)

    assert (result.reason, result.needs_live_state) == (reason, reason is None)


def test_the_oldest_event_that_acts_is_a_setting() -> None:
    assert screen_of(restart(), sent=NOW - 3 * MINUTE, max_event_age=2 * MINUTE).reason == "stale"
    assert screen_of(restart(), sent=NOW - 3 * MINUTE, max_event_age=4 * MINUTE).needs_live_state


@pytest.mark.parametrize(
    ("source", "intent"),
    [(ALARMS, PURGE), (ALARMS, DELETE), (SCHEDULES, DELETE)],
    ids=["alarm purge", "alarm delete", "schedule delete"],
)
def test_a_source_may_not_ask_for_what_is_not_its_own(source: Source, intent: Intent) -> None:
    with pytest.raises(ActionNotForSource, match=intent.action.value):
        screen_of(intent, source=source, enabled_actions=CHANGING_ACTIONS, sent=NOW - DAY)


@pytest.mark.parametrize(
    ("intent", "enabled"),
    [(DELETE, None), (PURGE, frozenset({Action.RESTART})), (restart(), frozenset())],
    ids=["delete by default", "purge", "restart"],
)
def test_an_action_that_is_not_enabled_is_refused(intent: Intent, enabled: Any) -> None:
    settings = {} if enabled is None else {"enabled_actions": enabled}
    with pytest.raises(ActionDisabled, match="ENABLED_ACTIONS"):
        screen_of(intent, source=REQUESTS, **settings)


def test_an_event_that_asks_for_nothing_is_skipped_although_its_action_is_disabled() -> None:
    result = screen_of(restart(skip="not_firing"), enabled_actions=frozenset())

    assert result.reason == "not_firing"


@pytest.mark.parametrize(
    "settings",
    [
        {"blocked": frozenset({ORDERS})},
        {"allowed": frozenset({PAYMENTS})},
        {"allowed": frozenset({ORDERS, PAYMENTS}), "blocked": frozenset({ORDERS})},
    ],
    ids=["blocked", "not allowed", "allowed and blocked"],
)
def test_an_alarm_skips_what_may_not_be_touched_and_a_request_is_refused_whole(
    settings: Any,
) -> None:
    result = screen_of(restart(ORDERS), restart(PAYMENTS), **settings)
    assert reasons(result) == {ORDERS: "not_allowed"}
    assert (result.targets, result.reason) == ((PAYMENTS,), None)

    for intent in (restart(PAYMENTS, ORDERS), Intent(Action.DELETE, (PAYMENTS, ORDERS))):
        with pytest.raises(NotAllowed, match=ORDERS):
            screen_of(intent, source=REQUESTS, enabled_actions=CHANGING_ACTIONS, **settings)


def test_an_alarm_for_nothing_but_blocked_instances_is_closed() -> None:
    result = screen_of(restart(), blocked=frozenset({ORDERS}))

    assert (result.needs_live_state, reasons(result)) == (False, {ORDERS: "not_allowed"})


@pytest.mark.parametrize("source", [ALARMS, REQUESTS], ids=["alarm", "request"])
def test_more_targets_than_the_limit_are_refused_whole_and_never_truncated(source: Source) -> None:
    assert len(screen_of(restart(*ids(10)), source=source).targets) == 10
    with pytest.raises(TooMany, match=r"11 instances are more than MAX_INSTANCES \(10\)") as many:
        screen_of(restart(*ids(11)), source=source)
    assert many.value.needs_human is source.alarm


def test_only_distinct_targets_count_and_not_those_that_are_skipped() -> None:
    skipped = [restart(id_, skip="not_firing") for id_ in ids(9)[3:]]
    result = screen_of(
        *[restart(one) for one in ids(3) * 4], *skipped, max_instances=2, blocked={ids(1)[0]}
    )

    assert result.targets == tuple(ids(3)[1:])
    assert len(result.verdicts) == 7


def test_a_request_for_a_blocked_instance_is_not_allowed_before_it_is_too_many() -> None:
    with pytest.raises(NotAllowed):
        screen_of(restart(*ids(11)), source=REQUESTS, blocked={ids(1)[0]})


@pytest.mark.parametrize(
    ("raised", "reason"), [(30 * DAY, None), (30 * DAY + SECOND, "stale"), (300 * DAY, "stale")]
)
def test_an_alarm_that_began_before_the_history_does_is_stale(
    raised: timedelta, reason: str | None
) -> None:
    result = screen_of(restart(raised_at=NOW - raised))
    assert result.reason == reason
    assert result.targets == (() if reason else (ORDERS,))

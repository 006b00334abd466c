"""Screen: groups of alerts, each alert on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from function.model.decision import ScreenedEvent, Verdict
from function.model.event import Action, Intent, Outcome
from tests.factories import (
    AUDIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    PAYMENTS,
    SCHEDULES,
    ids,
    restart,
    screen_of,
)

PURGE = Intent(Action.PURGE_FAILED)


def reasons(result: ScreenedEvent) -> dict[str, str | None]:
    assert all(verdict.outcome is Outcome.SKIPPED for verdict in result.verdicts)
    return {verdict.id: verdict.reason for verdict in result.verdicts}


def test_each_alert_of_a_group_is_judged_by_itself() -> None:
    result = screen_of(restart(ORDERS), restart(PAYMENTS, skip="not_firing"), restart(skip="x"))

    assert result.targets == (ORDERS,)
    assert reasons(result) == {PAYMENTS: "not_firing"}
    assert result.reason is None


def test_one_firing_alert_makes_its_instance_a_target() -> None:
    result = screen_of(restart(skip="not_firing"), restart(), restart(skip="not_mapped"))

    assert (result.targets, result.verdicts, result.reason) == ((ORDERS,), (), None)


def test_the_first_reason_to_skip_an_instance_counts_and_the_order_stays() -> None:
    result = screen_of(
        restart(ORDERS, skip="not_mapped"),
        restart(PAYMENTS, skip="not_firing"),
        restart(AUDIT, skip="not_firing"),
        restart(AUDIT, skip="not_mapped"),
    )

    assert result.verdicts == (
        Verdict(ORDERS, Outcome.SKIPPED, "not_mapped"),
        Verdict(PAYMENTS, Outcome.SKIPPED, "not_firing"),
        Verdict(AUDIT, Outcome.SKIPPED, "not_firing"),
    )


def test_the_newest_firing_alarm_of_an_instance_says_when_it_was_raised() -> None:
    moments = [NOW - HOUR, NOW - MINUTE, None, NOW - DAY]
    result = screen_of(*[restart(raised_at=moment) for moment in moments], restart(PAYMENTS))

    assert result.raised_at == {ORDERS: NOW - MINUTE, PAYMENTS: None}


def test_a_resolved_alert_does_not_say_when_its_instance_was_in_trouble() -> None:
    result = screen_of(restart(raised_at=NOW - HOUR), restart(raised_at=NOW, skip="not_firing"))

    assert result.raised_at == {ORDERS: NOW - HOUR}


def test_alerts_that_name_no_instance_leave_nothing_but_a_reason() -> None:
    result = screen_of(Intent(Action.RESTART, skip="not_mapped"))
    assert (result.reason, result.verdicts, result.needs_live_state) == ("not_mapped", (), False)

    empty = screen_of()
    assert (empty.action, empty.reason, empty.needs_live_state) == (
        Action.RESTART,
        "not_mapped",
        False,
    )


def test_a_purge_is_open_although_it_names_no_instance() -> None:
    result = screen_of(PURGE, source=SCHEDULES)

    assert (result.action, result.targets, result.needs_live_state, result.alarm) == (
        PURGE.action,
        (),
        True,
        False,
    )


@given(
    st.lists(
        st.builds(
            restart,
            st.sampled_from(ids(4)),
            skip=st.sampled_from([None, "not_firing", "not_mapped"]),
        ),
        max_size=8,
    ),
    st.frozensets(st.sampled_from(ids(4))),
)
def test_every_instance_of_an_alarm_is_a_target_or_skipped_and_never_both(
    intents: list[Intent], blocked: frozenset[str]
) -> None:
    result = screen_of(*intents, blocked=blocked)
    skipped = [verdict.id for verdict in result.verdicts]

    assert sorted([*result.targets, *skipped]) == sorted(
        {intent.instances[0] for intent in intents}
    )
    assert not blocked & {*result.targets}

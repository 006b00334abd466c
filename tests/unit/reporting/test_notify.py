"""Notifications are short and plain, name the next step, and fit an SMS."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib import schemas
from function.model.event import Action, Outcome
from function.model.result import ResultEvent, is_notification
from function.reporting import messages, notify
from function.settings.model import NotifySettings, OutboundSettings
from tests.factories import ids

SCHEMA = schemas.load().schema("result")
EXAMPLE: dict[str, Any] = SCHEMA["examples"][0]
REASONS = SCHEMA["$defs"]["reason"]["enum"]
MARK = f"Log: result {'0' * 32} of kafka-remediator"
API = EXAMPLE["data"]["api"]


def result(**data: Any) -> ResultEvent:
    return ResultEvent({"id": "0" * 32, "data": {**EXAMPLE["data"], **data}}, 200)


def instance(id_: str, outcome: str = "skipped", reason: str | None = "storm") -> dict[str, Any]:
    return {
        "id": id_,
        "outcome": outcome,
        "reason": reason,
        "status": "ERROR",
        "last_restart": None,
    }


def lines(**data: Any) -> list[str]:
    return notify.compose(result(**data)).message.split("\n")


def test_a_message_says_what_why_what_to_do_which_and_where_the_log_is() -> None:
    refused = {**API, "status": 403, "error_code": "DMS.00403003", "request_id": "r-1"}
    notification = notify.compose(
        result(
            outcome="failed",
            reason="permission",
            message="Restart of 1 instance failed: the credentials lack a permission.",
            instances=[instance(ids(1)[0], "failed", "permission")],
            api=refused,
            needs_human=True,
        )
    )

    assert notification.subject == (
        "Kafka: Look now. Restart of 1 instance failed: the credentials lack a permission"
    )
    assert notification.message.split("\n") == [
        "Restart of 1 instance failed: the credentials lack a permission.",
        "Asked by: ces_alarm, kafka-broker-alive, 2026-01-05T02:15:04Z",
        "What to do: Grant the permission that the action needs, then restart by hand.",
        f"failed (permission): {ids(1)[0]}, status ERROR",
        "The cloud answered: 403 DMS.00403003, request r-1",
        MARK,
    ]


def test_a_storm_of_fifty_instances_is_one_short_message() -> None:
    notification = lines(
        outcome="skipped",
        reason="storm",
        message="Restart of 50 instances skipped: too many.",
        instances=[instance(id_) for id_ in ids(50)],
        needs_human=True,
    )

    assert f"skipped (storm): {', '.join(ids(3))} and 47 more" in notification
    assert len(notification) == 5


def test_the_most_urgent_step_stands_first_and_each_once() -> None:
    notification = lines(
        outcome="partial",
        reason=None,
        instances=[
            instance(ids(3)[0], "accepted", None),
            instance(ids(3)[1], "failed", "refused"),
            instance(ids(3)[2], "failed", "refused"),
        ],
    )

    steps = [line for line in notification if line.startswith("What to do")]
    assert steps == [
        f"What to do: {messages.NEXT_STEPS['refused']}",
        f"What to do: {messages.ACCEPTED_STEPS[Action.RESTART]}",
    ]


def test_a_call_for_a_person_always_has_a_step() -> None:
    notification = lines(outcome="rejected", reason="media_type", instances=[], needs_human=True)

    assert f"What to do: {messages.LOOK_AT_THE_LOG}" in notification


def test_a_failed_check_says_what_is_broken_and_how_it_is_mended() -> None:
    checks = [
        {"name": "list", "status": "pass", "detail": "12 instances.", "fix": None},
        {"name": "tasks", "status": "fail", "detail": "Refused.", "fix": "Grant it."},
        {"name": "clock", "status": "fail", "detail": "An hour off.", "fix": None},
    ]

    message = "Check failed. tasks: Refused. Grant it. clock: An hour off."
    fields = {"action": "check", "outcome": "failed", "instances": [], "needs_human": True}
    notification = lines(**fields, reason=None, checks=checks, message=message)

    assert notification[0] == "Check failed."
    assert notification.count("tasks: Refused. Grant it.") == 1
    assert [line for line in notification if "to do" in line] == [
        f"What to do: {messages.FIX_WHAT_FAILED}"
    ]
    assert "clock: An hour off." in notification
    assert not any("12 instances" in line for line in notification)


def test_an_unnamed_event_of_an_unknown_source_is_named_so() -> None:
    event = {"source": None, "id": None, "time": None, "name": None}

    assert "Asked by: an event that was not recognized" in lines(event=event)


def test_characters_sms_rejects_are_removed() -> None:
    event = {**EXAMPLE["data"]["event"], "name": "[P1] 【紧急】 broker\ndown"}
    notification = notify.compose(result(event=event, message="Restart [x] accepted."))

    assert not set("[]【】") & set(notification.subject + notification.message)
    assert (
        "Asked by: ces_alarm, (P1) (紧急) broker down, 2026-01-05T02:15:04Z" in notification.message
    )


@given(
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
    action=st.sampled_from([action.value for action in Action]),
    reason=st.sampled_from(REASONS),
    message=st.text(max_size=3000),
    name=st.none() | st.text(max_size=300),
    endings=st.lists(
        st.tuples(st.sampled_from(["accepted", "failed", "skipped"]), st.sampled_from(REASONS)),
        max_size=50,
    ),
    needs_human=st.booleans(),
)
def test_every_notification_fits_the_line_and_topic_limits(
    outcome: str,
    action: str,
    reason: str | None,
    message: str,
    name: str | None,
    endings: list[tuple[str, str | None]],
    needs_human: bool,
) -> None:
    data = {"outcome": outcome, "action": action, "reason": reason, "message": message}
    instances = [instance(id_, *ending) for id_, ending in zip(ids(50), endings, strict=False)]
    event = {**EXAMPLE["data"]["event"], "name": name}
    api = {**API, "status": 400, "error_code": "DMS.00400026", "error_msg": "No."}
    notification = notify.compose(
        result(**data, instances=instances, event=event, api=api, needs_human=needs_human)
    )

    assert 0 < len(notification.subject) <= 120
    assert len(notification.subject.encode()) <= 512
    assert len(notification.message.split("\n")) <= 10
    assert all(0 < len(line) <= notify.MAX_LINE_LENGTH for line in notification.message.split("\n"))
    assert is_notification(notification.message)
    assert notification.message.count(MARK) >= 1


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        ({"outcome": Outcome.ACCEPTED}, "acted"),
        ({"outcome": Outcome.PARTIAL}, "acted"),
        ({"outcome": Outcome.UNKNOWN, "needs_human": True}, "acted needs_human"),
        ({"outcome": Outcome.FAILED}, ""),
        ({"outcome": Outcome.FAILED, "needs_human": True}, "needs_human"),
        ({"outcome": Outcome.DRY_RUN}, ""),
        ({"outcome": Outcome.REJECTED}, ""),
        ({"outcome": Outcome.SKIPPED, "reason": "cooldown"}, "skipped"),
        ({"outcome": Outcome.SKIPPED, "reason": "recovered"}, "recovered skipped"),
        (
            {"outcome": Outcome.PASSED, "instances": [instance(ids(1)[0], "passed", "recovered")]},
            "recovered",
        ),
        ({"outcome": Outcome.SKIPPED, "reason": "own_notification", "needs_human": True}, ""),
    ],
)
def test_result_kinds_match_notify_on(data: dict[str, Any], kinds: str) -> None:
    assert notify.kinds(result(instances=data.pop("instances", []), **data).data) == set(
        kinds.split()
    )


@pytest.mark.parametrize(
    "step", [*messages.NEXT_STEPS.values(), messages.FIX_WHAT_FAILED, messages.LOOK_AT_THE_LOG]
)
def test_a_step_is_one_short_sentence_that_an_sms_can_carry(step: str) -> None:
    assert step.endswith(".")
    assert step.isascii()
    assert len(step) <= 90
    assert not set("[]") & set(step)


def test_every_step_is_of_a_reason_of_the_contract() -> None:
    assert set(messages.NEXT_STEPS) <= set(REASONS)


def test_a_text_that_is_too_long_ends_with_a_whole_sentence() -> None:
    notes = " ".join(f"Instance {number} was restarted and is down." for number in range(20))

    notification = lines(message=f"Verification failed. {notes}")

    assert len(notification[1]) <= notify.MAX_LINE_LENGTH
    assert notification[1].endswith("was restarted and is down. More in the log.")


def test_without_time_nothing_is_published() -> None:
    def refuse(_: Any) -> Any:
        raise AssertionError("nothing is signed")

    problem = notify.publish(
        result(), OutboundSettings("", ""), NotifySettings(), refuse, seconds=0
    )

    assert problem == "People were not notified: no time was left."

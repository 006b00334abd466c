"""Deletions, end to end: off by default, repeated in confirm, never forced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import AUDIT, DRAFT, ORDERS, PAYMENTS, ids
from tests.fake_dms import Reply, Reset
from tests.harness import Remediator, open_remediator

PING = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/cron"}


@pytest.fixture(name="remediator")
def open_the_remediator() -> Iterator[Remediator]:
    with open_remediator(ENABLED_ACTIONS="restart,purge_failed,delete") as remediator:
        for one in (PAYMENTS, AUDIT):
            remediator.cloud.add_instance(one)
        yield remediator


def sent(remediator: Remediator) -> list[Any]:
    return [post.json for post in remediator.cloud.posts]


def test_a_deletion_deletes_what_it_names_and_nothing_is_forced(remediator: Remediator) -> None:
    response = remediator.delete(ORDERS)

    assert response.verdict == (200, "accepted", None)
    assert sent(remediator) == [{"action": "delete", "instances": [ORDERS]}]
    assert [(effect.action, effect.instance) for effect in remediator.cloud.effects] == [
        ("delete", ORDERS)
    ]


@pytest.mark.parametrize(
    ("recycle_bin", "note"),
    [
        (True, "Deleted instances go to the recycle bin."),
        (False, "The recycle bin is off, so a deletion is final."),
        (None, "Whether deleted instances go to the recycle bin is not known."),
    ],
)
def test_a_deletion_says_what_is_known_of_the_recycle_bin(
    remediator: Remediator, note: str, *, recycle_bin: bool | None
) -> None:
    remediator.cloud.behaviour.recycle_bin = recycle_bin

    assert remediator.delete(ORDERS).data["message"] == f"Deletion of 1 instance accepted. {note}"


@pytest.mark.parametrize("answer", [{"default_use_recycle": "yes"}, {}, "[]", "?"])
def test_an_odd_answer_about_the_recycle_bin_says_nothing(
    remediator: Remediator, answer: Any
) -> None:
    remediator.cloud.fault(Reply(200, answer), kind="recycle")

    assert remediator.delete(ORDERS).data["message"].endswith("recycle bin is not known.")


@pytest.mark.parametrize(
    "fields",
    [{"confirm": [PAYMENTS]}, {"confirm": [ORDERS, PAYMENTS]}, {"confirm": []}, {"instances": []}],
)
def test_a_deletion_that_does_not_repeat_its_ids_is_refused(
    remediator: Remediator, fields: dict[str, Any]
) -> None:
    response = remediator.delete(ORDERS, **fields)

    assert (response.status, response.data["outcome"]) == (400, "rejected")
    assert not remediator.cloud.requests


def test_a_deletion_is_off_unless_the_operator_enables_it(remediator: Remediator) -> None:
    remediator.set(ENABLED_ACTIONS="")

    assert remediator.delete(ORDERS).verdict == (403, "rejected", "action_disabled")


def test_a_cloudevent_may_not_delete(remediator: Remediator) -> None:
    deletion = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}
    kind = {"ce-type": "dev.kafka-remediator.request.v1"}

    assert remediator.post("/", deletion, **PING, **kind).verdict == (
        403,
        "rejected",
        "action_not_for_source",
    )


def test_deletion_obeys_limits_and_tags(remediator: Remediator) -> None:
    assert remediator.delete(*ids(11)).verdict == (403, "rejected", "too_many")
    remediator.set(BLOCKED_INSTANCES=AUDIT)
    assert remediator.delete(ORDERS, AUDIT).verdict == (403, "rejected", "not_allowed")

    remediator.cloud.set_status(ORDERS, "UPGRADING")
    remediator.cloud.add_instance(PAYMENTS, tags={"auto-remediation": "off"})
    remediator.cloud.add_instance(DRAFT, engine="rabbitmq")
    response = remediator.delete(ORDERS, PAYMENTS, DRAFT, ids(1)[0])
    assert response.verdict == (200, "skipped", None)
    assert response.reasons == {
        ORDERS: "status",
        PAYMENTS: "opted_out",
        DRAFT: "not_kafka",
        ids(1)[0]: "not_found",
    }
    assert not response.data["needs_human"]
    assert not remediator.cloud.posts


def test_a_dry_deletion_shows_its_body(remediator: Remediator) -> None:
    remediator.set(DRY_RUN="true")
    response = remediator.delete(ORDERS.upper())

    assert response.verdict == (200, "dry_run", "dry_run")
    assert response.data["request"] == {"action": "delete", "instances": [ORDERS]}
    assert not remediator.cloud.posts


def test_deletion_with_a_lost_response_is_accepted_once_visible(remediator: Remediator) -> None:
    remediator.cloud.fault(Reset(at="done"), kind="action")

    assert remediator.delete(ORDERS).verdict == (200, "accepted", None)
    assert len(remediator.cloud.posts) == 1

"""Purges, end to end: named first, refused where they go too far, never from an alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import AUDIT, DRAFT, ORDERS, PAYMENTS, ids
from tests.fake_dms import Hold, Reply, Reset, vendor_error
from tests.harness import EventReply, Remediator, open_remediator

BODY = {"action": "delete", "all_failure": "kafka"}


TIMER = {
    "trigger_type": "TIMER",
    "trigger_name": "nightly",
    "time": "2026-01-05T11:00:00+08:00",
    "user_event": '{"action": "purge_failed"}',
}


PING = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/cron"}


@pytest.fixture(name="remediator")
def open_the_remediator() -> Iterator[Remediator]:
    with open_remediator(ENABLED_ACTIONS="restart,purge_failed,delete") as remediator:
        for one in (PAYMENTS, AUDIT):
            remediator.cloud.add_instance(one)
        yield remediator


def purge(remediator: Remediator) -> EventReply:
    return remediator.ask(action="purge_failed")


def sent(remediator: Remediator) -> list[Any]:
    return [post.json for post in remediator.cloud.posts]


def test_a_purge_names_what_it_removes(remediator: Remediator) -> None:
    remediator.cloud.add_failed_creation(DRAFT)
    response = purge(remediator)

    assert response.verdict == (200, "accepted", None)
    assert (
        response.data["instances"][0] | {"id": DRAFT, "status": "CREATEFAILED"}
        == (response.data["instances"][0])
    )
    assert response.data["message"] == "Purge of failed creations (1 instance listed) accepted."
    assert (response.data["request"], response.data["action"]) == (BODY, "purge_failed")
    assert (response.data["api"]["status"], response.data["api"]["attempts"]) == (204, 1)
    assert response.event["subject"] == DRAFT
    assert sent(remediator) == [BODY]
    assert [effect.instance for effect in remediator.cloud.effects] == [DRAFT]


@pytest.mark.parametrize("way", ["rows", "count", "hidden"])
def test_failed_creations_are_purged_in_every_listing_variant(
    remediator: Remediator, way: Any
) -> None:
    remediator.cloud.behaviour.failed_creations = way
    remediator.cloud.add_failed_creation(DRAFT)
    response = purge(remediator)

    assert response.verdict == (200, "accepted", None)
    assert len(response.data["instances"]) == (way == "rows")
    assert [effect.instance for effect in remediator.cloud.effects] == [DRAFT]


def test_an_empty_listing_does_not_stop_a_purge(remediator: Remediator) -> None:
    response = purge(remediator)

    assert response.verdict == (200, "accepted", None)
    assert response.data["message"] == "Purge of failed creations (none listed) accepted."
    assert response.data["instances"] == []
    assert sent(remediator) == [BODY]


@pytest.mark.parametrize("way", ["rows", "count"])
def test_a_purge_of_more_than_the_limit_is_refused_with_what_was_found(
    remediator: Remediator, way: Any
) -> None:
    remediator.cloud.behaviour.failed_creations = way
    remediator.set(MAX_PURGE="2")
    for one in ids(3):
        remediator.cloud.add_failed_creation(one)
    response = purge(remediator)

    assert response.verdict == (403, "rejected", "too_many")
    assert (ids(3)[2] in response.data["message"]) == (way == "rows")
    assert response.data["request"] is None
    assert not remediator.cloud.posts


def test_failed_creations_are_found_behind_many_instances(remediator: Remediator) -> None:
    for one in ids(120):
        remediator.cloud.add_instance(one)
    remediator.cloud.add_failed_creation(DRAFT)

    assert purge(remediator).data["instances"][0]["id"] == DRAFT
    assert len(remediator.cloud.arrived("list")) == 3


def test_a_purge_is_refused_where_a_blocked_instance_is_among_the_failed(
    remediator: Remediator,
) -> None:
    remediator.set(BLOCKED_INSTANCES=DRAFT)
    remediator.cloud.add_failed_creation(DRAFT)
    response = purge(remediator)

    assert response.verdict == (403, "rejected", "not_allowed")
    assert DRAFT in response.data["message"]
    assert not remediator.cloud.posts


def test_the_instances_an_operator_allows_do_not_limit_a_purge(remediator: Remediator) -> None:
    remediator.set(ALLOWED_INSTANCES=ORDERS)
    remediator.cloud.add_failed_creation(DRAFT)

    assert purge(remediator).verdict == (200, "accepted", None)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (vendor_error(403, "DMS.00403003"), 200),
        (vendor_error(429, "APIGW.0308"), 503),
        (vendor_error(404, "DMS.10240407"), 503),
        (Reply(200, {"instances": []}), 200),
        (Reply(200, {"instances": [{}], "instance_num": 1}), 200),
    ],
)
def test_a_listing_that_fails_stops_the_purge(
    remediator: Remediator, fault: Reply, status: int
) -> None:
    remediator.cloud.fault(fault, kind="list", times=None)
    response = purge(remediator)

    assert response.verdict == (status, "failed", "state_unreadable")
    assert response.data["needs_human"] == (status == 200)
    assert not remediator.cloud.posts


def test_a_listing_that_never_ends_stops_the_purge(remediator: Remediator) -> None:
    remediator.set(DEADLINE_SECONDS="1")
    remediator.cloud.fault(Hold(), kind="list", times=None)

    assert purge(remediator).verdict == (503, "failed", "state_unreadable")
    assert not remediator.cloud.posts


def test_a_timer_and_a_ping_may_purge(remediator: Remediator) -> None:
    remediator.cloud.add_failed_creation(DRAFT)
    response = remediator.trigger(TIMER)
    assert response.verdict == (200, "accepted", None)
    assert response.data["event"] == {
        "source": "timer",
        "id": "nightly 2026-01-05T11:00:00+08:00",
        "time": "2026-01-05T03:00:00Z",
        "name": "nightly",
    }

    remediator.clock.advance(60)
    response = remediator.post(
        "/", {"action": "purge_failed"}, **PING, **{"ce-type": "dev.knative.sources.ping"}
    )
    assert response.verdict == (200, "accepted", None)
    assert response.data["event"]["id"] == "7"
    assert sent(remediator) == [BODY, BODY]


def test_a_topic_may_not_purge_and_a_schedule_may_not_delete(remediator: Remediator) -> None:
    record = {"event_source": "smn", "smn": {"message": json.dumps({"action": "purge_failed"})}}
    response = remediator.trigger({"record": [record]})
    assert (response.data["outcome"], response.data["reason"]) == (
        "rejected",
        "action_not_for_source",
    )

    deletion = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}
    response = remediator.trigger(deletion)
    assert (response.data["outcome"], response.data["reason"]) == (
        "rejected",
        "action_not_for_source",
    )
    assert not remediator.cloud.requests


def test_a_dry_purge_shows_its_body_and_what_it_would_remove(remediator: Remediator) -> None:
    remediator.set(DRY_RUN="true")
    assert purge(remediator).verdict == (200, "dry_run", "dry_run")
    remediator.cloud.add_failed_creation(DRAFT)
    response = purge(remediator)

    assert response.verdict == (200, "dry_run", "dry_run")
    assert response.data["request"] == BODY
    assert response.reasons == {DRAFT: "dry_run"}
    assert not remediator.cloud.posts


def test_a_purge_whose_answer_is_lost_stays_unknown_and_is_not_repeated(
    remediator: Remediator,
) -> None:
    remediator.cloud.fault(Reset(at="done"), kind="action")
    response = purge(remediator)

    assert response.verdict == (202, "unknown", "unclear")
    assert response.data["needs_human"]
    assert sent(remediator) == [BODY]

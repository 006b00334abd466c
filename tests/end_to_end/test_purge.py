"""Purges, end to end: named first, refused where they go too far, never from an alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import AUDIT, DRAFT, ORDERS, PAYMENTS, ids
from tests.fake_dms import Hold, Reply, Reset, vendor_error
from tests.harness import Answered, World, world

BODY = {"action": "delete", "all_failure": "kafka"}


TIMER = {
    "trigger_type": "TIMER",
    "trigger_name": "nightly",
    "time": "2026-01-05T11:00:00+08:00",
    "user_event": '{"action": "purge_failed"}',
}


PING = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/cron"}


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world(ENABLED_ACTIONS="restart,purge_failed,delete") as night:
        for one in (PAYMENTS, AUDIT):
            night.cloud.add_instance(one)
        yield night


def purge(night: World) -> Answered:
    return night.ask(action="purge_failed")


def sent(night: World) -> list[Any]:
    return [post.json for post in night.cloud.posts]


def test_a_purge_names_what_it_removes(night: World) -> None:
    night.cloud.add_failed_creation(DRAFT)
    found = purge(night)

    assert found.brief == (200, "accepted", None)
    assert (
        found.data["instances"][0] | {"id": DRAFT, "status": "CREATEFAILED"}
        == (found.data["instances"][0])
    )
    assert found.data["message"] == "Purge of failed creations (1 instance listed) accepted."
    assert (found.data["request"], found.data["action"]) == (BODY, "purge_failed")
    assert (found.data["api"]["status"], found.data["api"]["attempts"]) == (204, 1)
    assert found.event["subject"] == DRAFT
    assert sent(night) == [BODY]
    assert [deed.instance for deed in night.cloud.deeds] == [DRAFT]


@pytest.mark.parametrize("way", ["rows", "count", "hidden"])
def test_however_the_cloud_lists_failed_creations_they_are_purged(night: World, way: Any) -> None:
    night.cloud.behaviour.failed_creations = way
    night.cloud.add_failed_creation(DRAFT)
    found = purge(night)

    assert found.brief == (200, "accepted", None)
    assert len(found.data["instances"]) == (way == "rows")
    assert [deed.instance for deed in night.cloud.deeds] == [DRAFT]


def test_an_empty_listing_does_not_stop_a_purge(night: World) -> None:
    found = purge(night)

    assert found.brief == (200, "accepted", None)
    assert found.data["message"] == "Purge of failed creations (none listed) accepted."
    assert found.data["instances"] == []
    assert sent(night) == [BODY]


@pytest.mark.parametrize("way", ["rows", "count"])
def test_a_purge_of_more_than_the_limit_is_refused_with_what_was_found(
    night: World, way: Any
) -> None:
    night.cloud.behaviour.failed_creations = way
    night.set(MAX_PURGE="2")
    for one in ids(3):
        night.cloud.add_failed_creation(one)
    found = purge(night)

    assert found.brief == (403, "rejected", "too_many")
    assert (ids(3)[2] in found.data["message"]) == (way == "rows")
    assert found.data["request"] is None
    assert not night.cloud.posts


def test_failed_creations_are_found_behind_many_instances(night: World) -> None:
    for one in ids(120):
        night.cloud.add_instance(one)
    night.cloud.add_failed_creation(DRAFT)

    assert purge(night).data["instances"][0]["id"] == DRAFT
    assert len(night.cloud.arrived("list")) == 3


def test_a_purge_is_refused_where_a_blocked_instance_is_among_the_failed(night: World) -> None:
    night.set(BLOCKED_INSTANCES=DRAFT)
    night.cloud.add_failed_creation(DRAFT)
    found = purge(night)

    assert found.brief == (403, "rejected", "not_allowed")
    assert DRAFT in found.data["message"]
    assert not night.cloud.posts


def test_the_instances_an_operator_allows_do_not_limit_a_purge(night: World) -> None:
    night.set(ALLOWED_INSTANCES=ORDERS)
    night.cloud.add_failed_creation(DRAFT)

    assert purge(night).brief == (200, "accepted", None)


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
def test_a_listing_that_fails_stops_the_purge(night: World, fault: Reply, status: int) -> None:
    night.cloud.fault(fault, kind="list", times=None)
    found = purge(night)

    assert found.brief == (status, "failed", "state_unreadable")
    assert found.data["needs_human"] == (status == 200)
    assert not night.cloud.posts


def test_a_listing_that_never_ends_stops_the_purge(night: World) -> None:
    night.set(DEADLINE_SECONDS="1")
    night.cloud.fault(Hold(), kind="list", times=None)

    assert purge(night).brief == (503, "failed", "state_unreadable")
    assert not night.cloud.posts


def test_a_timer_and_a_ping_may_purge(night: World) -> None:
    night.cloud.add_failed_creation(DRAFT)
    found = night.trigger(TIMER)
    assert found.brief == (200, "accepted", None)
    assert found.data["event"] == {
        "source": "timer",
        "id": "nightly 2026-01-05T11:00:00+08:00",
        "time": "2026-01-05T03:00:00Z",
        "name": "nightly",
    }

    found = night.post(
        "/", {"action": "purge_failed"}, **PING, **{"ce-type": "dev.knative.sources.ping"}
    )
    assert found.brief == (200, "accepted", None)
    assert found.data["event"]["id"] == "7"
    assert sent(night) == [BODY, BODY]


def test_a_topic_may_not_purge_and_a_schedule_may_not_delete(night: World) -> None:
    record = {"event_source": "smn", "smn": {"message": json.dumps({"action": "purge_failed"})}}
    found = night.trigger({"record": [record]})
    assert (found.data["outcome"], found.data["reason"]) == ("rejected", "action_not_for_source")

    deletion = {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}
    found = night.trigger(deletion)
    assert (found.data["outcome"], found.data["reason"]) == ("rejected", "action_not_for_source")
    assert not night.cloud.arrivals


def test_a_dry_purge_shows_its_body_and_what_it_would_remove(night: World) -> None:
    night.set(DRY_RUN="true")
    assert purge(night).brief == (200, "dry_run", "dry_run")
    night.cloud.add_failed_creation(DRAFT)
    found = purge(night)

    assert found.brief == (200, "dry_run", "dry_run")
    assert found.data["request"] == BODY
    assert found.reasons == {DRAFT: "dry_run"}
    assert not night.cloud.posts


def test_a_purge_whose_answer_is_lost_stays_unknown_and_is_not_repeated(night: World) -> None:
    night.cloud.fault(Reset(at="done"), kind="action")
    found = purge(night)

    assert found.brief == (202, "unknown", "unclear")
    assert found.data["needs_human"]
    assert sent(night) == [BODY]

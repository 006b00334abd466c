"""Check requests over every entrypoint: their answers, limits and API calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import ORDERS, PAYMENTS
from tests.harness import EventReply, Remediator, open_remediator, restarted

NAMES = """settings endpoint clock credentials project list show tasks restart_task_names
failed_creations restart_permission purge_permission instances routes certificate copies""".split()


def statuses(answered: EventReply) -> dict[str, str]:
    return {check["name"]: check["status"] for check in answered.data["checks"]}


def named(answered: EventReply, status: str = "fail") -> set[str]:
    return {name for name, word in statuses(answered).items() if word == status}


def detail(answered: EventReply, name: str) -> str:
    found = next(check for check in answered.data["checks"] if check["name"] == name)
    return f"{found['detail']} {found['fix'] or ''}"


def healthy(remediator: Remediator) -> Remediator:
    """Let the instance be well and its history known."""
    remediator.cloud.set_status(ORDERS, "RUNNING")
    restarted(remediator.cloud)
    return remediator


def test_healthy_set_up_passes_every_check_in_order() -> None:
    with open_remediator() as remediator:
        answered = healthy(remediator).ask(action="check")

        assert answered.verdict == (200, "passed", None)
        assert list(statuses(answered)) == NAMES
        assert named(answered) == set()
        assert not answered.data["needs_human"]
        assert remediator.cloud.posts == ()


def test_check_costs_two_lists_and_one_show() -> None:
    with open_remediator() as remediator:
        healthy(remediator).ask(action="check")

        kinds = sorted(arrival.kind for arrival in remediator.cloud.requests)
        assert kinds == ["list", "list", "show", "tasks"]


def test_permissions_that_reads_cannot_show_are_unproven() -> None:
    with open_remediator() as remediator:
        answered = healthy(remediator).ask(action="check")

    assert {"restart_permission", "purge_permission", "copies"} <= named(answered, "unproven")


def test_no_other_result_has_checks() -> None:
    with open_remediator() as remediator:
        assert "checks" not in remediator.restart().data


def test_a_failed_check_calls_a_person_and_is_not_sent_again() -> None:
    with open_remediator(HUAWEICLOUD_SDK_SK="wrong-secret-key") as remediator:
        answered = remediator.ask(action="check")

    assert answered.verdict == (200, "failed", None)
    assert (answered.data["needs_human"], answered.data["retryable"]) == (True, False)
    assert answered.event["needshuman"] is True


REQUEST = {"action": "check"}


@pytest.mark.parametrize(
    "event",
    [
        REQUEST,
        {"specversion": "1.0", "id": "1", "source": "/x", "data": REQUEST}
        | {"type": "dev.kafka-remediator.request.v1"},
        {"version": "v1.0", "time": "2026-01-05T03:00:00Z", "trigger_type": "TIMER"}
        | {"trigger_name": "daily", "user_event": '{"action":"check"}'},
    ],
    ids=["schedule", "CloudEvent", "timer"],
)
def test_schedules_of_every_kind_may_ask_for_a_check(event: dict[str, Any]) -> None:
    with open_remediator() as remediator:
        answered = healthy(remediator).trigger(event)

    assert answered.verdict == (200, "passed", None)
    assert answered.data["action"] == "check"


def test_a_check_over_http_needs_the_secret_of_its_route() -> None:
    with open_remediator() as remediator:
        answered = remediator.post("/direct", REQUEST, authorization="Bearer wrong")

        assert answered.verdict == (401, "rejected", "unauthenticated")
        assert remediator.cloud.requests == ()


def test_a_topic_may_not_ask_for_a_check() -> None:
    with open_remediator() as remediator:
        smn = {"topic_urn": "urn:smn:eu-de:0:alarms", "message": '{"action":"check"}'}
        answered = remediator.trigger({"record": [{"event_source": "smn", "smn": smn}]})

    assert answered.data["reason"] == "action_not_for_source"


def test_only_direct_requests_may_probe() -> None:
    with open_remediator() as remediator:
        answered = remediator.trigger({"action": "check", "probe": True})

        assert answered.data["reason"] == "action_not_for_source"
        assert remediator.cloud.requests == ()


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_probe_confirms_the_restart_permission_without_a_restart(dry_run: str) -> None:
    """It is the gate before DRY_RUN=false, so DRY_RUN does not hold it back."""
    with open_remediator(DRY_RUN=dry_run) as remediator:
        answered = healthy(remediator).ask(action="check", probe=True)

        assert statuses(answered)["restart_permission"] == "pass"
        assert [post.json for post in remediator.cloud.posts] == [answered.data["request"]]
        assert answered.data["api"]["attempts"] == 1
        assert remediator.cloud.effects == ()
        assert remediator.cloud.posts[0].json["instances"] != [ORDERS]


def test_two_probes_name_two_instances() -> None:
    with open_remediator() as remediator:
        first, second = (remediator.ask(action="check", probe=True) for _ in range(2))

    assert first.data["request"] != second.data["request"]


def test_no_probe_is_sent_where_restarts_are_off() -> None:
    with open_remediator(ENABLED_ACTIONS="purge_failed") as remediator:
        answered = healthy(remediator).ask(action="check", probe=True)

        assert statuses(answered)["restart_permission"] == "info"
        assert remediator.cloud.posts == ()


def test_check_ignores_the_age_of_the_request() -> None:
    """A heartbeat that is skipped as stale would hide that the clock is wrong."""
    with open_remediator() as remediator:
        answered = healthy(remediator).ask(action="check", time="2020-01-01T00:00:00Z")

    assert answered.data["outcome"] == "passed"


def test_topics_with_one_replica_are_counted_for_an_instance_that_is_asked_for() -> None:
    with open_remediator() as remediator:
        topics = {f"topic-{number:02}": 1 if number < 3 else 3 for number in range(60)}
        remediator.cloud.add_instance(ORDERS, topics=topics)
        answered = remediator.ask(action="check", instances=[ORDERS])

    assert "3 of the 60 topic(s) looked at have one replica" in detail(answered, "instances")


def test_at_most_200_topics_are_read() -> None:
    with open_remediator() as remediator:
        topics = {f"topic-{number:03}": 3 for number in range(201)}
        remediator.cloud.add_instance(ORDERS, topics=topics)
        answered = remediator.ask(action="check", instances=[ORDERS])

        assert "None of the 200 topic(s)" in detail(answered, "instances")
        assert len(remediator.cloud.arrived("topics")) == 4


def test_named_instances_are_read_first() -> None:
    with open_remediator() as remediator:
        remediator.cloud.add_instance(PAYMENTS, status="RUNNING")
        remediator.ask(action="check", instances=[PAYMENTS])

        shown = [request.path.rpartition("/")[2] for request in remediator.cloud.arrived("show")]
    assert shown == [PAYMENTS]

"""Notifications over an SMN topic: once, after the result is logged, and never in a loop."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from function.model.errors import SettingsInvalid
from tests.factories import HOUR, ORDERS, ids
from tests.fake_dms import Account, Close, FakeDms, Hold, Reply, Reset, html, redirect, throttled
from tests.harness import Remediator, open_remediator, restarted


def notifying(cloud: FakeDms, **settings: str) -> dict[str, str]:
    topic = {"NOTIFY_TOPIC_URN": cloud.account.topic_urn, "SMN_ENDPOINT": cloud.url}
    return {**topic, **settings}


@pytest.fixture(name="notifying")
def open_a_notifying_remediator() -> Iterator[Remediator]:
    with open_remediator() as remediator:
        remediator.set(**notifying(remediator.cloud))
        yield remediator


def smn_event(message: str, subject: str | None = "A message") -> dict[str, Any]:
    """Return an event of FunctionGraph's SMN trigger that carries a text."""
    smn = {"topic_urn": "urn:smn:eu-de:0:alarms", "message": message, "message_id": "m7"}
    return {"record": [{"event_source": "smn", "smn": {**smn, "subject": subject}}]}


def test_restart_is_published(notifying: Remediator) -> None:
    result = notifying.alert(ORDERS)

    (published,) = notifying.cloud.published
    assert published.subject == "Kafka: For information. Restart of 1 instance accepted"
    assert published.message.split("\n") == [
        "Restart of 1 instance accepted.",
        "Asked by: alertmanager, Down",
        "What to do: Nothing yet; if the alarm still fires in 20 minutes, look at the instance.",
        f"accepted: {ORDERS}, status ERROR",
        f"Log: result {result.event['id']} of kafka-remediator",
    ]
    (request,) = notifying.cloud.arrived("publish")
    assert request.headers["x-project-id"] == notifying.cloud.account.project_id


def test_a_storm_is_one_message(notifying: Remediator) -> None:
    storm = ids(9)
    for instance in storm:
        notifying.cloud.add_instance(instance, status="ERROR")

    assert notifying.alert(*storm).data["reason"] == "storm"

    (published,) = notifying.cloud.published
    assert published.subject is not None
    assert published.subject.startswith("Kafka: Look now. Restart of 9 instances skipped")
    assert f"skipped (storm): {', '.join(storm[:3])} and 6 more" in published.message


def test_skipped_events_are_published_only_if_configured(notifying: Remediator) -> None:
    restarted(notifying.cloud, began=HOUR / 2)

    assert notifying.alert(ORDERS).data["reason"] == "cooldown"
    assert not notifying.cloud.published

    notifying.set(NOTIFY_ON="skipped")
    notifying.alert(ORDERS)
    assert len(notifying.cloud.published) == 1


def test_unauthenticated_event_is_not_published(notifying: Remediator) -> None:
    notifying.set(NOTIFY_ON="acted,needs_human,recovered,skipped")

    assert notifying.post("/direct", {"action": "restart"}, authorization="Bearer x").status == 401

    assert not notifying.cloud.arrived("publish")


def test_nothing_is_published_without_a_topic(remediator: Remediator) -> None:
    remediator.alert(ORDERS)

    assert not remediator.cloud.arrived("publish")


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Reset(), "SMN gave no answer"),
        (Close(at="done"), "SMN gave no answer"),
        (throttled(), "SMN answered 429 APIGW.0308"),
        (Reply(404, {"code": "SMN.0006", "message": "x"}), "SMN answered 404 SMN.0006"),
        (Reply(403, {"code": "SMN.0001 secret"}), "SMN answered 403"),
        (Reply(400, "[1]"), "SMN answered 400"),
        (html(502), "SMN answered 502"),
        (redirect("http://127.0.0.1:9/"), "SMN answered 302"),
    ],
)
def test_a_failing_topic_is_one_warning_and_changes_nothing(
    notifying: Remediator, out: Any, fault: Any, problem: str
) -> None:
    notifying.cloud.fault(fault, kind="publish")

    result = notifying.alert(ORDERS)

    assert result.verdict == (200, "accepted", None)
    assert len(notifying.cloud.arrived("publish")) == 1
    (logged,), log = out()
    assert logged["id"] == result.event["id"]
    warnings = [line["message"] for line in log if line["severity"] == "WARNING"]
    assert warnings == [f"People were not notified: {problem}."]


def test_a_topic_that_hangs_ends_with_the_event(notifying: Remediator, out: Any) -> None:
    notifying.set(DEADLINE_SECONDS="1")
    notifying.cloud.fault(Hold(), kind="publish")

    assert notifying.alert(ORDERS).verdict == (200, "accepted", None)

    _, log = out()
    assert [line["message"] for line in log if line["severity"] == "WARNING"] == [
        "People were not notified: SMN gave no answer."
    ]


def test_when_sink_and_topic_hang_there_is_time_to_say_so_of_both(notifying: Remediator) -> None:
    times: list[float] = []

    def log(level: str, message: str, *, seconds: float, **_: Any) -> None:
        if level == "WARNING":
            times.append(seconds)

    with FakeDms() as sink:
        sink.fault(Hold())
        notifying.cloud.fault(Hold(), kind="publish")
        notifying.set(K_SINK=sink.url + "/default", DEADLINE_SECONDS="1")
        notifying.runtime = notifying.runtime._replace(log=log)
        notifying.alert(ORDERS)

    assert len(times) == 2
    assert min(times) > 0


def test_result_is_logged_before_it_is_published(notifying: Remediator, out: Any) -> None:
    may_answer = Event()
    notifying.cloud.fault(Hold(release=may_answer), kind="publish")
    sender = Thread(target=notifying.alert, args=(ORDERS,))
    sender.start()
    notifying.cloud.wait_for(1, "publish")

    (logged,), _ = out()
    assert not notifying.cloud.published
    may_answer.set()
    sender.join()

    assert logged["id"] in notifying.cloud.published[0].message


def test_hanging_sink_does_not_delay_the_notification(notifying: Remediator, out: Any) -> None:
    with FakeDms() as sink:
        sink.fault(Hold())
        notifying.set(K_SINK=sink.url + "/default", DEADLINE_SECONDS="1")

        notifying.alert(ORDERS)

    assert len(notifying.cloud.published) == 1
    _, log = out()
    assert [line["message"] for line in log if line["severity"] == "WARNING"] == [
        "The sink did not take the result."
    ]


def test_own_notification_is_recognised_and_ignored(
    notifying: Remediator,
) -> None:
    notifying.set(NOTIFY_ON="acted,needs_human,recovered,skipped")
    notifying.alert(ORDERS)
    (published,) = notifying.cloud.published

    back = notifying.trigger(smn_event(published.message, published.subject))

    assert back.verdict == (200, "skipped", "own_notification")
    assert not back.data["needs_human"]
    assert len(notifying.cloud.published) == 1
    assert len(notifying.cloud.posts) == 1


def test_another_process_recognises_the_message_too(notifying: Remediator) -> None:
    notifying.alert(ORDERS)
    (published,) = notifying.cloud.published

    with open_remediator() as another:
        assert another.trigger(smn_event(published.message)).data["reason"] == "own_notification"


def test_alarm_named_like_a_notification_is_an_alarm(notifying: Remediator) -> None:
    notifying.alert("019cacb7-4ff0-4d3c-9f33-f5f7b7fdc0e6")
    mark = f"Log: result {'0' * 32} of kafka-remediator"

    result = notifying.ces_alarm(alarm_name=f"kafka-remediator\n{mark}\n")

    assert result.verdict == (200, "accepted", None)
    assert len(notifying.cloud.published) == 2


def test_a_plain_text_on_a_topic_is_no_message_of_ours(notifying: Remediator) -> None:
    assert notifying.trigger(smn_event("The maintenance begins at noon.")).status == 200
    assert notifying.trigger(smn_event("kafka-remediator")).data["reason"] == "invalid_json"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"NOTIFY_ON": "acted,everything"}, "NOTIFY_ON"),
        ({"NOTIFY_ON": "acted,"}, "NOTIFY_ON"),
        ({"NOTIFY_TOPIC_URN": "kafka-people"}, "NOTIFY_TOPIC_URN"),
        ({"SMN_ENDPOINT": "http://smn.example"}, "SMN_ENDPOINT"),
        ({"SMN_TOPIC_URNS": Account().topic_urn}, "NOTIFY_TOPIC_URN"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start(
    remediator: Remediator, settings: dict[str, str], name: str
) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        remediator.set(**notifying(remediator.cloud, **settings))

    assert [problem.partition(":")[0] for problem in invalid.value.problems] == [name]


def test_an_iam_token_publishes_as_well() -> None:
    with open_remediator() as remediator:
        keys = {"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}
        token = {"HUAWEICLOUD_AUTH_TOKEN": remediator.cloud.account.auth_token}
        remediator.set(**notifying(remediator.cloud, **keys, **token))

        remediator.alert(ORDERS)

        assert len(remediator.cloud.published) == 1

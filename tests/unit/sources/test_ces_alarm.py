"""Sources of Cloud Eye alarms: which instance, which metric, and since when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import sources
from function.lib import schemas, timestamps
from function.model.event import Event, Intent
from tests.factories import ORDERS, PAYMENTS

SCHEMAS = schemas.load()


SOURCES = sources.discover(SCHEMAS.names("events"))


def read(name: str, document: Any) -> Event:
    SCHEMAS.check(f"events/{name}", document)
    return SOURCES[name].parse(document)


def alarm(**changes: Any) -> dict[str, Any]:
    document = {
        "alarm_status": "alarm",
        "time": 1767578400123,
        "namespace": "SYS.DMS",
        "metric_name": "broker_alive",
        "dimension": f"kafka_instance_id:{ORDERS}",
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not ...}


def alert(status: str = "firing", starts: str | None = None, **labels: str) -> dict[str, Any]:
    given = {"remediation": "restart", "kafka_instance_id": ORDERS, "alertname": "Down"}
    labels = {key: value for key, value in {**given, **labels}.items() if value != "-"}
    return {"status": status, "labels": labels, **({"startsAt": starts} if starts else {})}


def group(*alerts: dict[str, Any], version: str = "4", **fields: Any) -> dict[str, Any]:
    return {"version": version, "alerts": list(alerts), **fields}


def only(event: Event) -> Intent:
    (intent,) = event.intents
    return intent


@pytest.mark.parametrize("status", ["ok", "insufficient_data", "pending", "ALARM"])
def test_a_cloud_eye_alarm_that_is_not_in_alarm_does_not_fire(status: str) -> None:
    intent = only(read("ces_alarm", alarm(alarm_status=status, namespace="SYS.ECS")))

    assert (intent.skip, intent.instances) == ("not_firing", (ORDERS,))


@pytest.mark.parametrize(
    ("dimension", "named"),
    [
        (f"kafka_instance_id:{ORDERS}", ORDERS),
        (f"kafka_instance_id:{ORDERS.upper()},kafka_broker:broker-0", ORDERS),
        (f"kafka_broker:broker-0,kafka_instance_id:{ORDERS}", ORDERS),
        (f"kafka_broker:0, kafka_instance_id:{ORDERS}", ORDERS),
        (f"kafka_broker:0;kafka_instance_id:{ORDERS}", ORDERS),
        (f"instance_id:{ORDERS}", None),
        (f"rabbitmq_instance_id:{ORDERS}", None),
        (f"my_kafka_instance_id:{ORDERS}", None),
        (f"kafka_instance_id:{ORDERS}0", None),
        (f"kafka_instance_id:{ORDERS}-0", None),
        (f"kafka_instance_id:{ORDERS[:-1]}", None),
        ("kafka_instance_id:", None),
        (..., None),
    ],
)
def test_the_dimension_names_the_instance_of_a_cloud_eye_alarm(
    dimension: Any, named: str | None
) -> None:
    variables = {"ResourceId": PAYMENTS}
    intent = only(read("ces_alarm", alarm(dimension=dimension, template_variable=variables)))

    assert intent.instances == ((named,) if named else ())
    assert intent.skip == (None if named else "not_mapped")


@pytest.mark.parametrize(
    ("namespace", "skip"), [("SYS.DMS", None), (..., None), ("X", "not_mapped")]
)
def test_only_the_message_service_is_ours_and_older_messages_do_not_name_it(
    namespace: Any, skip: str | None
) -> None:
    assert only(read("ces_alarm", alarm(namespace=namespace))).skip == skip


def test_the_metric_is_handed_on_for_the_settings_to_judge() -> None:
    assert only(read("ces_alarm", alarm())).metric == "broker_alive"
    assert only(read("ces_alarm", alarm(metric_name=...))).metric == ""


@pytest.mark.parametrize(
    ("variables", "says_when"),
    [
        (..., True),
        (None, True),
        ({}, True),
        ({"IsCycleTrigger": False}, True),
        ({"IsCycleTrigger": "false"}, True),
        ({"IsCycleTrigger": None}, True),
        ({"IsCycleTrigger": True}, False),
        ({"IsCycleTrigger": "true"}, False),
        ({"IsCycleTrigger": "True"}, False),
    ],
)
def test_a_repeat_does_not_say_when_the_alarm_was_raised(
    variables: Any, *, says_when: bool
) -> None:
    raised = only(read("ces_alarm", alarm(template_variable=variables))).raised_at

    assert timestamps.text(raised) == ("2026-01-05T02:00:00.123Z" if says_when else None)


def test_the_name_of_a_cloud_eye_alarm_is_the_rule_and_never_its_id() -> None:
    event = read("ces_alarm", alarm(alarm_name="alive", alarm_id="al1"))

    assert (event.name, event.id, event.sent_at) == ("alive", None, None)


@given(st.text(max_size=60), st.booleans())
def test_no_text_but_an_id_ever_names_an_instance(text: str, in_dimension: bool) -> None:
    if in_dimension:
        intent = only(read("ces_alarm", alarm(dimension=f"kafka_instance_id:{text}")))
    else:
        intent = only(read("alertmanager", group(alert(kafka_instance_id=text))))

    assert intent.instances == ()

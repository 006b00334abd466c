"""Cloud Eye alarms in both forms: which instance, which metric, and since when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib import timestamps
from function.model.event import Event, Intent
from tests.factories import ORDERS, PAYMENTS
from tests.unit.sources.reading import alarm, read


def template(**changes: Any) -> dict[str, Any]:
    """Return an alarm in the form of the JSON content template."""
    data = {
        "Namespace": "Distributed Message Service",
        "MetricName": "Broker Alive",
        "IsAlarm": True,
        "ResourceId": ORDERS,
        "AlarmTime": "2026/01/05 10:00:00 GMT+08:00",
        "AlarmRuleName": "kafka-broker-alive",
    }
    kept = {key: value for key, value in {**data, **changes}.items() if value is not ...}
    return {"version": "v1", "data": kept}


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
        (None, None),
        (7, None),
        ([f"kafka_instance_id:{ORDERS}"], None),
    ],
)
def test_the_dimension_names_the_instance_of_a_cloud_eye_alarm(
    dimension: Any, named: str | None
) -> None:
    variables = {"ResourceId": PAYMENTS}
    intent = only(read("ces_alarm", alarm(dimension=dimension, template_variable=variables)))

    assert intent.instances == ((named,) if named else ())
    assert intent.skip is None  # whether an alarm without an instance matters, its metric decides


@pytest.mark.parametrize(
    ("namespace", "skip"),
    [("SYS.DMS", None), (..., None), (None, None), ("", None), ("X", "not_mapped")],
)
def test_only_the_message_service_is_ours_and_older_messages_do_not_name_it(
    namespace: Any, skip: str | None
) -> None:
    assert only(read("ces_alarm", alarm(namespace=namespace))).skip == skip


def test_the_metric_is_handed_on_for_the_settings_to_judge() -> None:
    assert only(read("ces_alarm", alarm())).metric == "broker_alive"
    assert only(read("ces_alarm", alarm(metric_name=...))).metric == ""
    shown = {"MetricName": "Broker Alive"}
    older = alarm(metric_name=None, template_variable=shown)
    assert only(read("ces_alarm", older)).metric == "Broker Alive"
    assert only(read("ces_alarm", alarm(template_variable=shown))).metric == "broker_alive"


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


@pytest.mark.parametrize("time", [..., None, "now", "1767578400123", 1.5, True, 10**30])
def test_an_alarm_without_a_readable_time_does_not_say_when_it_began(time: Any) -> None:
    intent = only(read("ces_alarm", alarm(time=time)))

    assert (intent.skip, intent.raised_at) == (None, None)


def test_the_time_of_an_alarm_that_is_ok_is_its_end_and_not_its_beginning() -> None:
    over = only(read("ces_alarm", alarm(alarm_status="ok")))
    recovered = only(read("ces_alarm", template(IsAlarm=False)))

    assert (over.skip, over.raised_at, over.ended) == ("not_firing", None, True)
    assert (recovered.skip, recovered.raised_at, recovered.ended) == ("not_firing", None, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"alarm_status": "insufficient_data"},
        {"alarm_status": "alarm"},
        {"alarm_status": "ok", "namespace": "SYS.ECS"},
        {"alarm_status": "ok", "dimension": ...},
        {"alarm_status": "ok", "dimension": f"kafka_instance_id:{ORDERS},kafka_broker:connector-0"},
    ],
    ids=str,
)
def test_only_kafka_alarms_end(changes: dict[str, Any]) -> None:
    assert not only(read("ces_alarm", alarm(**changes))).ended


@pytest.mark.parametrize(
    ("broker", "skip"),
    [
        ("broker-0", None),
        ("broker-connector", None),
        ("connector-0", "not_mapped"),
        ("Connector-1a2b", "not_mapped"),
        (" connector", "not_mapped"),
    ],
)
def test_a_smart_connect_node_is_no_broker(broker: str, skip: str | None) -> None:
    for dimension in (
        f"kafka_instance_id:{ORDERS},kafka_broker:{broker}",
        f"kafka_broker:{broker};kafka_instance_id:{ORDERS}",
    ):
        assert only(read("ces_alarm", alarm(dimension=dimension))).skip == skip


def test_an_alarm_of_the_json_template_is_read_like_the_default_message() -> None:
    event = read("ces_alarm", template())
    intent = only(event)

    assert (intent.skip, intent.instances, intent.metric) == (None, (ORDERS,), "Broker Alive")
    assert timestamps.text(intent.raised_at) == "2026-01-05T02:00:00Z"
    assert (event.name, event.id, event.sent_at) == ("kafka-broker-alive", None, None)


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        (ORDERS.upper(), ORDERS),
        (f"{ORDERS},broker-0", ORDERS),
        (f"{ORDERS}_broker-0", ORDERS),
        (f"{ORDERS}-broker-0", ORDERS),
        (f"kafka_instance_id:{ORDERS},kafka_broker:{PAYMENTS}", ORDERS),
        (f"broker-0/{ORDERS}", ORDERS),
        (f"{ORDERS}0", None),
        (f"0{ORDERS}", None),
        (ORDERS.replace("-", ""), None),
        ("broker-0", None),
        ("", None),
        (None, None),
        (..., None),
        (7, None),
    ],
)
def test_the_first_whole_uuid_of_a_resource_is_the_instance_of_the_json_template(
    resource: Any, named: str | None
) -> None:
    assert only(read("ces_alarm", template(ResourceId=resource))).instances == (
        (named,) if named else ()
    )


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("2026/01/05 10:00:00 GMT+08:00", "2026-01-05T02:00:00Z"),
        ("2025/06/02 22:56:15 GMT+08:00", "2025-06-02T14:56:15Z"),
        ("01 12, 2024 13:51:16 GMT-03:00", "2024-01-12T16:51:16Z"),
        ("12 31, 2025 23:00:00 GMT-02:00", "2026-01-01T01:00:00Z"),
        ("13 01, 2026 00:00:00 GMT+00:00", None),
        ("2026-01-05T02:00:00Z", None),
        ("2026/01/05 10:00:00", None),
        ("2026/01/05 10:00:00 GMT+08:00\n", None),
        ("2026年1月5日 10:00:00", None),
        ("", None),
        (None, None),
        (..., None),
        (1767578400123, None),
    ],
)
def test_both_forms_of_an_alarm_time_are_read_and_any_other_counts_as_missing(
    text: Any, raised: str | None
) -> None:
    intent = only(read("ces_alarm", template(AlarmTime=text)))

    assert (timestamps.text(intent.raised_at), intent.skip) == (raised, None)


@pytest.mark.parametrize("repeat", [True, "true", "True"])
def test_a_repeat_of_the_json_template_does_not_say_when_the_alarm_was_raised(
    repeat: object,
) -> None:
    assert only(read("ces_alarm", template(IsCycleTrigger=repeat))).raised_at is None
    assert only(read("ces_alarm", template(IsCycleTrigger=False))).raised_at is not None


@pytest.mark.parametrize(
    ("is_alarm", "skip"),
    [(True, None), ("true", None), (False, "not_firing"), ("False", "not_firing")],
)
def test_is_alarm_says_whether_the_json_template_fires(is_alarm: object, skip: str | None) -> None:
    assert only(read("ces_alarm", template(IsAlarm=is_alarm))).skip == skip


@pytest.mark.parametrize(
    ("changes", "skip"),
    [
        ({"Namespace": "分布式消息服务"}, None),
        ({"Namespace": "SYS.DMS"}, None),
        ({"Namespace": None}, None),
        ({"Namespace": "SYS.ECS"}, "not_mapped"),
        ({"ResourceId": f"{ORDERS},connector-0"}, "not_mapped"),
        ({"ResourceName": "connector-orders"}, None),
    ],
    ids=str,
)
def test_the_json_template_of_another_service_or_a_connector_asks_for_nothing(
    changes: dict[str, Any], skip: str | None
) -> None:
    assert only(read("ces_alarm", template(**changes))).skip == skip


def test_only_the_json_template_says_which_setting_maps_its_metric() -> None:
    assert "ALARM_METRICS" in str(only(read("ces_alarm", template())).not_mapped_note)
    assert only(read("ces_alarm", alarm())).not_mapped_note is None


def test_a_default_message_with_a_data_member_is_still_a_default_message() -> None:
    both = {**alarm(alarm_status="ok"), **template()}

    assert only(read("ces_alarm", both)).skip == "not_firing"


def test_a_name_that_is_no_text_is_none_and_a_long_one_is_cut() -> None:
    assert read("ces_alarm", alarm(alarm_name=7)).name is None
    assert len(str(read("ces_alarm", template(AlarmRuleName="x" * 2000)).name)) == 1024


@given(st.text(max_size=60), st.booleans())
def test_no_text_but_an_id_ever_names_an_instance(text: str, in_dimension: bool) -> None:
    document = (
        alarm(dimension=f"kafka_instance_id:{text}") if in_dimension else template(ResourceId=text)
    )

    assert only(read("ces_alarm", document)).instances == ()


odd = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3))
)


@given(
    st.dictionaries(st.sampled_from(sorted(alarm().keys() - {"alarm_status"})), odd),
    st.dictionaries(st.sampled_from(sorted(template()["data"].keys() - {"IsAlarm"})), odd),
)
def test_no_odd_or_missing_key_makes_an_alarm_unreadable(
    default: dict[str, Any], data: dict[str, Any]
) -> None:
    for document in (alarm(**default), template(**data)):
        assert only(read("ces_alarm", document)).skip in {None, "not_mapped"}

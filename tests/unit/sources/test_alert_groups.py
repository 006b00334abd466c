"""Sources of alerts: what groups of Alertmanager and Grafana ask for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import sources
from function.lib import schemas, timestamps
from function.model.errors import SchemaViolated
from function.model.event import Event, Intent
from tests.factories import ORDERS

SCHEMAS = schemas.load()


SOURCES = sources.discover(SCHEMAS.names("events"))


ALERTS = ("alertmanager", "grafana")


def read(name: str, document: Any) -> Event:
    SCHEMAS.check(f"events/{name}", document)
    return SOURCES[name].parse(document)


def alert(status: str = "firing", starts: str | None = None, **labels: str) -> dict[str, Any]:
    given = {"remediation": "restart", "kafka_instance_id": ORDERS, "alertname": "Down"}
    labels = {key: value for key, value in {**given, **labels}.items() if value != "-"}
    return {"status": status, "labels": labels, **({"startsAt": starts} if starts else {})}


def group(*alerts: dict[str, Any], version: str = "4", **fields: Any) -> dict[str, Any]:
    return {"version": version, "alerts": list(alerts), **fields}


def only(event: Event) -> Intent:
    (intent,) = event.intents
    return intent


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize(
    ("one", "skip", "instances"),
    [
        (alert(), None, (ORDERS,)),
        (alert(kafka_instance_id=ORDERS.upper()), None, (ORDERS,)),
        (alert("resolved"), "not_firing", (ORDERS,)),
        (alert("resolved", remediation="-"), "not_firing", (ORDERS,)),
        (alert("pending"), "not_firing", (ORDERS,)),
        (alert(remediation="-"), "not_mapped", (ORDERS,)),
        (alert(remediation="Restart"), "not_mapped", (ORDERS,)),
        (alert(kafka_instance_id="-"), "not_mapped", ()),
        (alert(kafka_instance_id=ORDERS + "\n"), "not_mapped", ()),
        (alert(kafka_instance_id="x" + ORDERS), "not_mapped", ()),
        (alert("resolved", kafka_instance_id="all"), "not_firing", ()),
    ],
)
def test_an_alert_asks_for_a_restart_only_with_both_labels_and_while_it_fires(
    name: str, one: dict[str, Any], skip: str | None, instances: tuple[str, ...]
) -> None:
    version = "4" if name == "alertmanager" else "1"
    intent = only(read(name, group(one, version=version)))

    assert (intent.skip, intent.instances, intent.metric) == (skip, instances, None)


DATASOURCE_ALERTS = ("DatasourceError", "DatasourceNoData")


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize("alertname", DATASOURCE_ALERTS)
@pytest.mark.parametrize("label", ["rulename", "grafana_folder"])
def test_a_rule_of_grafana_that_measured_nothing_does_not_fire_from_either_sender(
    name: str, alertname: str, label: str
) -> None:
    blind = alert(alertname=alertname, **{label: "Streaming"})
    event = read(name, group(blind, alert(), version="4" if name == "alertmanager" else "1"))

    assert [intent.skip for intent in event.intents] == ["not_firing", None]


@pytest.mark.parametrize(
    "labels",
    [
        {"alertname": "DatasourceError"},
        {"alertname": "DatasourceNoData", "datasource_uid": "prometheus"},
        {"alertname": "DatasourceErrors", "rulename": "Down"},
        {"alertname": "-", "rulename": "DatasourceError"},
        {"grafana_folder": "DatasourceNoData"},
    ],
)
def test_a_rule_of_prometheus_fires_whatever_its_name(labels: dict[str, str]) -> None:
    assert only(read("alertmanager", group(alert(**labels)))).skip is None


def test_the_examples_of_grafana_show_rules_that_measured_nothing() -> None:
    blind = {
        alert["labels"]["alertname"]: (
            alert["labels"]["remediation"],
            only(read("grafana", example)),
        )
        for example in SCHEMAS.schema("events/grafana")["examples"]
        for alert in example["alerts"]
        if "rulename" in alert["labels"]
    }

    assert set(blind) == set(DATASOURCE_ALERTS)
    for asked, intent in blind.values():
        assert (asked, intent.skip, intent.instances) == ("restart", "not_firing", (ORDERS,))


@pytest.mark.parametrize(
    ("starts", "raised"),
    [
        ("2026-01-05T03:15:00.5+01:00", "2026-01-05T02:15:00.500Z"),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_an_alert_was_raised_when_it_starts_if_it_says_so(
    starts: str | None, raised: str | None
) -> None:
    intent = only(read("alertmanager", group(alert(starts=starts))))

    assert timestamps.text(intent.raised_at) == raised


def test_a_group_is_named_after_its_alerts_and_has_no_id_of_its_own() -> None:
    named = group(alert(alertname="B"), alert(alertname="A"), alert(alertname="B"), groupKey="g")
    event = read("alertmanager", named)

    assert (event.name, event.id, event.sent_at, len(event.intents)) == ("A, B", None, None, 3)
    assert read("alertmanager", group(alert(alertname="-"))).name is None
    assert read("alertmanager", group(alert(alertname="-"), alert(alertname="A"))).name == "A"
    long = [alert(alertname=f"{number}" * 50) for number in range(9)]
    assert len(read("alertmanager", group(*long)).name or "") == 200


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize(
    ("reason", "skip"),
    [
        ("NoData", "not_firing"),
        ("nodata", "not_firing"),
        ("ERROR", "not_firing"),
        ("MissingSeries", "not_firing"),
        ("NoData, KeepLast", "not_firing"),
        ("KeepLast,Error", "not_firing"),
        ("Paused; missingseries", "not_firing"),
        (["KeepLast", "NoData"], "not_firing"),
        ("Paused", None),
        ("KeepLast", None),
        ("NoDataSource", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_an_alert_that_grafana_raised_on_absent_evidence_does_not_fire(
    name: str, reason: object, skip: str | None
) -> None:
    """A rule set to Alerting for NoData or Error fires under its own name."""
    blind = {**alert(), "annotations": {"grafana_state_reason": reason}}
    event = read(name, group(blind, alert(), version="4" if name == "alertmanager" else "1"))

    assert [intent.skip for intent in event.intents] == [skip, None]


@pytest.mark.parametrize(
    ("broker", "skip"),
    [
        ("broker-0", None),
        ("0", None),
        ("", None),
        ("my-connector", None),
        ("connector-0", "not_mapped"),
        ("connector", "not_mapped"),
        ("Connector-1a2b", "not_mapped"),
        (" connector-0", "not_mapped"),
    ],
)
def test_a_smart_connect_node_is_no_broker(broker: str, skip: str | None) -> None:
    event = read("alertmanager", group(alert(kafka_broker=broker)))

    assert (only(event).skip, event.note) == (skip, None)


def test_a_resolved_alert_that_asked_for_a_restart_has_ended() -> None:
    ended = {
        name: only(read("alertmanager", group(one))).ended
        for name, one in {
            "resolved": alert("resolved"),
            "firing": alert(),
            "pending": alert("pending"),
            "asks for nothing": alert("resolved", remediation="-"),
            "names no instance": alert("resolved", kafka_instance_id="-"),
            "a connector": alert("resolved", kafka_broker="connector-0"),
            "no data": {**alert("resolved"), "annotations": {"grafana_state_reason": "NoData"}},
        }.items()
    }

    assert [name for name, is_ended in ended.items() if is_ended] == ["resolved"]


UNREADABLE: dict[str, Any] = {
    "no object": "firing",
    "null": None,
    "without labels": {"status": "firing"},
    "null labels": {"status": "firing", "labels": None},
    "labels in a list": {"status": "firing", "labels": ["remediation=restart"]},
    "without a status": {"labels": alert()["labels"]},
    "a numeric status": {**alert(), "status": 1},
    "a numeric instance": {**alert(), "labels": {**alert()["labels"], "kafka_instance_id": 7}},
    "a boolean remediation": {**alert(), "labels": {**alert()["labels"], "remediation": True}},
}


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize("odd", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_alert_does_not_reject_its_group(name: str, odd: Any) -> None:
    version = "4" if name == "alertmanager" else "1"

    one = read(name, group(odd, alert(), version=version))
    two = read(name, group(odd, alert(), odd, version=version))

    assert (only(one).skip, only(one).instances) == (None, (ORDERS,))
    assert one.note == "1 alert could not be read and was left out."
    assert two.note == "2 alerts could not be read and were left out."


@pytest.mark.parametrize("name", ALERTS)
def test_a_group_of_which_nothing_can_be_read_is_rejected(name: str) -> None:
    version = "4" if name == "alertmanager" else "1"

    with pytest.raises(SchemaViolated, match="no alert in"):
        read(name, group(*UNREADABLE.values(), version=version))
    assert read(name, group(version=version)).intents == ()


@pytest.mark.parametrize(
    "unread",
    [
        {"groupKey": 8413272145791235072},
        {"truncatedAlerts": None},
        {"truncatedAlerts": "many"},
        {"truncatedAlerts": -1},
        {"truncatedAlerts": True},
        {"orgId": None, "state": None, "title": 7, "receiver": None, "status": None},
        {"version": "3"},
        {"version": None},
        {"commonLabels": "none"},
    ],
    ids=str,
)
def test_unused_group_fields_are_not_validated(unread: dict[str, Any]) -> None:
    for name, version in (("alertmanager", "4"), ("grafana", "1")):
        event = read(name, {**group(alert(), version=version), **unread})

        assert (only(event).skip, event.note) == (None, None)


def test_unused_alert_fields_are_not_validated() -> None:
    labels = {**alert()["labels"], "port": 9092, "team": None, "nested": {"a": []}, "alertname": 7}
    unread = {"endsAt": None, "fingerprint": None, "generatorURL": 1, "annotations": "none"}

    event = read("alertmanager", group({**alert(), **unread, "labels": labels, "startsAt": 5}))

    assert (only(event).skip, only(event).raised_at, event.note) == (None, None, None)


odd_values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([{}])
)


@given(st.lists(st.dictionaries(st.sampled_from(["status", "labels", "annotations"]), odd_values)))
def test_other_alerts_do_not_change_a_valid_alert(neighbours: list[Any]) -> None:
    event = read("alertmanager", group(*neighbours, alert()))

    assert event.intents[-1] == only(read("alertmanager", group(alert())))
    assert all(intent.skip is not None for intent in event.intents[:-1])


LEFT_OUT = "The sender left out 7 alerts of this group."


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        (None, None),
        (0, None),
        (1, "The sender left out 1 alert of this group."),
        (7, LEFT_OUT),
    ],
)
def test_a_group_that_is_not_complete_says_how_many_alerts_are_missing(
    missing: int | None, note: str | None
) -> None:
    fields: dict[str, Any] = {} if missing is None else {"truncatedAlerts": missing}

    assert read("alertmanager", group(alert(), **fields)).note == note


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize("value", ["-", "", "orders", ORDERS + " ", "00000000" + ORDERS])
def test_alert_without_an_instance_is_noted_without_its_text(name: str, value: str) -> None:
    version = "4" if name == "alertmanager" else "1"
    nameless = alert(kafka_instance_id=value)

    one = read(name, group(alert(), nameless, version=version))
    two = read(name, group(nameless, alert(), nameless, version=version))

    end = "no instance id in the label kafka_instance_id."
    assert one.note == f"1 alert asks for a restart, but has {end}"
    assert two.note == f"2 alerts ask for a restart, but have {end}"


@pytest.mark.parametrize(
    "silent",
    [
        alert(),
        alert(remediation="-", kafka_instance_id="-"),
        alert("resolved", kafka_instance_id="-"),
        alert(alertname="DatasourceNoData", rulename="Down", kafka_instance_id="-"),
    ],
)
def test_an_alert_that_names_its_instance_or_asks_for_nothing_needs_no_note(
    silent: dict[str, Any],
) -> None:
    assert read("alertmanager", group(alert(), silent)).note is None


def test_a_group_may_have_two_things_to_note() -> None:
    both = group(alert(kafka_instance_id="-"), truncatedAlerts=7)

    nameless = "1 alert asks for a restart, but has no instance id in the label kafka_instance_id."
    assert read("alertmanager", both).note == f"{LEFT_OUT} {nameless}"


def test_the_test_button_of_grafana_asks_for_nothing_and_real_alerts_are_not_taken_for_it() -> None:
    button = {"alertname": "TestAlert", "instance": "Grafana"}
    alerts = [
        alert(**button),
        alert("resolved", **button),
        alert(alertname="TestAlert"),
        alert(instance="Grafana"),
        alert(kafka_instance_id="-", **button),
    ]
    event = read("grafana", group(*alerts, version="1"))

    assert [intent.skip for intent in event.intents] == [
        *("test_event", "not_firing", None, None, "test_event")
    ]
    assert only(read("alertmanager", group(alert(**button)))).skip is None

"""Sources: every example of every event schema is read into what it asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import schemas, sources, timestamps
from function.errors import SourceWithoutTwin, WrongConfirm
from function.model import Action, Event, Intent

from .values import AUDIT, ORDERS, PAYMENTS

ROOT = Path(__file__).parents[1]
SCHEMAS = schemas.load()
SOURCES = sources.discover(SCHEMAS.names("events"))
EXAMPLES = [
    pytest.param(name, example, id=f"{name} {number}")
    for name in SOURCES
    for number, example in enumerate(SCHEMAS.schema(f"events/{name}")["examples"])
]
ALERTS = ("alertmanager", "grafana")


def read(name: str, document: Any) -> Event:
    SCHEMAS.check(f"events/{name}", document)
    return SOURCES[name].read(document)


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


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_is_valid_and_read_into_intents_its_source_may_have(
    name: str, example: Any
) -> None:
    event = read(name, example)

    assert event.intents
    assert {intent.action for intent in event.intents} <= set(Action)
    assert all(one == one.lower() for intent in event.intents for one in intent.instances)
    if SOURCES[name].alarm:
        assert {intent.action for intent in event.intents} == {Action.RESTART}


def test_every_source_has_an_example_that_asks_for_something() -> None:
    asking = {
        param.values[0]
        for param in EXAMPLES
        for intent in read(str(param.values[0]), param.values[1]).intents
        if intent.skip is None
    }

    assert asking == set(SOURCES)


def test_which_source_may_ask_for_what() -> None:
    may = {name: {action.value for action in source.actions} for name, source in SOURCES.items()}
    restart, purge = {"restart"}, {"restart", "purge_failed"}

    assert may == {
        "alertmanager": restart,
        "ces_alarm": restart,
        "cloudevents": purge,
        "direct": {*purge, "delete"},
        "grafana": restart,
        "schedule": purge,
        "timer": purge,
        "topic_request": restart,
    }
    alarms = {name for name, source in SOURCES.items() if source.alarm}
    assert alarms == {"alertmanager", "ces_alarm", "grafana"}


def test_every_source_is_found_by_its_name_in_order() -> None:
    found = sources.discover(reversed(list(SOURCES)))

    assert list(found) == sorted(SOURCES)
    assert found == SOURCES


@pytest.mark.parametrize(
    ("schema_names", "missing"),
    [
        ([*SOURCES, "backup"], "schemas/events/backup.json has no function/sources/backup.py"),
        (set(SOURCES) - {"timer"}, "function/sources/timer.py has no schemas/events/timer.json"),
    ],
)
def test_a_file_without_its_twin_stops_the_start_with_its_name(
    schema_names: Any, missing: str
) -> None:
    with pytest.raises(SourceWithoutTwin) as caught:
        sources.discover(schema_names)

    assert str(caught.value) == missing


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
    raised = only(read("ces_alarm", alarm(template_variable=variables))).raised

    assert timestamps.text(raised) == ("2026-01-05T02:00:00.123Z" if says_when else None)


def test_the_name_of_a_cloud_eye_alarm_is_the_rule_and_never_its_id() -> None:
    event = read("ces_alarm", alarm(alarm_name="alive", alarm_id="al1"))

    assert (event.name, event.id, event.sent) == ("alive", None, None)


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

    assert timestamps.text(intent.raised) == raised


def test_a_group_is_named_after_its_alerts_and_has_no_id_of_its_own() -> None:
    named = group(alert(alertname="B"), alert(alertname="A"), alert(alertname="B"), groupKey="g")
    event = read("alertmanager", named)

    assert (event.name, event.id, event.sent, len(event.intents)) == ("A, B", None, None, 3)
    assert read("alertmanager", group(alert(alertname="-"))).name is None
    assert read("alertmanager", group(alert(alertname="-"), alert(alertname="A"))).name == "A"
    long = [alert(alertname=f"{number}" * 50) for number in range(9)]
    assert len(read("alertmanager", group(*long)).name or "") == 200


@pytest.mark.parametrize(("missing", "said"), [(0, False), (1, True), (7, True), (None, False)])
def test_a_group_that_is_not_complete_says_how_many_alerts_are_missing(
    missing: int | None, *, said: bool
) -> None:
    fields: dict[str, Any] = {} if missing is None else {"truncatedAlerts": missing}
    note = read("alertmanager", group(alert(), **fields)).note

    assert note == (f"The sender left out {missing} alerts of this group." if said else None)


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


def test_a_request_names_every_instance_once_in_lower_case_and_in_order() -> None:
    asked = {"action": "restart", "instances": [PAYMENTS.upper(), ORDERS, PAYMENTS]}
    for name in ("direct", "schedule", "topic_request"):
        event = read(name, {**asked, "id": "7", "time": "2026-01-05T03:00:00Z"})

        assert only(event) == Intent(Action.RESTART, (PAYMENTS, ORDERS))
        assert (event.id, timestamps.text(event.sent)) == ("7", "2026-01-05T03:00:00Z")


@pytest.mark.parametrize(
    ("confirm", "right"),
    [
        ([ORDERS, PAYMENTS], True),
        ([PAYMENTS, ORDERS.upper()], True),
        ([ORDERS], False),
        ([ORDERS, PAYMENTS, AUDIT], False),
        ([ORDERS, AUDIT], False),
    ],
)
def test_a_deletion_repeats_the_ids_it_means(confirm: list[str], *, right: bool) -> None:
    request = {"action": "delete", "instances": [ORDERS, PAYMENTS], "confirm": confirm}
    if right:
        assert only(read("direct", request)) == Intent(Action.DELETE, (ORDERS, PAYMENTS))
        return
    with pytest.raises(WrongConfirm, match=r"^\$\.confirm must repeat the ids .* no others$"):
        read("direct", request)


def cloudevent(data: dict[str, Any], **attributes: str) -> dict[str, Any]:
    given = {"specversion": "1.0", "id": "7", "source": "/a", "type": "dev.knative.sources.ping"}
    return {**given, "data": data, **attributes}


def test_a_cloudevent_says_by_itself_who_it_is_and_when_it_was_sent() -> None:
    request = {"action": "purge_failed", "id": "inner", "time": "2026-01-05T01:00:00Z"}
    event = read("cloudevents", cloudevent(request, time="2026-01-05T03:00:00Z", traceparent="t"))

    assert (event.id, event.origin, event.traceparent) == ("7", "/a", "t")
    assert (timestamps.text(event.sent), event.name) == (
        "2026-01-05T03:00:00Z",
        "dev.knative.sources.ping",
    )


def test_a_cloudevent_without_a_time_has_the_time_of_its_request_and_never_an_invented_one() -> (
    None
):
    request = {"action": "purge_failed", "time": "2026-01-05T01:00:00Z"}

    assert timestamps.text(read("cloudevents", cloudevent(request)).sent) == request["time"]
    assert read("cloudevents", cloudevent({"action": "purge_failed"})).sent is None


def test_a_timer_is_known_by_its_name_and_time() -> None:
    request = json.dumps({"action": "restart", "instances": [ORDERS], "id": "x"})
    timer = {
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "time": "2026-01-05T11:00:00+08:00",
    }
    event = read("timer", {**timer, "user_event": request})

    assert (event.id, event.name) == ("nightly 2026-01-05T11:00:00+08:00", "nightly")
    assert timestamps.text(event.sent) == "2026-01-05T03:00:00Z"
    assert only(event) == Intent(Action.RESTART, (ORDERS,))


@given(st.text(max_size=60), st.booleans())
def test_no_text_but_an_id_ever_names_an_instance(text: str, in_dimension: bool) -> None:
    if in_dimension:
        intent = only(read("ces_alarm", alarm(dimension=f"kafka_instance_id:{text}")))
    else:
        intent = only(read("alertmanager", group(alert(kafka_instance_id=text))))

    assert intent.instances == ()


BACKUP = '''"""Backup jobs: a failed job asks to restart the instance it ran on.

>>> read({"result": "failed", "instance": "54602a9d-5e22-4239-9123-77e350df4a34"}).intents[0].skip
"""

from __future__ import annotations

from typing import Any

from ..model import Action, Event, Intent, Source


def read(document: dict[str, Any]) -> Event:
    """Return what a finished job asks for."""
    skip = None if document["result"] == "failed" else "not_firing"
    return Event((Intent(Action.RESTART, (document["instance"],), skip=skip),))


SOURCE = Source(read=read, actions=frozenset({Action.RESTART}), route="/backup", alarm=True)
'''
BACKUP_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://kafka-remediator.dev/schemas/events/backup.json",
    "type": "object",
    "required": ["result", "instance"],
    "properties": {"result": {"enum": ["failed", "fine"]}, "instance": {"type": "string"}},
    "examples": [{"result": "fine", "instance": ORDERS}],
}
TRY_IT = """
import json, sys
from function import routes, start
given = json.loads(sys.argv[1])
runtime = start.runtime(given["environment"])
headers = {"content-type": "application/json", "authorization": "Bearer " + given["secret"]}
request = routes.HttpRequest("POST", "/backup", headers, json.dumps(given["event"]).encode())
print(routes.answer(request, runtime).status)
"""


@pytest.mark.parametrize(
    ("secret", "status"), [("a-secret-of-the-backup", 200), ("another-secret-of-16", 401)]
)
def test_a_new_event_source_is_two_files(secret: str, status: int, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "function", tmp_path / "function")
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "function/sources/backup.py").write_text(BACKUP)
    (tmp_path / "schemas/events/backup.json").write_text(json.dumps(BACKUP_SCHEMA))
    environment = {
        "HUAWEICLOUD_AUTH_TOKEN": "token",
        "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
        "DMS_ENDPOINT": "http://127.0.0.1:9",
        "DRY_RUN": "false",
        "BACKUP_SECRETS": "a-secret-of-the-backup",
    }
    given = {"environment": environment, "secret": secret, "event": BACKUP_SCHEMA["examples"][0]}
    done = subprocess.run(
        [sys.executable, "-c", TRY_IT, json.dumps(given)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    result, answered = done.stdout.splitlines()

    assert int(answered) == status
    data = json.loads(result)["data"]
    assert data["reason"] == ("not_firing" if status == 200 else "unauthenticated")
    assert data.get("event", {}).get("source") == ("backup" if status == 200 else None)

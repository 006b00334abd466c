"""explain and a dry run agree: on every example, on generated payloads, on generated states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.cli import _explain, _replay
from function.cli._explain import Options
from function.cli._explanation import Explanation
from function.cli._files import UsageError
from function.entrypoints import startup
from function.entrypoints.invocation import RetryableFailure, invoke
from function.entrypoints.routes import HttpRequest, handle_request
from function.lib.timestamps import text
from function.settings.model import secrets_name
from function.settings.reader import LIMITS
from tests.factories import AUDIT, NOW, ORDERS, PAYMENTS
from tests.fake_dms import FakeDms, reading
from tests.harness import SCHEMAS, SECRET, Remediator, alerts, open_remediator

INSTANCE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EXAMPLES = [
    (name, example)
    for name in SCHEMAS.names("events")
    for example in SCHEMAS.schema(f"events/{name}").get("examples", [])
]
ENVELOPES = [
    example
    for name in SCHEMAS.names("envelopes")
    for example in SCHEMAS.schema(f"envelopes/{name}")["examples"]
]
# Another document than theirs is neither timer nor schedule to the platform, so it has no sender.
DOCUMENTS = [
    *((name, example) for name, example in EXAMPLES if name not in {"timer", "schedule"}),
    ("alertmanager", alerts(ORDERS, PAYMENTS)),
    ("direct", {"action": "restart", "instances": [ORDERS], "time": text(NOW)}),
    ("direct", {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]}),
]
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6)
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(scalars.map(str), scalars)


@pytest.fixture
def dry(remediator: Remediator) -> Iterator[Remediator]:
    """The function with every route open, in dry run, without sleeps."""
    secrets = {secrets_name(source): SECRET for source in startup.routed_sources()}
    remediator.set(DRY_RUN="true", ENABLED_ACTIONS="restart,purge_failed,delete", **secrets)
    remediator.cloud.add_instance(ORDERS, status="RUNNING")  # as explain assumes of all
    yield remediator
    assert not remediator.cloud.posts


def dry_run(remediator: Remediator, source: str, document: Any) -> Any:
    """Return the data of the result of an event, by its route or else by its trigger."""
    runtime = remediator.runtime
    if (route := runtime.sources[source].route) is None:
        return triggered(remediator, source, document)
    kind = "application/cloudevents+json" if route == "/" else "application/json"
    headers = {"content-type": kind, "authorization": f"Bearer {SECRET}"}
    request = HttpRequest("POST", route, headers, json.dumps(document).encode())
    answered = handle_request(request, runtime)
    return json.loads(answered.body)["data"] if answered.body else None


def triggered(remediator: Remediator, source: str, document: Any) -> Any:
    """Return the data of the result of an event that a platform delivers."""
    if source in {"ces_alarm", "topic_request"}:
        smn = {"message": json.dumps(document), "message_id": "1", "timestamp": text(NOW)}
        document = {"record": [{"event_source": "smn", "smn": smn}]}
    keys = remediator.runtime.settings.credentials
    try:
        return invoke(document, remediator.runtime, credentials=keys, remaining=None)["data"]
    except RetryableFailure as again:
        return json.loads(str(again))["data"]


def explained(remediator: Remediator, document: Any, state: Any = None, **options: Any) -> Any:
    limits = {name: value for name, value in remediator.settings.items() if name in LIMITS}
    given_state = None if state is None else json.dumps(state).encode()
    choice = Options(at=text(NOW), state=given_state, **options)
    (explanation,) = _explain.explanations(json.dumps(document).encode(), choice, limits)
    return explanation


def whole_project(remediator: Remediator, document: Any) -> Any:
    """Return the instances of the project where a document asks for a look at all of them."""
    if "verify" not in json.dumps(document):
        return None
    instances = remediator.cloud.instances
    return {
        "instances": [reading.row(instance, with_tags=True) for instance in instances],
        "tasks": {},
    }


def assert_agree(explanation: Explanation, data: Any) -> None:
    """Compare all that an explanation and a result have in common."""
    if data is None:
        assert "not an event" in explanation.message
        return
    assert (explanation.outcome, explanation.reason) == (data["outcome"], data["reason"])
    assert explanation.request == data["request"]
    assert explanation.message == data["message"]
    if data["outcome"] == "rejected":
        assert explanation.message.startswith("Rejected: ")
        return
    assert [
        (instance.id, instance.outcome, instance.reason) for instance in explanation.instances
    ] == [(row["id"], row["outcome"], row["reason"]) for row in data["instances"]]
    for instance in explanation.instances:
        *before, last = instance.rules
        assert (last.rule, last.applies) == (instance.reason, True)
        # An alarm that is not firing is followed up: what that finds stands behind the rule.
        assert {rule.rule for rule in before if rule.applies} <= {"not_firing"}


@pytest.mark.parametrize(
    ("source", "example"), EXAMPLES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(EXAMPLES)]
)
def test_explain_agrees_with_a_dry_run_on_every_example(
    dry: Remediator, source: str, example: Any
) -> None:
    if example.get("action") == "check" or '"check"' in str(example.get("user_event")):
        pytest.skip("a check reads the real cloud, so it is only named")
    for instance in INSTANCE.findall(json.dumps(example)):
        dry.cloud.add_instance(instance.lower(), status="RUNNING")

    state = whole_project(dry, example)
    assert_agree(explained(dry, example, state, source=source), dry_run(dry, source, example))


def changed(data: st.DataObject, example: Any) -> Any:
    """Return an example with one member changed."""
    place = document = json.loads(json.dumps(example))
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(anything)
            break
        place = place[key]
    return document


@given(data=st.data())
def test_explain_agrees_with_a_dry_run_on_payloads_near_an_event(
    dry: Remediator, data: st.DataObject
) -> None:
    source, example = data.draw(st.sampled_from(DOCUMENTS))
    document = changed(data, example)
    if '"check"' in json.dumps(document) or '\\"check\\"' in json.dumps(document):
        return
    for instance in INSTANCE.findall(json.dumps(document)):
        dry.cloud.add_instance(instance.lower(), status="RUNNING")

    state = whole_project(dry, document)
    assert_agree(explained(dry, document, state, source=source), dry_run(dry, source, document))


@given(data=st.data())
def test_no_payload_near_an_envelope_breaks_explain_or_replay(data: st.DataObject) -> None:
    document = changed(data, data.draw(st.sampled_from(ENVELOPES)))
    try:
        explanations = _explain.explanations(json.dumps(document).encode(), Options(), {})
    except UsageError:  # a gateway event for no route
        return

    line = json.dumps({"at": text(NOW), "payload": document}).encode()
    report = _replay.replay({"past": line}, {})

    assert report.events == len([one for one in explanations if "not an event" not in one.message])
    assert "internal" not in {*report.reasons, *(one.reason for one in explanations)}


states = st.sampled_from(["RUNNING", "ERROR", "RESTARTING", "UPGRADING", "FROZEN", "A_NEW_WORD"])
modes = st.sampled_from([None, "off", "Observe", "act", "", "maybe", "off-until-2020-01-01"])
task_statuses = st.sampled_from(["SUCCESS", "FAILED", "EXECUTING", "CREATED", "CANCELLED"])
restarts = st.lists(
    st.tuples(st.integers(0, 40 * 60), st.integers(0, 90), task_statuses), max_size=4
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "DEFAULT_MODE": st.sampled_from(["act", "observe", "off"]),
        "MAX_RESTARTING": st.sampled_from(["0", "1", "2"]),
        "COOLDOWN_SECONDS": st.sampled_from(["0", "60", "7200"]),
        "MAX_RESTARTS_PER_DAY": st.sampled_from(["0", "1", "3"]),
        "BLOCKED_INSTANCES": st.just(AUDIT),
        "FOLLOW_UP": st.sampled_from(["true", "false"]),
    },
)
raised = st.integers(0, 45 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))


def _set_up(data: st.DataObject, remediator: Remediator) -> Any:
    """Put instances with a past into the cloud; return what a state file says of them."""
    cloud = remediator.cloud
    rows, tasks = [], {}
    for instance_id in {ORDERS} | data.draw(st.sets(st.sampled_from([PAYMENTS, AUDIT]))):
        mode = data.draw(modes)
        tags = {} if mode is None else {"auto-remediation": mode}
        engine = data.draw(st.sampled_from(["kafka", "kafka", "kafka", "rabbitmq"]))
        cloud.add_instance(instance_id, status=data.draw(states), tags=tags, engine=engine)
        for minutes, took, status in data.draw(restarts):
            begun = (NOW - timedelta(minutes=minutes)).timestamp()
            cloud.add_task(
                instance_id, created_at=begun, updated_at=begun + 60 * took, status=status
            )
        rows.append(reading.row(cloud.instance(instance_id), with_tags=True))
        tasks[instance_id] = [reading._task_row(task) for task in cloud.tasks(instance_id)]
    return {"instances": rows, "tasks": tasks}


@given(data=st.data(), given_limits=limits)
def test_explain_agrees_with_a_dry_run_on_any_state(
    data: st.DataObject, given_limits: dict[str, str]
) -> None:
    with open_remediator(None, DRY_RUN="true", **given_limits) as remediator:
        state = _set_up(data, remediator)
        asked = data.draw(st.lists(st.sampled_from([ORDERS, PAYMENTS, AUDIT]), min_size=1))
        group = alerts(*asked, raised=data.draw(raised))
        for alert in group["alerts"]:
            alert["status"] = data.draw(st.sampled_from(["firing", "firing", "resolved"]))
        request = {"action": "restart", "instances": sorted({*asked})}
        for source, document in (("alertmanager", group), ("direct", request)):
            explanation = explained(remediator, document, state)
            assert_agree(explanation, dry_run(remediator, source, document))


def test_explain_reads_the_live_state_and_sends_nothing() -> None:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": "observe"})
        cloud.add_instance(PAYMENTS, status="ERROR")
        body = json.dumps({"action": "restart", "instances": [ORDERS, PAYMENTS]}).encode()
        variables = {**cloud.environment(), "DRY_RUN": "false"}

        (explanation,) = _explain.explanations(body, Options(live=True), variables)

        assert {instance.id: instance.reason for instance in explanation.instances} == {
            ORDERS: "observed",
            PAYMENTS: "dry_run",
        }
        assert explanation.request == {"action": "restart", "instances": [PAYMENTS]}
        assert cloud.requests
        assert not cloud.posts


def test_explain_of_a_check_with_probe_asks_the_live_cloud_nothing() -> None:
    with FakeDms() as cloud:
        body = json.dumps({"action": "check", "probe": True}).encode()
        variables = {**cloud.environment(), "DRY_RUN": "false"}

        (explanation,) = _explain.explanations(body, Options(live=True, source="direct"), variables)

        assert explanation.outcome == "dry_run"
        assert not cloud.requests

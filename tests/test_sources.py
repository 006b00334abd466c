"""Sources: every example of every event schema is read into what it asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from function import schemas, sources
from function.errors import SourceWithoutTwin
from function.model import Action, Event

from .values import ORDERS

ROOT = Path(__file__).parents[1]


SCHEMAS = schemas.load()


SOURCES = sources.discover(SCHEMAS.names("events"))


EXAMPLES = [
    pytest.param(name, example, id=f"{name} {number}")
    for name in SOURCES
    for number, example in enumerate(SCHEMAS.schema(f"events/{name}")["examples"])
]


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

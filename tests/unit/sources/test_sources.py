"""Sources: every schema example is parsed into the intents it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from function import sources
from function.model.errors import SourceSchemaMismatch
from function.model.event import Action
from tests.unit.sources.reading import SCHEMAS, SOURCES, read

RESTART = {Action.RESTART}
SCHEDULED = RESTART | {Action.PURGE_FAILED, Action.CHECK, Action.VERIFY}
SHIPPED = {
    "alertmanager": RESTART,
    "ces_alarm": RESTART,
    "cloudevents": SCHEDULED,
    "direct": set(Action),
    "grafana": RESTART,
    "schedule": SCHEDULED,
    "timer": SCHEDULED,
    "topic_request": RESTART,
}
EXAMPLES = [
    pytest.param(name, example, id=f"{name} {number}")
    for name in SOURCES
    for number, example in enumerate(SCHEMAS.schema(f"events/{name}")["examples"])
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_is_valid_and_read_into_intents_its_source_may_have(
    name: str, example: Any
) -> None:
    event = read(name, example)

    assert event.intents
    assert {intent.action for intent in event.intents} <= set(Action)
    assert all(
        instance == instance.lower() for intent in event.intents for instance in intent.instances
    )
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
    assert {name: SOURCES[name].actions for name in SHIPPED} == SHIPPED
    alarms = {name for name in SHIPPED if SOURCES[name].alarm}
    assert alarms == {"alertmanager", "ces_alarm", "grafana"}


@pytest.mark.parametrize("name", SOURCES)
def test_only_a_direct_request_may_ask_for_a_delete_and_an_alarm_only_for_a_restart(
    name: str,
) -> None:
    source = SOURCES[name]

    assert Action.RESTART in source.actions
    assert name == "direct" or Action.DELETE not in source.actions
    assert source.actions == RESTART or not source.alarm


def test_every_source_is_found_by_its_name_in_order() -> None:
    found = sources.discover(reversed(list(SOURCES)))

    assert list(found) == sorted(SOURCES)
    assert found == SOURCES


@pytest.mark.parametrize(
    ("schema_names", "missing"),
    [
        ([*SOURCES, "single"], "schemas/events/single.json has no function/sources/single.py"),
        (set(SOURCES) - {"timer"}, "function/sources/timer.py has no schemas/events/timer.json"),
    ],
)
def test_source_without_schema_or_schema_without_source_stops_the_start(
    schema_names: Any, missing: str
) -> None:
    with pytest.raises(SourceSchemaMismatch) as caught:
        sources.discover(schema_names)

    assert str(caught.value) == missing

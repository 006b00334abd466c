"""Schemas: a hostile document costs work in proportion to its size and no more."""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from function.lib import schemas, strict_json

SCHEMAS = schemas.load()
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"


def keys(count: int, value: object) -> dict[str, Any]:
    return {f"k{number}": value for number in range(count)}


def restart(instances: list[str], **more: Any) -> dict[str, Any]:
    return {"action": "restart", "instances": instances, **more}


def purge(**more: Any) -> dict[str, Any]:
    return {"action": "purge_failed", **more}


def cloud_event(**more: Any) -> dict[str, Any]:
    return {**SCHEMAS.schema("events/cloudevents")["examples"][0], **more}


def group(version: str, count: int, labels: dict[str, Any]) -> dict[str, Any]:
    return {"version": version, "alerts": [{"status": "firing", "labels": labels}] * count}


def timer(text: str) -> dict[str, Any]:
    return {**SCHEMAS.schema("events/timer")["examples"][0], "user_event": text}


HOSTILE: dict[str, tuple[str, Callable[[int], Any]]] = {
    "many instances": ("events/direct", lambda n: restart([INSTANCE] * n)),
    "many keys": ("events/direct", lambda n: purge(**keys(n, 1))),
    "a long action": ("events/direct", lambda n: {"action": "x" * n}),
    "a list for an action": ("events/direct", lambda n: {"action": [0] * n}),
    "a long id": ("events/direct", lambda n: purge(id="x" * n)),
    "a long time": ("events/direct", lambda n: purge(time="1" * n)),
    "many extensions": ("events/cloudevents", lambda n: cloud_event(**keys(n, 1))),
    "many alerts": ("events/alertmanager", lambda n: group("4", n // 10, {})),
    "many labels": ("events/alertmanager", lambda n: group("4", 1, keys(n, "v"))),
    "many bad labels": ("events/grafana", lambda n: group("1", 1, keys(n, 1))),
    "many quotes in a text": ("events/timer", lambda n: timer('"' + '\\"' * n)),
    "many lists in a text": ("events/timer", lambda n: timer("[" + "[]," * n + "0]")),
    "many keys in a text": ("events/timer", lambda n: timer(strict_json.dumps(keys(n, 1)))),
    "many records": ("envelopes/functiongraph_smn", lambda n: {"record": [{"smn": {}}] * n}),
}


def calls_of(work: Callable[[], object]) -> int:
    """Count the functions that are called, in Python and in C: work that no clock distorts."""
    calls = 0

    def tally(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def work_of(name: str, document: object) -> int:
    text = strict_json.dumps(document)
    assert len(text) < strict_json.LIMIT

    def receive() -> None:
        with suppress(schemas.Violation):
            SCHEMAS.check(name, strict_json.loads(text))

    receive()
    return calls_of(receive)


@pytest.mark.parametrize(("name", "grown"), HOSTILE.values(), ids=HOSTILE)
def test_twice_the_document_is_at_most_twice_the_work(
    name: str, grown: Callable[[int], Any]
) -> None:
    assert work_of(name, grown(6000)) <= 2.2 * work_of(name, grown(3000)) + 100


@pytest.mark.parametrize("case", ["many instances", "a long id", "many records"])
def test_the_first_error_ends_the_work(case: str) -> None:
    name, grown = HOSTILE[case]
    parsed_small, parsed_large = grown(3000), grown(6000)

    def check(document: object) -> Callable[[], None]:
        def work() -> None:
            with pytest.raises(schemas.Violation):
                SCHEMAS.check(name, document)

        return work

    check(parsed_small)()  # the first check builds the validator
    assert calls_of(check(parsed_large)) <= calls_of(check(parsed_small)) + 100

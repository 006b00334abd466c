"""Invariants of the results: one per event, valid, and consistent with the calls that arrived."""

import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .history import History

OF_THE_LOG = frozenset({"severity", "message", "dropped"})
SCHEMAS = Path(__file__).parents[2] / "schemas"


@functools.cache
def _schema() -> Draft202012Validator:
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.rglob("*.json")]
    registry = Registry().with_resources(
        (schema["$id"], DRAFT202012.create_resource(schema)) for schema in schemas
    )
    return Draft202012Validator(
        json.loads((SCHEMAS / "result.json").read_text(encoding="utf-8")),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def _event_of(line: Mapping[str, Any]) -> str:
    """Return the result event of a line of the log, without the fields of the log line."""
    event = {name: value for name, value in line.items() if name not in OF_THE_LOG}
    return json.dumps(event, sort_keys=True)


def every_event_has_one_result(history: History) -> Iterator[str]:
    """Each ask got one result, and the log contains the same results but for dropped lines."""
    for one in history.handled:
        due = len(one.delivery.asks)
        if len(one.results) != due:
            yield f"{one.delivery.sender} has {len(one.results)} of {due} results"
    results = [result for handled_event in history.handled for result in handled_event.results]
    returned = Counter(map(_event_of, results))
    logged = Counter(map(_event_of, history.lines))
    inside, outside = (logged - returned).total(), (returned - logged).total()
    if inside or outside > history.dropped:
        yield f"{inside} results stand only in the log, {outside} were only returned"


def every_result_fits_its_schema(history: History) -> Iterator[str]:
    """Each result is valid against schemas/result.json."""
    for line in history.lines:
        for error in _schema().iter_errors(line):
            yield f"a result breaks its schema at {error.json_path}: {error.validator}"


def posts_are_those_that_results_admit(history: History) -> Iterator[str]:
    """The POSTs that arrived are the sum of api.attempts."""
    admitted = sum(
        result["data"].get("api", {}).get("attempts", 0)
        for handled_event in history.handled
        for result in handled_event.results
    )
    if admitted != len(history.posts):
        yield f"{len(history.posts)} POSTs arrived, the results admit {admitted}"


def posts_have_one_of_three_bodies(history: History) -> Iterator[str]:
    """Every body is a restart or delete of named instances, or the purge, without other keys."""
    for body in (post.json for post in history.posts if post.complete):
        purge = body == {"action": "delete", "all_failure": "kafka"}
        keys = isinstance(body, dict) and body.keys() == {"action", "instances"}
        ids = keys and body["action"] in ("restart", "delete") and body["instances"]
        if not purge and not ids:
            yield f"a POST has the body {body}"


def forged_events_are_rejected(history: History) -> Iterator[str]:
    """A sender that is not authenticated, or may not ask for it, is rejected."""
    for one in history.handled:
        for ask, result in zip(one.delivery.asks, one.results, strict=False):
            if not ask.genuine and result["data"]["outcome"] != "rejected":
                yield f"a forged event of {one.delivery.sender} is {result['data']['outcome']}"

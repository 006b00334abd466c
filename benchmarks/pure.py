"""The pure path: from unwrap to decide, without any call, for every example of every schema."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any

import jsonschema
import requests
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from function import sources
from function.dms import signing
from function.intake import unwrap, validate
from function.lib import schemas
from function.model import result
from function.model.cloud_state import InstanceState, Observation
from function.model.errors import EventRejected
from function.model.event import Action, RawEvent
from function.policy import decide, screen
from function.settings.model import Limits

from .plan import Plan
from .rows import Row, row

NOW = datetime.now(timezone.utc)
LIMITS = Limits(dry_run=False, enabled_actions=frozenset(Action))
SCHEMAS = schemas.load()
SOURCES = sources.discover(SCHEMAS.names("events"))
RUNS, RIVAL_RUNS = 20, 2  # validate() takes milliseconds


def _received(name: str, example: Any) -> RawEvent:
    """Return an example as it arrives: at its route, in a topic's envelope, or by a trigger."""
    channel, document = f"trigger/{name}", example
    headers = {"content-type": "application/json"}
    if SOURCES[name].route is not None:
        channel = name
    elif name in ("ces_alarm", "topic_request"):
        envelope: Any = SCHEMAS.schema("envelopes/functiongraph_smn")["examples"][0]
        smn = {**envelope["record"][0]["smn"], "message": json.dumps(example)}
        channel, document = "trigger/smn", {"record": [{**envelope["record"][0], "smn": smn}]}
    if name == "cloudevents":
        headers = {"content-type": "application/cloudevents+json"}
    return RawEvent(channel, json.dumps(document).encode(), NOW, headers)


def judge(received: RawEvent) -> object:
    """Take an event from unwrap to decide; the live state is what would let it act."""
    try:
        enveloped = unwrap.unwrap(received, SOURCES, SCHEMAS)
        document = validate.validate(enveloped, SCHEMAS)
        source = SOURCES[document.source]
        event = result.with_envelope_fields(source.parse(document.value), enveloped)
        if event.intents and event.intents[0].action in (Action.CHECK, Action.VERIFY):
            return event  # they have no rules to apply
        screened = screen.screen(event, source, LIMITS, NOW)
        states = {id_: InstanceState(id_, "ERROR", "kafka", ()) for id_ in screened.targets}
        seen = Observation(instances=states)
        return decide.decide(screened, seen, source=source, limits=LIMITS, now=NOW)
    except EventRejected as refusal:
        return refusal


def _microseconds(works: Sequence[Callable[[], object]], runs: int = RUNS) -> float:
    """Return the CPU for one of the works, the mean of some runs of them all."""
    begin = time.process_time()
    for _ in range(runs):
        for work in works:
            work()
    return (time.process_time() - begin) * 1e6 / (runs * len(works))


def _rounds(plan: Plan, works: Sequence[Callable[[], object]]) -> list[float]:
    for work in works:
        work()
    return [_microseconds(works) for _ in range(plan.pure_rounds)]


def _validating(registry: Registry[Any], name: str, example: Any) -> Callable[[], object]:
    schema: Any = SCHEMAS.schema(f"events/{name}")
    return lambda: jsonschema.validate(example, schema, registry=registry)


def _signer() -> Callable[[], object]:
    auth = signing.Signer(
        access_key="BENCHMARKACCESSKEY01", secret_key="x" * 40, project_id="0" * 32, clock=_now
    )
    query = {"limit": 50, "begin_time": "20260101000000"}
    url = f"https://dms.example/v2/{'0' * 32}/instances/54602a9d-5e22-4239-9123-77e350df4a34/tasks"
    prepared = requests.Request("GET", url, params=query).prepare()
    return lambda: auth(prepared)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def pure(plan: Plan, _: Mapping[str, str]) -> Iterator[Row]:
    """Measure each source; the ratio is to validate(), called for each event."""
    everything = [f"events/{name}" for name in SOURCES]
    registry: Registry[Any] = Registry().with_resources(
        (schemas.identifier(name), DRAFT202012.create_resource(SCHEMAS.schema(name)))
        for name in everything
    )
    path, alone = "pure path: unwrap to decide, CPU", "validation alone, CPU"
    for name in SOURCES:
        examples: Any = SCHEMAS.schema(f"events/{name}")["examples"]
        received = [_received(name, example) for example in examples]
        ours = _rounds(plan, [partial(judge, one) for one in received])
        yield row(path, f"{name}, {len(examples)} examples", "µs", ours)
        checked = _rounds(plan, [partial(SCHEMAS.check, f"events/{name}", one) for one in examples])
        validating = [_validating(registry, name, example) for example in examples]
        rival = [_microseconds(validating, RIVAL_RUNS) for _ in checked]
        yield row(alone, name, "µs", checked)
        yield row(alone, f"{name}, validate() for each event", "µs", rival, ours=checked)
    yield row("signing alone, CPU", "one read", "µs", _rounds(plan, [_signer()]))

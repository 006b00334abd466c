"""Cold: from the start of a process to its first answered event."""

import time
from collections.abc import Iterator, Mapping

from .load import first_answer
from .plan import Plan
from .processes import Run, handled, server
from .rows import Bound, Row, row, rows
from .subjects import HELLO, IMPORTS, OURS, SDK, Subject, interleaved

Settings = Mapping[str, str]
IMPORTING = "three quarters of it are spent importing requests, jsonschema and the door itself"


def _door(subject: Subject, cloud: Settings) -> tuple[float, float]:
    begin = time.perf_counter()
    with server(subject.source, {**cloud, **subject.settings}) as one:
        first_answer(one, subject.request())
        return time.perf_counter() - begin, one.cpu()


def _http_door(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Start each under functions-framework, the byte-code being there."""
    door, subjects = "functions-framework", (OURS, HELLO, IMPORTS, SDK)
    for subject in subjects:
        _door(subject, cloud)
    found = interleaved(subjects, plan.cold_rounds, lambda subject: _door(subject, cloud))
    wall = {name: [seconds * 1000 for seconds, _ in runs] for name, runs in found.items()}
    cpu = {name: [seconds * 1000 for _, seconds in runs] for name, runs in found.items()}
    bounds = {IMPORTS.name: Bound(1.2), SDK.name: Bound(0.9, IMPORTING)}
    yield from rows(f"cold, {door}: start to first answer", "ms", wall, bounds)
    yield from rows(f"cold, {door}: CPU", "ms", cpu)


def _event_door(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Call each handler once in a bare interpreter."""
    door = "event door"

    def call(subject: Subject) -> Run:
        return handled(subject.module, subject.event(), {**cloud, **subject.settings})

    for subject in (OURS, SDK):
        call(subject)
    found = interleaved((OURS, SDK), plan.cold_rounds, call)
    wall = {name: [run.seconds * 1000 for run in runs] for name, runs in found.items()}
    cpu = {name: [run.cpu * 1000 for run in runs] for name, runs in found.items()}
    memory = {name: [run.resident_kib / 1024 for run in runs] for name, runs in found.items()}
    bounds = {SDK.name: Bound(0.9, IMPORTING)}
    yield from rows(f"cold, {door}: start to end of the process", "ms", wall, bounds)
    yield from rows(f"cold, {door}: CPU", "ms", cpu)
    yield from rows(f"memory, {door}: peak", "MiB", memory, {SDK.name: Bound(0.9)})
    for name, runs in found.items():
        yield row(f"modules imported, {door}", name, "modules", [runs[0].modules])


def cold(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare the first answers of new processes, through both doors."""
    yield from _http_door(plan, cloud)
    yield from _event_door(plan, cloud)

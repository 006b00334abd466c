"""Cold: from the start of a process to its first answered event."""

import time
from collections.abc import Iterator, Mapping

from .load import first_answer
from .plan import Plan
from .processes import Run, handled, server
from .rows import Bound, Row, row, rows
from .subjects import HELLO, IMPORTS, OURS, SDK, SERVED, Subject, interleaved

Settings = Mapping[str, str]
IMPORTING = "three quarters of it are spent importing requests, jsonschema and the server"


def _started(subject: Subject, cloud: Settings) -> tuple[float, float]:
    begin = time.perf_counter()
    settings = {**cloud, **subject.settings}
    with server(subject.source, settings, serve=subject.serve) as process:
        first_answer(process, subject.request())
        return time.perf_counter() - begin, process.cpu()


def _http_entrypoint(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Start each under functions-framework, ours by its own server too; the byte-code is there."""
    entrypoint, subjects = "HTTP entrypoint", (SERVED, OURS, HELLO, IMPORTS, SDK)
    for subject in subjects if plan.cold_rounds > 1 else ():
        _started(subject, cloud)
    results = interleaved(subjects, plan.cold_rounds, lambda subject: _started(subject, cloud))
    wall = {name: [seconds * 1000 for seconds, _ in runs] for name, runs in results.items()}
    cpu = {name: [seconds * 1000 for _, seconds in runs] for name, runs in results.items()}
    bounds = {OURS.name: Bound(1.05), IMPORTS.name: Bound(1.2), SDK.name: Bound(0.85, IMPORTING)}
    yield from rows(f"cold, {entrypoint}: start to first answer", "ms", wall, bounds)
    yield from rows(f"cold, {entrypoint}: CPU", "ms", cpu)


def _event_entrypoint(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Call each handler once in a bare interpreter."""
    entrypoint = "event entrypoint"

    def call(subject: Subject) -> Run:
        return handled(subject.module, subject.event(), {**cloud, **subject.settings})

    for subject in (OURS, SDK) if plan.cold_rounds > 1 else ():
        call(subject)
    results = interleaved((OURS, SDK), plan.cold_rounds, call)
    wall = {name: [run.seconds * 1000 for run in runs] for name, runs in results.items()}
    cpu = {name: [run.cpu * 1000 for run in runs] for name, runs in results.items()}
    memory = {name: [run.resident_kib / 1024 for run in runs] for name, runs in results.items()}
    bounds = {SDK.name: Bound(0.85, IMPORTING)}
    yield from rows(f"cold, {entrypoint}: start to end of the process", "ms", wall, bounds)
    yield from rows(f"cold, {entrypoint}: CPU", "ms", cpu)
    yield from rows(f"memory, {entrypoint}: peak", "MiB", memory, {SDK.name: Bound(0.9)})
    for name, runs in results.items():
        yield row(f"modules imported, {entrypoint}", name, "modules", [runs[0].modules])


def cold(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare the first answers of new processes, through both entrypoints."""
    yield from _http_entrypoint(plan, cloud)
    yield from _event_entrypoint(plan, cloud)

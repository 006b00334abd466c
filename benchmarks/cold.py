"""Cold: from the start of a process to its first answered event."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from .load import first_answer
from .plan import Plan
from .processes import ROOT, Run, environment, handled, server
from .rows import Bound, Row, row, rows
from .subjects import HELLO, IMPORTS, OURS, SDK, SERVED, Subject, interleaved

Settings = Mapping[str, str]
DEFINING = "a third defines value classes, a quarter finds and loads the byte-code of 64 modules"

_OWN_MODULES = """import http.client, json, sys, time
import jsonschema, requests
begin = time.process_time_ns()
from function.handler import handler
imported = time.process_time_ns()
handler(json.loads(sys.argv[1]), None)
ended = time.process_time_ns()
print(json.dumps([imported - begin, ended - imported]), file=sys.stderr)
"""


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
    bounds = {OURS.name: Bound(1.05), IMPORTS.name: Bound(1.2), SDK.name: Bound(0.85)}
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
    bounds = {SDK.name: Bound(0.85)}
    yield from rows(f"cold, {entrypoint}: start to end of the process", "ms", wall, bounds)
    yield from rows(f"cold, {entrypoint}: CPU", "ms", cpu)
    yield from rows(f"memory, {entrypoint}: peak", "MiB", memory, {SDK.name: Bound(0.9)})
    for name, runs in results.items():
        yield row(f"modules imported, {entrypoint}", name, "modules", [runs[0].modules])


def _own_modules(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Import our own modules where all that others have written is there; answer one event."""
    settings = environment({**cloud, **OURS.settings, "LOG_LEVEL": "ERROR"})
    command = [sys.executable, "-c", _OWN_MODULES, json.dumps(OURS.event())]
    runs = []
    for _ in range(plan.cold_rounds + 1):  # the first one may have to write the byte-code
        done = subprocess.run(
            command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True
        )
        runs.append([nanoseconds / 1e6 for nanoseconds in json.loads(done.stderr.splitlines()[-1])])
    imports, events = zip(*runs[1:], strict=True)
    section = "cold: own modules, CPU"
    yield row(section, "to import them", "ms", imports, bound=15, why=DEFINING)
    yield row(section, "to answer the first event then", "ms", events)


def cold(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare the first answers of new processes, through both entrypoints."""
    yield from _http_entrypoint(plan, cloud)
    yield from _event_entrypoint(plan, cloud)
    yield from _own_modules(plan, cloud)

"""Warm: the same event again and again, from one client and from sixteen, and over TLS."""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from .load import first_answer, send_all
from .plan import Plan
from .processes import Server, server
from .rows import Bound, Row, percentile, row, rows
from .subjects import (
    BARE,
    CARELESS,
    HELLO,
    IMPORTS,
    LEAN,
    OURS,
    SDK,
    SDK_READING,
    Subject,
    interleaved,
)

ADDED_MICROSECONDS = 250
Settings = Mapping[str, str]
ALIKE = (SDK_READING.name, BARE.name, LEAN.name)  # the others make one call, or none
CONNECTING = "threads that read and connect side by side are 22 % of it; 0.63 in one thread"


@dataclass(frozen=True, slots=True)
class Block:
    """Some events in a row: how long each took, and all of them, and the CPU for each; seconds."""

    latencies: list[float]
    seconds: float
    cpu: float


def _block(subject: Subject, one: Server, clients: int, events: int) -> Block:
    requests = [subject.request(client) for client in range(clients)]
    begin, cpu = time.perf_counter(), one.cpu()
    latencies = send_all(one.port, requests, events)
    return Block(latencies, time.perf_counter() - begin, (one.cpu() - cpu) / events)


def blocks(
    subjects: Sequence[Subject], cloud: Settings, plan: Plan, clients: Sequence[int]
) -> list[dict[str, list[Block]]]:
    """Start all, warm them, and measure them in turns; one answer for each number of clients."""
    with ExitStack() as running:
        servers = {
            subject.name: running.enter_context(
                server(subject.source, {**cloud, **subject.settings})
            )
            for subject in subjects
        }
        for subject in subjects:
            first_answer(servers[subject.name], subject.request())
            _block(subject, servers[subject.name], max(clients), plan.warm_events)

        def measured(number: int) -> dict[str, list[Block]]:
            events = plan.warm_events if number == 1 else plan.warm_events * 2
            return interleaved(
                subjects,
                plan.warm_rounds,
                lambda subject: _block(subject, servers[subject.name], number, events),
            )

        return [measured(number) for number in clients]


def cpu(results: Mapping[str, Sequence[Block]]) -> dict[str, list[float]]:
    """Return the CPU for each event in microseconds, round by round."""
    return {name: [block.cpu * 1e6 for block in runs] for name, runs in results.items()}


def added(section: str, ours: Sequence[float], bare: Sequence[float]) -> Row:
    """Return what our own code adds to the bare calls."""
    more = [own - other for own, other in zip(ours, bare, strict=True)]
    return row(section, "our own code, beyond the bare calls", "µs", more, bound=ADDED_MICROSECONDS)


def _latencies(section: str, results: Mapping[str, Sequence[Block]], hundredths: int) -> list[Row]:
    values = {
        name: [percentile(block.latencies, hundredths) * 1000 for block in runs]
        if hundredths == 50
        else [percentile([one for block in runs for one in block.latencies], hundredths) * 1000]
        for name, runs in results.items()
    }
    return rows(section, "ms", values, alike=ALIKE)


def warm(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare ours with every rival over plain HTTP."""
    subjects = (OURS, HELLO, IMPORTS, SDK, SDK_READING, CARELESS, BARE, LEAN)
    one, many = blocks(subjects, cloud, plan, (1, plan.clients))
    spent = cpu(one)
    section = "warm, 1 client: CPU for an event"
    bounds = {SDK_READING.name: Bound(0.7, CONNECTING)}
    yield from rows(section, "µs", spent, bounds, ALIKE)
    yield added(section, spent[OURS.name], spent[BARE.name])
    for title, results in (("1 client", one), (f"{plan.clients} clients", many)):
        rates = {
            name: [len(b.latencies) / b.seconds for b in runs] for name, runs in results.items()
        }
        yield from rows(f"warm, {title}: events per second", "/s", rates, alike=ALIKE)
        yield from _latencies(f"warm, {title}: p50", results, 50)
        yield from _latencies(f"warm, {title}: p99 of all rounds", results, 99)
    section = f"warm, {plan.clients} clients: CPU for an event"
    yield from rows(section, "µs", cpu(many), alike=ALIKE)


def _loading(bundle: Path) -> float:
    begin = time.process_time()
    ssl.create_default_context(cafile=str(bundle))
    return (time.process_time() - begin) * 1e6


def https(plan: Plan, cloud: Settings, plain: Settings) -> Iterator[Row]:
    """Compare over TLS, the whole CA bundle being loaded; ours also with what it costs plainly."""
    unencrypted = replace(OURS, name=f"{OURS.name}, plain HTTP", settings=OURS.settings | {**plain})
    (one,) = blocks((OURS, unencrypted, SDK_READING, BARE), cloud, plan, (1,))
    spent, section = cpu(one), "https, 1 client: CPU for an event"
    yield from rows(section, "µs", spent, alike=ALIKE)
    yield from _latencies("https, 1 client: p50", one, 50)
    pairs = zip(spent[OURS.name], spent[unencrypted.name], strict=True)
    tls = [encrypted - clear for encrypted, clear in pairs]
    yield row(section, "what TLS adds to ours: three connections", "µs", tls)
    loads = [_loading(Path(cloud["CA_BUNDLE_FILE"])) for _ in tls]
    yield row(section, "loading the CA certificates once", "µs", loads, ours=tls, bound=0.5)

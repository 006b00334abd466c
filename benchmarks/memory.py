"""Memory: what a server holds after its start, after many events, and whether that grows."""

import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from .load import first_answer, send_all
from .plan import Plan
from .processes import ROOT, Server, counted, server
from .rows import Bound, Row, measured, row, rows
from .subjects import IMPORTS, OURS, SDK, Subject

# The allocator, and threads that come with the clients: of 40,000 events the first 10,000 added
# 1.2 %, the others 0.2 % for each 10,000, and no object was left over (by tracemalloc and gc). Ten
# thousand leaks of 100 bytes would be twice the bound.
MOST_GROWTH = 1.02
Settings = Mapping[str, str]
RUNTIME = ("functions-framework", "jsonschema", "requests", "cryptography")
RIVAL_RUNTIME = ("functions-framework", "huaweicloudsdkcore", "huaweicloudsdkkafka")


def _send(subject: Subject, process: Server, clients: int, events: int) -> dict[str, int]:
    send_all(process.port, [subject.request(number) for number in range(clients)], events)
    return counted(process.worker())


def _resident(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare the resident size of the process that answers, after one event and after many."""
    after_one: dict[str, list[float]] = {}
    after_many: dict[str, list[float]] = {}
    for subject in (OURS, IMPORTS, SDK):
        with server(subject.source, {**cloud, **subject.settings}) as process:
            first_answer(process, subject.request())
            after_one[subject.name] = [counted(process.worker())["resident_kib"] / 1024]
            now = _send(subject, process, 1, plan.memory_events)
            after_many[subject.name] = [now["resident_kib"] / 1024]
    bounds = {SDK.name: Bound(0.9)}
    yield from rows("memory: resident after the first event", "MiB", after_one, bounds)
    yield from rows(f"memory: after {plan.memory_events:,} events", "MiB", after_many, bounds)


def _growth(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Send ten thousand events, and compare the end with what it was after the first tenth."""
    section = f"growth: {plan.growth_events:,} events, the end against the first tenth"
    with ExitStack() as running:
        process = running.enter_context(server(OURS.source, {**cloud, **OURS.settings}))
        first_answer(process, OURS.request())
        early = _send(OURS, process, plan.clients, plan.growth_events // 10)
        late = _send(OURS, process, plan.clients, plan.growth_events * 9 // 10)
    units = {"resident_kib": "KiB", "threads": "", "files": ""}
    for name, unit in units.items():
        # Threads and files come and go with the clients: what counts is that they do not pile up.
        bound = MOST_GROWTH if name == "resident_kib" else 2.0
        yield measured(section, name, unit, late[name], fair=early[name], bound=bound)


def _closure(names: tuple[str, ...]) -> set[str]:
    """Return all distributions that these need here, themselves included."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or version of Python
        seen.add(name)
        waiting += [
            re.split(r"[^A-Za-z0-9._-]", process)[0]
            for process in needed
            if "extra ==" not in process
        ]
    return seen


def _installed_mib(names: tuple[str, ...]) -> float:
    files = (
        Path(str(file.locate()))
        for name in _closure(names)
        for file in importlib.metadata.files(name) or []
        if "__pycache__" not in file.parts
    )
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def _package() -> Iterator[Row]:
    """Compare the size of all that has to be deployed, unpacked and without byte-code."""
    folders = (ROOT / "function", ROOT / "schemas")
    size = sum(
        file.stat().st_size
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and file.suffix in {".py", ".json", ".pem"}
    )
    sizes = {
        OURS.name: [size / 2**20 + _installed_mib(RUNTIME)],
        SDK.name: [_installed_mib(RIVAL_RUNTIME)],
    }
    yield from rows("package: installed size with all requirements", "MiB", sizes)
    yield row(
        "package: installed size with all requirements", "our own files", "KiB", [size / 1024]
    )


def memory(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Measure what is held, whether it grows, and what has to be deployed."""
    yield from _resident(plan, cloud)
    yield from _growth(plan, cloud)
    yield from _package()

"""Growth: more instances and larger or nastier bodies must not cost more than their size."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from .load import Request, first_answer, restart_event, send_all
from .plan import Plan
from .processes import Server, server
from .rows import Row, measured, row
from .subjects import OURS

KIB = 1024
SMALL, LARGE = 16 * KIB, 250 * KIB
TOLERANCE = 1.15  # measuring is not exact
Settings = Mapping[str, str]


def _alerts(size: int) -> bytes:
    """Return a group of alerts that ask for nothing, as large as this."""
    labels = {"alertname": "KafkaBrokerDown", "severity": "critical", "pod": "kafka-0"}
    alert = {"status": "resolved", "labels": labels, "startsAt": "2026-01-05T02:15:00Z"}
    alert |= {"annotations": {"summary": "A broker is down."}, "fingerprint": "c1b2a3d4e5f60718"}
    alert |= {"endsAt": "2026-01-05T02:25:00Z", "generatorURL": "http://prometheus.example/graph"}
    group = {"version": "4", "groupKey": "{}", "status": "resolved", "receiver": "r"}
    number = max(size // len(json.dumps(alert)), 1)
    return json.dumps({**group, "alerts": [alert] * number}).encode()


def _filled(start: str, part: str, end: str) -> Callable[[int], bytes]:
    return lambda size: (start + part * ((size - len(start + end)) // len(part)) + end).encode()


def _wide(size: int) -> bytes:
    return json.dumps({f"k{number:07}": number for number in range(size // 18)}).encode()


BODIES: Mapping[str, Callable[[int], bytes]] = {
    "brackets nested without end": _filled("", "[", ""),
    "objects nested without end": _filled("", '{"a":', ""),
    "an object with countless keys": _wide,
    "one endless text": _filled('{"action":"', "a", '"}'),
    "a text made of escapes": _filled('{"action":"', "\\ud83d\\ude00", '"}'),
    "quotes that never close": _filled('{"action":', '"\\"', ""),
    "countless numbers": _filled('{"instances":[', "12345678,", "1]}"),
    "countless equal ids": _filled(
        '{"action":"restart","instances":["', '54602a9d-5e22-4239-9123-77e350df4a34","', '"]}'
    ),
    "white space": _filled("{", " ", "}"),
}


def _cpu(process: Server, request: Request, events: int) -> float:
    """Return the seconds of CPU for an event, the least of three goes."""
    samples = []
    for _ in range(3):
        begin = process.cpu()
        send_all(process.port, [request], events)
        samples.append((process.cpu() - begin) / events)
    return min(samples)


def _instances(process: Server, plan: Plan) -> Iterator[Row]:
    section = "growth: instances in one event, CPU; ratio to so many times the first"
    events = max(plan.warm_events // 4, 1)
    first = 0.0
    for number in plan.sizes:
        body = json.dumps(restart_event(*range(number))).encode()
        spent = _cpu(process, Request(body, OURS.expected_text), events) * 1e6
        if not first:
            first = spent / number
            yield row(section, f"{number}", "µs", [spent])
            continue
        fair = first * number
        yield measured(section, f"{number}", "µs", spent, fair=fair, bound=TOLERANCE)


def _bodies(process: Server, plan: Plan) -> Iterator[Row]:
    section = (
        "growth: a group of alerts by the size of its body, CPU; ratio to so many times 16 KiB"
    )
    settled = {size: _alerts(size) for size in (KIB, SMALL, 64 * KIB, LARGE)}
    spent = {size: _settled(process, body, plan) for size, body in settled.items()}
    for size, body in settled.items():
        if size <= SMALL:  # below, what every event costs would count as growth
            yield row(section, f"{size // KIB} KiB", "µs", [spent[size]])
            continue
        fair, name = spent[SMALL] * len(body) / len(settled[SMALL]), f"{size // KIB} KiB"
        yield measured(section, name, "µs", spent[size], fair=fair, bound=TOLERANCE)


def _settled(process: Server, body: bytes, plan: Plan) -> float:
    request = Request(body, b'"outcome":"skipped"', "/alertmanager")
    return _cpu(process, request, max(plan.warm_events // 4, 1)) * 1e6


def _hostile(process: Server, plan: Plan) -> Iterator[Row]:
    section = "growth: hostile bodies of 250 KiB, CPU; ratio to so many times 16 KiB"
    events = max(plan.warm_events // 4, 1)
    for name, body in BODIES.items():
        small, large = (
            _cpu(process, Request(body(size), b'"outcome":"rejected"', status=400), events) * 1e6
            for size in (SMALL, LARGE)
        )
        fair = small * LARGE / SMALL
        yield measured(section, name, "µs", large, fair=fair, bound=TOLERANCE)


def growth(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Measure how the cost of an event grows with its size."""
    secrets = {"ALERTMANAGER_SECRETS": OURS.settings["DIRECT_SECRETS"], "LOG_LEVEL": "ERROR"}
    subject = replace(OURS, settings=OURS.settings | secrets)
    with server(subject.source, {**cloud, **subject.settings}) as process:
        first_answer(process, subject.request())
        for part in (_instances, _bodies, _hostile):
            yield from part(process, plan)

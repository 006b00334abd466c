"""Served: our own server beside the one of functions-framework, the same events in both."""

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from .load import Client, Request, first_answer, send_all
from .plan import Plan
from .processes import Server, counted, server
from .rows import Bound, Row, percentile, row, rows
from .subjects import OURS, SERVED, interleaved

Settings = Mapping[str, str]
HEALTH = Request(b"", b"", "/health", method="GET")
# The cheapest event there is, so that most of the time is the server's. Our own server answers
# /health by a thread of its own, which would compare something else.
REJECTED = Request(b"{", b'"outcome":"rejected"', status=400)
HALF = b"POST /direct HTTP/1.1\r\nHost: benchmark\r\nContent-Length: 100\r\n\r\n{"
SLOW_SENDERS, PATIENCE = 60, 5.0
MOST_MILLISECONDS = 100


def _per_second(process: Server, clients: int, requests: int) -> float:
    begin = time.perf_counter()
    send_all(process.port, [REJECTED] * clients, requests)
    return requests / (time.perf_counter() - begin)


def _waits(process: Server, requests: int) -> list[float]:
    """Return how long others wait, in milliseconds, while many requests stay half sent."""
    with ExitStack() as stack:
        for _ in range(SLOW_SENDERS):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            wire.sendall(HALF)
        waits: list[float] = []
        for _ in range(requests):
            client = Client(process.port, PATIENCE)
            try:
                waits.append(client.send(HEALTH) * 1000)
            except TimeoutError:
                return [*waits, PATIENCE * 1000]  # so it goes on
            finally:
                client.close()
    return waits


def served(plan: Plan, cloud: Settings) -> Iterator[Row]:
    """Compare requests a second, memory, and what slow senders do to others."""
    with ExitStack() as running:
        servers = {
            subject.name: running.enter_context(
                server(subject.source, {**cloud, **subject.settings}, serve=subject.serve)
            )
            for subject in (SERVED, OURS)
        }
        for process in servers.values():
            first_answer(process, HEALTH)
        rates = interleaved(
            (SERVED, OURS),
            plan.warm_rounds,
            lambda subject: _per_second(servers[subject.name], plan.clients, plan.server_requests),
        )
        yield from _rates(rates)
        memory = {
            name: [sum(counted(pid)["resident_kib"] for pid in process.tree()) / 1024]
            for name, process in servers.items()
        }
        section = "server: resident memory of all its processes"
        yield from rows(section, "MiB", memory, {OURS.name: Bound(0.6)})
        section = f"server: p99 of others, {SLOW_SENDERS} requests half sent"
        for name, process in servers.items():
            with contextlib.suppress(ConnectionError):
                value = percentile(_waits(process, plan.server_requests // 4), 99)
                bound = MOST_MILLISECONDS if name == SERVED.name else None
                yield row(section, name, "ms", [value], bound=bound)


def _rates(rates: Mapping[str, list[float]]) -> Iterator[Row]:
    """Tell requests a second as the time for a thousand: a bound is a most, not a least."""
    times = {name: [1e6 / rate for rate in samples] for name, samples in rates.items()}
    bounds = {OURS.name: Bound(1 / 1.15)}
    for name, samples in rates.items():
        yield row("server: rejected events, requests a second", name, "/s", samples)
    yield from rows("server: rejected events, time for a thousand", "ms", times, bounds)

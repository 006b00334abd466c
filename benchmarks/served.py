"""Served: our own server beside the one of functions-framework, the same events in both."""

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

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
MOST_MILLISECONDS, MOST_MEBIBYTES = 100, 20
HEAD = b"POST /direct HTTP/1.1\r\nHost: benchmark\r\n"
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Crowd:
    """Callers who take connections and give them back late, if at all."""

    connections: int
    sent: bytes
    drip: bytes = b""  # what each goes on sending, a piece whenever somebody else asks


# So many kept everybody else of functions-framework's own server waiting, or cost it 260 MiB.
HALF_SENT = Crowd(60, HEAD + b"Content-Length: 100\r\n\r\n{")
CROWDS: Mapping[str, Crowd] = {
    "60 heads, sent byte by byte": Crowd(60, HEAD + b"X: ", b"x"),
    "60 bodies, sent byte by byte": Crowd(60, HEAD + b"Content-Length: 1000\r\n\r\n", b"{"),
    "300 idle connections": Crowd(300, b""),
    "7 request lines of 26 MiB": Crowd(7, b"GET /" + b"x" * 26 * MEBIBYTE),
    "60 that asked to close, and stay": Crowd(
        60, b"GET /health HTTP/1.1\r\nHost: benchmark\r\nConnection: close\r\n\r\n"
    ),
}


def _per_second(process: Server, clients: int, requests: int) -> float:
    begin = time.perf_counter()
    send_all(process.port, [REJECTED] * clients, requests)
    return requests / (time.perf_counter() - begin)


def _send(wire: socket.socket, content: bytes) -> None:
    with contextlib.suppress(OSError):  # the server may have had enough
        wire.sendall(content)


def _waits(process: Server, crowd: Crowd, plan: Plan) -> tuple[list[float], float]:
    """Return how many milliseconds others wait beside a crowd, and the MiB that it costs."""
    before = _resident(process)
    with ExitStack() as stack:
        wires: Sequence[socket.socket] = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", process.port), plan.patience)
            )
            for _ in range(crowd.connections)
        ]
        for wire in wires:
            _send(wire, crowd.sent)
        waits: list[float] = []
        for _ in range(plan.server_requests // 4):
            for wire in wires if crowd.drip else ():
                _send(wire, crowd.drip)
            client = Client(process.port, plan.patience)
            try:
                waits.append(client.send(HEALTH) * 1000)
            except TimeoutError:
                return [*waits, plan.patience * 1000], 0.0  # so it goes on
            finally:
                client.close()
        return waits, _resident(process) - before


def _resident(process: Server) -> float:
    """Return the MiB of all its processes."""
    return sum(counted(pid)["resident_kib"] for pid in process.tree()) / 1024


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
        memory = {name: [_resident(process)] for name, process in servers.items()}
        section = "server: resident memory of all its processes"
        yield from rows(section, "MiB", memory, {OURS.name: Bound(0.6)})
        section = f"server: p99 of others, {HALF_SENT.connections} requests half sent"
        for name, process in servers.items():
            with contextlib.suppress(ConnectionError):
                waits, _ = _waits(process, HALF_SENT, plan)
                bound = MOST_MILLISECONDS if name == SERVED.name else None
                yield row(section, name, "ms", [percentile(waits, 99)], bound=bound)
        yield from _crowds(servers[SERVED.name], plan)


def _rates(rates: Mapping[str, list[float]]) -> Iterator[Row]:
    """Tell requests a second as the time for a thousand: a bound is a most, not a least."""
    times = {name: [1e6 / rate for rate in samples] for name, samples in rates.items()}
    bounds = {OURS.name: Bound(1 / 1.15)}
    for name, samples in rates.items():
        yield row("server: rejected events, requests a second", name, "/s", samples)
    yield from rows("server: rejected events, time for a thousand", "ms", times, bounds)


def _crowds(process: Server, plan: Plan) -> Iterator[Row]:
    """Measure our own server beside each crowd; functions-framework's answers nobody then."""
    measured = {name: _waits(process, crowd, plan) for name, crowd in CROWDS.items()}
    for name, (waits, _) in measured.items():
        p99 = [percentile(waits, 99)]
        yield row("server: p99 of others beside", name, "ms", p99, bound=MOST_MILLISECONDS)
    for name, (_, grown) in measured.items():
        yield row("server: memory gained by", name, "MiB", [grown], bound=MOST_MEBIBYTES)

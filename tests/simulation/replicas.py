"""Replicas of the function: one process with threads, or several processes with threads."""

import base64
import io
import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from function.entrypoints import invocation, routes, startup
from function.pipeline import Runtime
from function.reporting import emit

from .clock import SimulatedClock
from .history import Delivery, Handled

DEADLINE_SECONDS = 3
"""Reads get 1.2 s of it: enough also where many runs share one machine."""

Build = Callable[[Mapping[str, str], SimulatedClock], Runtime]


@dataclass(frozen=True, slots=True)
class Work:
    """The results of some deliveries, the result lines in the log, and how many were dropped.

    Lines are dropped where a machine is so busy that their events have no time left.
    """

    handled: tuple[Handled, ...]
    lines: tuple[Mapping[str, Any], ...]
    dropped: int


class Copies(Protocol):
    """The replicas that handle the deliveries of a run."""

    def work(self, deliveries: Sequence[Delivery], clock: SimulatedClock) -> Work:
        """Handle the deliveries, many at a time."""


def build(environment: Mapping[str, str], clock: SimulatedClock) -> Runtime:
    """Return a runtime with this clock and an empty ledger."""
    startup.open_ledger.cache_clear()
    return startup.runtime(environment)._replace(clock=clock)


def _request(delivery: Delivery, runtime: Runtime) -> tuple[Any, bool]:
    """Send a request through the HTTP routes."""
    request = routes.HttpRequest("POST", str(delivery.path), delivery.headers, delivery.body)
    answer = routes.handle_request(request, runtime)
    return json.loads(answer.body or "[]"), answer.status >= 500


def _gateway(delivery: Delivery, runtime: Runtime) -> tuple[Any, bool]:
    """Send a request as the event of an API gateway."""
    event = {
        "httpMethod": "POST",
        "path": delivery.path,
        "headers": dict(delivery.headers),
        "body": base64.b64encode(delivery.body).decode(),
        "isBase64Encoded": True,
    }
    credentials = runtime.settings.credentials
    answer = invocation.invoke(event, runtime, credentials=credentials, remaining=None)
    return json.loads(answer["body"] or "[]"), answer["statusCode"] >= 500


def _event(delivery: Delivery, runtime: Runtime) -> tuple[Any, bool]:
    """Pass an event to the event entrypoint."""
    event, credentials = json.loads(delivery.body), runtime.settings.credentials
    seconds = DEADLINE_SECONDS * len(delivery.asks) + invocation.RESERVE_SECONDS
    try:
        value = invocation.invoke(event, runtime, credentials=credentials, remaining=seconds)
    except invocation.RetryableFailure as again:
        return json.loads(str(again)), True
    return value, False


def handle(delivery: Delivery, runtime: Runtime, copy: int) -> Handled:
    """Let a replica handle one delivery; an exception leaves it without results."""
    entrypoint = _event if delivery.path is None else _gateway if delivery.gateway else _request
    clock = runtime.clock
    assert isinstance(clock, SimulatedClock)
    began = clock()
    try:
        value, again = entrypoint(delivery, runtime)
    except Exception:  # noqa: BLE001 - the missing result is noticed
        value, again = [], False
    results = tuple(value) if isinstance(value, list) else (value,)
    return Handled(delivery, results, began, clock(), copy, again)


def work(deliveries: Sequence[Delivery], runtime: Runtime, *, threads: int, copy: int) -> Work:
    """Handle deliveries in the threads of this process, and keep what it logs."""
    log, dropped = io.StringIO(), emit.dropped_lines()
    with (
        redirect_stdout(log),
        redirect_stderr(io.StringIO()),
        ThreadPoolExecutor(threads) as pool,
    ):
        handled = tuple(pool.map(lambda one: handle(one, runtime, copy), deliveries))
    lines = tuple(json.loads(line) for line in log.getvalue().splitlines())
    return Work(handled, lines, emit.dropped_lines() - dropped)


class Threads:
    """One copy: the threads of this process."""

    def __init__(
        self, environment: Mapping[str, str], *, threads: int = 16, made_by: Build = build
    ) -> None:
        """Configure; `made_by` builds the runtime, which may be a variant of `broken`."""
        self._environment, self._threads, self._made_by = environment, threads, made_by
        self._runtime: Runtime | None = None

    def work(self, deliveries: Sequence[Delivery], clock: SimulatedClock) -> Work:
        """Handle the deliveries, many at a time."""
        if self._runtime is None:
            self._runtime = self._made_by(self._environment, clock)
        return work(deliveries, self._runtime, threads=self._threads, copy=0)


_own: dict[str, Any] = {}


def _begin(environment: Mapping[str, str], offset: float, ahead: float) -> None:
    """Start the copy of a process."""
    _own["clock"] = SimulatedClock(offset, ahead=ahead)
    _own["runtime"] = build(environment, _own["clock"])


def _work_there(deliveries: Sequence[Delivery], offset: float, threads: int, copy: int) -> Work:
    _own["clock"].offset = offset
    return work(deliveries, _own["runtime"], threads=threads, copy=copy)


class Processes:
    """Several copies, each a process with threads; a context manager."""

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: SimulatedClock,
        *,
        ahead: Sequence[float],
        threads: int = 6,
    ) -> None:
        """Prepare to start one for each clock, which is ahead of the right time by so much."""
        self._threads, self._stack = threads, ExitStack()
        context = multiprocessing.get_context("spawn")
        self._pools = [
            ProcessPoolExecutor(1, context, _begin, (dict(environment), clock.offset, seconds))
            for seconds in ahead
        ]

    def __enter__(self) -> "Processes":
        """Keep the processes until the end."""
        for pool in self._pools:
            self._stack.enter_context(pool)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._stack.__exit__(kind, error, trace)

    def work(self, deliveries: Sequence[Delivery], clock: SimulatedClock) -> Work:
        """Distribute the deliveries and handle them concurrently."""
        count = len(self._pools)
        futures = [
            pool.submit(_work_there, deliveries[copy::count], clock.offset, self._threads, copy)
            for copy, pool in enumerate(self._pools)
        ]
        shifts = [future.result() for future in futures]
        return Work(
            tuple(handled_event for work_done in shifts for handled_event in work_done.handled),
            tuple(line for work_done in shifts for line in work_done.lines),
            sum(work_done.dropped for work_done in shifts),
        )

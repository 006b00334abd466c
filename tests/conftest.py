"""Fixtures of most tests: a remediator with a fake cloud, its output, a Redis server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from function.entrypoints import startup

from .harness import Remediator, open_remediator
from .redis_process import RedisProcess, redis_process

# How fast examples are made depends on what else the machine does, which no test may depend on.
ANY_MACHINE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
# The same examples for the same code: what fails is what has been changed, and the gate of the
# coverage hangs on no chance. `make test-slow` looks for new ones, but not in CI.
settings.register_profile("quick", ANY_MACHINE, max_examples=40, derandomize=True)
settings.register_profile("thorough", ANY_MACHINE, max_examples=200, derandomize="CI" in os.environ)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def begin_without_a_history() -> None:
    """Forget what other tests sent: the ledger of a process outlives its events."""
    startup.open_ledger.cache_clear()


@pytest.fixture(name="remediator")
def open_the_remediator() -> Iterator[Remediator]:
    """Open a fake cloud in which one instance is in ERROR, and a remediator for it."""
    with open_remediator() as remediator:
        yield remediator


@pytest.fixture(name="out")
def what_is_printed(capfd: pytest.CaptureFixture[str]) -> Any:
    """Return a function that reads what was printed since its last call: results, log lines."""

    def lines() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        printed = capfd.readouterr()
        results, log = (
            [json.loads(line) for line in text.splitlines()] for text in (printed.out, printed.err)
        )
        return results, log

    return lines


@pytest.fixture(name="running", scope="session")
def run_a_redis_server() -> Iterator[RedisProcess]:
    """Run one server for the tests that do not harm it."""
    with redis_process() as server:
        yield server


@pytest.fixture(name="redis")
def empty_the_redis_server(running: RedisProcess) -> RedisProcess:
    """Return the server, emptied."""
    running.send("FLUSHALL")
    return running

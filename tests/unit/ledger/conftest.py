"""A Redis server for the tests of the ledger, and ledgers of both kinds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Ledger
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from tests.redis_process import RedisProcess, redis_process

PROJECT = "0123456789abcdef0123456789abcdef"


@pytest.fixture(name="running", scope="session")
def run_a_redis_server() -> Iterator[RedisProcess]:
    """Run one server for the tests that do not harm it."""
    with redis_process() as server:
        yield server


@pytest.fixture(name="redis")
def empty_the_redis_server(running: RedisProcess) -> RedisProcess:
    """Return the server with nothing in it."""
    running.send("FLUSHALL")
    return running


def shared(redis: RedisProcess, project: str = PROJECT) -> RedisLedger:
    """Return a copy's own ledger on a server."""
    return RedisLedger(RedisServer(redis.url, None), project)


Copies = Callable[[], Ledger]


@pytest.fixture(name="copy", params=["memory", "redis"])
def make_copies(request: pytest.FixtureRequest, redis: RedisProcess) -> Copies:
    """Return what gives each copy its ledger: one for all in the process, or one on Redis."""
    if request.param == "redis":
        return lambda: shared(redis)
    ledger = MemoryLedger(time.monotonic)
    return lambda: ledger

"""Ledgers of both kinds for the tests that hold of each."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Ledger
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from tests.redis_process import RedisProcess

PROJECT = "0123456789abcdef0123456789abcdef"


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

"""The ledger of a process: one for each project and server, however many events come first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from function.entrypoints import startup
from function.ledger.memory import MemoryLedger
from function.ledger.redis import RedisLedger

PROJECT = "0123456789abcdef0123456789abcdef"


def test_first_events_at_once_share_one_ledger() -> None:
    begin = Barrier(8)

    def first(_: int) -> int:
        begin.wait(30)
        return id(startup.ledger(PROJECT, None, None))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1


def test_each_project_has_its_ledger_and_each_server_its_own() -> None:
    ledger = startup.ledger(PROJECT, None, None)
    shared = startup.ledger(PROJECT, "redis://redis.example", None)

    assert isinstance(ledger, MemoryLedger)
    assert isinstance(shared, RedisLedger)
    assert startup.ledger("f" * 32, None, None) is not ledger
    assert startup.ledger(PROJECT, "redis://redis.example", None) is shared

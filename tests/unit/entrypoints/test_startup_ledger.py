"""The ledger of a process: one for each project and server, however many events come first."""

from __future__ import annotations

import subprocess
import sys
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


def test_ledgers_are_separate_by_project_and_server() -> None:
    ledger = startup.ledger(PROJECT, None, None)
    shared = startup.ledger(PROJECT, "redis://redis.example", None)

    assert isinstance(ledger, MemoryLedger)
    assert isinstance(shared, RedisLedger)
    assert startup.ledger("f" * 32, None, None) is not ledger
    assert startup.ledger(PROJECT, "redis://redis.example", None) is shared


def test_the_redis_library_is_imported_for_a_shared_ledger_only() -> None:
    program = (
        "import sys\n"
        "from function.entrypoints import startup\n"
        "import function.handler\n"
        "startup.ledger('0' * 32, None, None)\n"
        "before = 'redis' in sys.modules\n"
        "startup.ledger('0' * 32, 'redis://redis.example', None)\n"
        "print(before, 'redis' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]

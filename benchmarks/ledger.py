"""What the ledger costs an event that acts: claim, learn, enter the call, learn its end, give up.

Measured within the process, and with a real Redis server on loopback.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import partial

from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Ledger, Times
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from function.model.sent_call import Changes, Room
from tests.redis_process import redis_process

from .plan import Plan
from .responder import instance_id
from .rows import Row, row

SECTION = "ledger: one event that acts, in all its steps"
REMEMBERED = 10  # calls of other instances: the cloud shows most of them within minutes
EVENTS = 200
TIMES = Times(to_obtain=lambda: 1.0, to_end=lambda: 10.0)


def _fill(ledger: Ledger, now: datetime) -> None:
    for number in range(1, REMEMBERED + 1):
        with ledger.claim([instance_id(number)], TIMES) as claim:
            claim.enter([instance_id(number)], now, None)


def _event(ledger: Ledger, now: datetime) -> None:
    """Take the steps of an event whose restart the cloud has shown, so that nothing piles up."""
    target = instance_id(0)
    room = Room(REMEMBERED + 1, frozenset(), now)
    with ledger.claim([target], TIMES) as claim:
        claim.learn(Changes())
        claim.enter([target], now, room)
        own = frozenset({claim.call_id(target)})
        claim.learn(Changes(accepted=dict.fromkeys(own, now)))
        claim.learn(Changes(shown=own, over=own))


def _microseconds(work: Callable[[], None], clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(EVENTS):
        work()
    return (clock() - begin) / EVENTS * 1e6


def ledger(plan: Plan, _: Mapping[str, str]) -> Iterator[Row]:
    """Measure both kinds: CPU within the process, waiting included where a server answers."""
    now = datetime.now(timezone.utc)
    with redis_process() as server:
        shared = RedisLedger(RedisServer(server.url, None), "benchmark")
        kinds: tuple[tuple[str, Ledger, Callable[[], float], float], ...] = (
            ("in the process, CPU", MemoryLedger(time.monotonic), time.process_time, 50.0),
            ("shared, Redis on loopback", shared, time.perf_counter, 1000.0),
        )
        for name, kind, clock, most in kinds:
            _fill(kind, now)
            work = partial(_event, kind, now)
            values = [_microseconds(work, clock) for _ in range(plan.pure_rounds)]
            yield row(SECTION, f"{name}, {REMEMBERED} calls remembered", "µs", values, bound=most)

"""A shared ledger whose server is down, slow, full or wrong: one error, nothing is sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from function.ledger import redis as shared_ledger
from function.ledger import redis_server
from function.ledger.protocol import Times
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from function.lib.threads import call_with_timeout
from function.model.errors import InstanceBusy, LedgerUnreadable
from function.model.sent_call import PURGE, Changes, Room
from tests.factories import NOW, ORDERS, PAYMENTS
from tests.fault_matrix.certificates import place
from tests.redis_process import RedisProcess, answering, free_port, redis_process, tls_in_front
from tests.relay import Relay

from .conftest import PROJECT, shared

AT_ONCE = Times(lambda: 0.0, lambda: 30.0)
CALLS, CLAIM = f"kafka-remediator:{{{PROJECT}}}:calls", f"kafka-remediator:{{{PROJECT}}}:claim"
Harm = Callable[[RedisProcess], object]


@pytest.fixture(name="own")
def run_a_server_of_its_own() -> Iterator[RedisProcess]:
    """Run a server that the test may harm."""
    with redis_process("--maxmemory-policy", "noeviction") as server:
        yield server


@contextmanager
def unreadable(words: str | None = None) -> Iterator[None]:
    with pytest.raises(LedgerUnreadable, match=words):
        yield


def enter(ledger: RedisLedger, *targets: str, room: Room | None = None) -> str:
    with ledger.claim(targets, AT_ONCE) as claim:
        assert claim.enter(targets, NOW, room)
        return claim.call_id(targets[0])


def fill(server: RedisProcess) -> None:
    """Fill the memory of a server, so that it accepts no more writes."""
    server.send("CONFIG", "SET", "maxmemory", "100kb")


HARM: dict[str, tuple[Harm, str]] = {
    "killed": (RedisProcess.kill, "cannot be reached"),
    "stalled": (RedisProcess.stall, "did not answer in time"),
    "full": (fill, "may be full"),
}


@pytest.mark.parametrize("name", HARM)
def test_claim_fails_when_the_server_is(name: str, own: RedisProcess) -> None:
    harm, words = HARM[name]
    harm(own)
    for ledger in (shared(own), shared(own)):
        with unreadable(words), ledger.claim([ORDERS], AT_ONCE):
            raise AssertionError("claimed")


@pytest.mark.parametrize("name", HARM)
def test_entry_fails_when_the_server_is(name: str, own: RedisProcess) -> None:
    harm, words = HARM[name]
    with shared(own).claim([ORDERS], AT_ONCE) as claim:
        harm(own)
        with unreadable(words):
            claim.enter([ORDERS], NOW, None)
    # Where memory is full a claim can still be given up.
    assert (claim.problem is None) == (name == "full")


def test_a_call_stays_known_where_the_server_is_stalled_after_it(own: RedisProcess) -> None:
    with shared(own).claim([ORDERS], AT_ONCE) as claim:
        assert claim.enter([ORDERS], NOW, None)
        claim.learn(Changes(accepted={claim.call_id(ORDERS): NOW}))
        own.stall()
    own.resume()

    assert claim.problem == "the ledger did not answer in time"
    assert [call.target for call in shared(own).sent_calls()] == [ORDERS]


def test_a_server_that_was_started_again_serves_the_next_event(own: RedisProcess) -> None:
    ledger = shared(own)
    enter(ledger, ORDERS)
    own.kill()
    own.start()

    assert ledger.sent_calls() == ()
    enter(ledger, ORDERS)


def test_claim_held_by_another_copy_is_retried(redis: RedisProcess) -> None:
    asked, obtained = threading.Semaphore(0), list[str]()

    def remaining() -> float:
        asked.release()
        return 20.0

    def wait() -> None:
        with shared(redis).claim([ORDERS], Times(remaining, lambda: 30.0)):
            obtained.append(ORDERS)

    waiting = threading.Thread(target=wait)
    with shared(redis).claim([ORDERS], AT_ONCE):
        waiting.start()
        for _ in range(7):  # once in its own process, then of the server
            assert asked.acquire(timeout=30)
        assert not obtained
    waiting.join(30)
    assert obtained == [ORDERS]


def test_a_claim_that_expired_is_lost_and_the_next_one_is_left_alone(redis: RedisProcess) -> None:
    first, second = shared(redis), shared(redis)
    with first.claim([ORDERS], AT_ONCE) as claim:
        redis.send("DEL", f"{CLAIM}:{ORDERS}")  # as its expiry does
        with second.claim([ORDERS], AT_ONCE):
            with unreadable("the claim was lost"):
                claim.enter([ORDERS], NOW, None)
            claim.release()  # type: ignore[attr-defined]  # of a shared ledger
            with pytest.raises(InstanceBusy), shared(redis).claim([ORDERS], AT_ONCE):
                raise AssertionError("both hold it")


def test_every_key_expires(redis: RedisProcess) -> None:
    ledger = shared(redis)
    with ledger.claim([ORDERS, PAYMENTS], AT_ONCE) as claim:
        assert claim.enter([ORDERS], NOW, None)
        claim.learn(Changes(accepted={claim.call_id(ORDERS): NOW}))
        keys = redis.send("KEYS", "*")
        assert len(keys) == 3
        assert all(redis.send("PTTL", key) > 0 for key in keys)
        assert redis.send("PTTL", f"{CLAIM}:{ORDERS}") <= 35_000
    enter(ledger, PURGE)

    (key,) = redis.send("KEYS", "*")
    assert 0 < redis.send("PTTL", key) <= 24 * 3600 * 1000


def test_calls_no_rule_needs_are_removed_from_redis(redis: RedisProcess) -> None:
    ledger = shared(redis)
    id_ = enter(ledger, ORDERS)
    (text,) = redis.send("HVALS", CALLS)
    redis.send("HSET", CALLS, id_, text.replace(b'"expires":1', b'"expires":0'))

    assert ledger.sent_calls() == ()
    enter(ledger, PAYMENTS, room=Room(1, frozenset(), NOW))
    assert len(redis.send("HKEYS", CALLS)) == 1


def test_projects_on_one_server_know_nothing_of_each_other(redis: RedisProcess) -> None:
    ours, theirs = shared(redis), shared(redis, "f" * 32)
    with ours.claim([ORDERS], AT_ONCE), theirs.claim([ORDERS], AT_ONCE):
        pass
    enter(ours, ORDERS)
    enter(theirs, PAYMENTS, room=Room(1, frozenset(), NOW))
    assert [call.target for call in theirs.sent_calls()] == [PAYMENTS]


def test_a_full_ledger_enters_nothing(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_ledger, "MAX_CALLS", 1)
    ledger = shared(redis)
    enter(ledger, ORDERS)
    with unreadable("full"):
        enter(ledger, PAYMENTS)


@pytest.mark.parametrize(
    "entry",
    ["nonsense", "[]", "{}", '{"id":1}', '{"id":"1","target":"2","sent_at":"3","expires":9e15}'],
)
def test_malformed_entries_are_unreadable(entry: str, redis: RedisProcess) -> None:
    redis.send("HSET", CALLS, "1", entry)
    with unreadable(), shared(redis).claim([ORDERS], AT_ONCE):
        raise AssertionError("claimed")


def test_malformed_flag_is_unreadable(redis: RedisProcess) -> None:
    id_ = enter(shared(redis), ORDERS)
    (text,) = redis.send("HVALS", CALLS)
    redis.send("HSET", CALLS, id_, text.replace(b"false", b'"no"'))
    with unreadable("none of its entries"):
        shared(redis).sent_calls()


def test_a_key_of_another_kind_is_unreadable(redis: RedisProcess) -> None:
    redis.send("SET", CALLS, "taken")
    with unreadable("refused"):
        shared(redis).sent_calls()


ANSWERS = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an OK": b"+OK\r\n",
    "a number": b":1\r\n",
    "null": b"*-1\r\n",
    "an empty list": b"*0\r\n",
    "a list of words": b"*1\r\n+OK\r\n",
    "too little": b"*1\r\n:1\r\n",
    "an odd moment": b"*3\r\n:1\r\n+now\r\n*0\r\n",
    "an odd list of calls": b"*3\r\n:1\r\n:1\r\n:1\r\n",
    "a call that is none": b"*3\r\n:1\r\n:1\r\n*1\r\n:1\r\n",
    "binary": bytes(range(256)),
    "a length that is none": b"$x\r\n\r\n",
    "half an answer": b"*3\r\n:1\r\n",
    "an error": b"-ERR nonsense\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_speaks_nonsense_is_unreadable(name: str) -> None:
    with answering(ANSWERS[name]) as url:
        ledger = RedisLedger(RedisServer(url, None), PROJECT)
        with unreadable(), ledger.claim([ORDERS], AT_ONCE):
            raise AssertionError("claimed")


@pytest.mark.parametrize("answer", [b"*1\r\n:7\r\n", b"*1\r\n:0\r\n", b"*2\r\n:0\r\n*1\r\n+x\r\n"])
def test_an_odd_answer_to_a_call_enters_nothing(
    answer: bytes, redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = shared(redis)
    with ledger.claim([ORDERS], AT_ONCE) as claim, answering(answer) as url:
        monkeypatch.setattr(ledger, "_server", RedisServer(url, None))
        with unreadable():
            claim.enter([ORDERS], NOW, None)


def test_a_password_opens_the_ledger_and_stands_in_no_text() -> None:
    with redis_process(password="very-secret") as server:
        enter(shared(server), ORDERS)
        wrong = RedisServer(server.url.replace("very-secret", "other-secret"), None)
        with pytest.raises(LedgerUnreadable) as caught:
            RedisLedger(wrong, PROJECT).sent_calls()

    assert "secret" not in f"{caught.value} {wrong!r} {caught.value.__cause__}"
    assert caught.value.__suppress_context__
    assert str(caught.value) == "the ledger refused the password"


def test_the_number_of_a_database_counts(redis: RedisProcess) -> None:
    enter(shared(redis), ORDERS)
    other = RedisLedger(RedisServer(f"{redis.url}/1", None), PROJECT)
    assert other.sent_calls() == ()


def test_tls_is_verified_with_the_roots_of_the_settings(redis: RedisProcess) -> None:
    good = place("good")
    with tls_in_front(redis.port, good) as port:
        ledger = RedisLedger(RedisServer(f"rediss://localhost:{port}", good.authority), PROJECT)
        enter(ledger, ORDERS)
        del ledger  # and its connection with it
        for host, authority in (("localhost", None), ("127.0.0.1", good.authority)):
            other = RedisLedger(RedisServer(f"rediss://{host}:{port}", authority), PROJECT)
            with unreadable():
                other.sent_calls()


def connections(redis: RedisProcess) -> int:
    text = redis.send("INFO", "stats")
    return int(text["total_connections_received"])


def test_a_connection_is_kept_for_seconds_only(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = shared(redis)
    before = connections(redis)
    for _ in range(5):
        ledger.sent_calls()
    assert connections(redis) == before + 2  # one of the ledger, one that asks this

    monkeypatch.setattr(redis_server, "MAX_IDLE_SECONDS", -1.0)
    ledger.sent_calls()
    assert connections(redis) == before + 4


def test_a_server_that_is_only_a_replica_since_a_failover_is_left_at_once(
    own: RedisProcess, redis: RedisProcess
) -> None:
    with Relay(("127.0.0.1", own.port)) as relay:
        server = RedisServer(f"redis://127.0.0.1:{relay.port}", None)
        ledger = RedisLedger(server, PROJECT)
        with ledger.claim([ORDERS], AT_ONCE):
            pass
        own.send("REPLICAOF", "127.0.0.1", free_port())  # no server is there: it writes no file
        relay.lead_to(("127.0.0.1", redis.port))
        with ledger.claim([ORDERS], AT_ONCE):
            pass


def test_a_forked_process_leaves_the_connection_to_its_parent(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = shared(redis)
    ledger.sent_calls()
    before = connections(redis)
    own = os.getpid()
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: own + 1)
        ledger.sent_calls()
    assert connections(redis) == before + 2


def test_late_entry_of_a_stalled_server_is_removed(own: RedisProcess) -> None:
    with shared(own).claim([ORDERS], AT_ONCE) as claim:
        own.stall()
        with unreadable("did not answer in time"):
            claim.enter([ORDERS], NOW, None)
    own.resume()

    assert shared(own).sent_calls() == ()
    with shared(own).claim([ORDERS], AT_ONCE):
        pass


def test_a_step_ends_with_its_event(own: RedisProcess) -> None:
    left = [30.0]
    with shared(own).claim([ORDERS], Times(lambda: 0.0, lambda: left[0])) as claim:
        own.stall()
        left[0] = 0.0
        seconds: list[float] = []
        patched = partial(_noting, seconds)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(redis_server, "call_with_timeout", patched)
            with unreadable("did not answer in time"):
                claim.enter([ORDERS], NOW, None)
        own.resume()
    assert seconds == [pytest.approx(shared_ledger.MIN_STEP_SECONDS, abs=0.04)]


def _noting(noted: list[float], seconds: float, work: Callable[[], object]) -> object:
    noted.append(seconds)
    return call_with_timeout(seconds, work)

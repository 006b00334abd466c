"""A shared ledger whose server is down, slow, full or wrong: one error, nothing is sent."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from function.ledger import redis as shared_ledger
from function.ledger import redis_server
from function.ledger.protocol import Times
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from function.model.errors import InstanceBusy, LedgerUnreadable
from function.model.sent_call import PURGE, Changes, Room
from tests.factories import NOW, ORDERS, PAYMENTS, SECOND
from tests.fault_matrix.certificates import tls_endpoint
from tests.harness import remembered
from tests.loopback import free_port
from tests.redis_process import (
    RedisProcess,
    answering,
    dripping,
    redis_process,
    tls_in_front,
)
from tests.relay import Relay

from .conftest import PROJECT, shared

AT_ONCE = Times(lambda: 0.0, lambda: 30.0)
CALLS, CLAIM = f"kafka-remediator:{{{PROJECT}}}:calls", f"kafka-remediator:{{{PROJECT}}}:claim"
OK = b"*1\r\n:1\r\n"
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
    "full": (fill, "the ledger is full"),
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
    assert [call.target for call in remembered(shared(own))] == [ORDERS]


def test_a_server_that_was_started_again_serves_the_next_event(own: RedisProcess) -> None:
    ledger = shared(own)
    enter(ledger, ORDERS)
    own.kill()
    own.start()

    assert remembered(ledger) == ()
    enter(ledger, ORDERS)


def test_a_server_with_persistence_that_was_killed_knows_what_was_sent(tmp_path: Path) -> None:
    with redis_process("--appendonly", "yes", "--dir", f"{tmp_path}") as server:
        ledger = shared(server)
        with ledger.claim([ORDERS], AT_ONCE) as claim:
            assert claim.enter([ORDERS], NOW, None)
            server.kill()
            server.start()
            (call,) = remembered(shared(server))
            claim.learn(Changes(accepted={call.id: NOW + SECOND}))
        server.kill()
        server.start()

        assert remembered(shared(server)) == (call._replace(accepted=True, sent_at=NOW + SECOND),)


def test_an_unclear_call_outlives_a_jump_of_the_servers_clock(redis: RedisProcess) -> None:
    enter(shared(redis), ORDERS)

    (text,) = redis.send("HVALS", CALLS)
    seconds, _ = redis.send("TIME")
    day = 24 * 3600
    assert json.loads(text)["expires"] / 1000 - seconds > day
    assert redis.send("PTTL", CALLS) / 1000 > day


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
    assert 0 < redis.send("PTTL", key) <= 25 * 3600 * 1000


def test_calls_no_rule_needs_are_removed_from_redis(redis: RedisProcess) -> None:
    ledger = shared(redis)
    id_ = enter(ledger, ORDERS)
    (text,) = redis.send("HVALS", CALLS)
    redis.send("HSET", CALLS, id_, text.replace(b'"expires":1', b'"expires":0'))

    assert remembered(ledger) == ()
    enter(ledger, PAYMENTS, room=Room(1, frozenset(), NOW))
    assert len(redis.send("HKEYS", CALLS)) == 1


def test_projects_on_one_server_know_nothing_of_each_other(redis: RedisProcess) -> None:
    ours, theirs = shared(redis), shared(redis, "f" * 32)
    with ours.claim([ORDERS], AT_ONCE), theirs.claim([ORDERS], AT_ONCE):
        pass
    enter(ours, ORDERS)
    enter(theirs, PAYMENTS, room=Room(1, frozenset(), NOW))
    assert [call.target for call in remembered(theirs)] == [PAYMENTS]


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
        remembered(shared(redis))


def test_a_key_of_another_kind_is_unreadable(redis: RedisProcess) -> None:
    redis.send("SET", CALLS, "taken")
    with unreadable("another program uses keys of the ledger"):
        remembered(shared(redis))


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
            remembered(RedisLedger(wrong, PROJECT))

    assert "secret" not in f"{caught.value} {wrong!r} {caught.value.__cause__}"
    assert caught.value.__suppress_context__
    assert str(caught.value).startswith("the ledger refused the password")


def test_the_number_of_a_database_counts(redis: RedisProcess) -> None:
    enter(shared(redis), ORDERS)
    other = RedisLedger(RedisServer(f"{redis.url}/1", None), PROJECT)
    assert remembered(other) == ()


def test_tls_is_verified_with_the_roots_of_the_settings(redis: RedisProcess) -> None:
    good = tls_endpoint("good")
    with tls_in_front(redis.port, good) as port:
        ledger = RedisLedger(RedisServer(f"rediss://localhost:{port}", good.authority), PROJECT)
        enter(ledger, ORDERS)
        del ledger  # and its connection with it
        for host, authority in (("localhost", None), ("127.0.0.1", good.authority)):
            other = RedisLedger(RedisServer(f"rediss://{host}:{port}", authority), PROJECT)
            with unreadable():
                remembered(other)


def connections(redis: RedisProcess) -> int:
    text = redis.send("INFO", "stats")
    return int(text["total_connections_received"])


def test_a_connection_is_kept_for_seconds_only(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = shared(redis)
    before = connections(redis)
    for _ in range(5):
        remembered(ledger)
    assert connections(redis) == before + 2  # one of the ledger, one that asks this

    monkeypatch.setattr(redis_server, "MAX_IDLE_SECONDS", -1.0)
    remembered(ledger)
    assert connections(redis) == before + 5


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
    remembered(ledger)
    before = connections(redis)
    own = os.getpid()
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: own + 1)
        remembered(ledger)
    assert connections(redis) == before + 2


def test_late_entry_of_a_stalled_server_is_removed(own: RedisProcess) -> None:
    with shared(own).claim([ORDERS], AT_ONCE) as claim:
        own.stall()
        with unreadable("did not answer in time"):
            claim.enter([ORDERS], NOW, None)
    own.resume()

    assert remembered(shared(own)) == ()
    with shared(own).claim([ORDERS], AT_ONCE):
        pass


class NotingServer(RedisServer):
    """A server that notes how long each step may take."""

    def run(self, *step: Any, seconds: float = 0) -> Any:
        self.seconds = seconds
        return super().run(*step, seconds=seconds)


@pytest.mark.parametrize(("left", "seconds"), [(30.0, 0.3), (0.1, 0.1), (0.0, 0.05), (-1.0, 0.05)])
def test_a_step_ends_with_its_event(left: float, seconds: float, redis: RedisProcess) -> None:
    server = NotingServer(redis.url, None)
    with RedisLedger(server, PROJECT).claim([ORDERS], Times(lambda: 0.0, lambda: left)) as claim:
        assert claim.enter([ORDERS], NOW, None)
        assert server.seconds == seconds


@pytest.mark.parametrize("kept", [False, True])
def test_server_that_drips_is_left_in_time(kept: bool, redis: RedisProcess) -> None:
    with dripping(b"*3\r\n:1\r\n:1\r\n$1000000\r\n", first=OK if kept else b"") as url:
        server = RedisServer(url, None)
        if kept:
            assert server.run("", [], []) == [1]
        with unreadable("did not answer in time"):
            server.run("", [], [])


def test_server_that_drips_while_it_is_asked_to_authenticate_is_left_in_time() -> None:
    with dripping(b"+" + b"x" * 1000) as url, unreadable("did not answer in time"):
        RedisServer(url.replace("//", "//:a-password@"), None).run("", [], [])


def test_every_piece_that_is_sent_or_received_is_bounded() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        bounded = redis_server._BoundedSocket(ours, time.monotonic() + 30)
        theirs.sendall(b"answer")
        buffer = bytearray(10)
        assert bounded.recv_into(buffer) == 6  # as the parser of hiredis does
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reading = threading.Thread(target=partial(drain, theirs, 1_000_000))
        reading.start()
        bounded.sendall(bytes(1_000_000))
        reading.join(30)
        bounded.end = time.monotonic()
        for wait in (partial(bounded.recv, 1), partial(bounded.recv_into, buffer)):
            with pytest.raises(TimeoutError):
                wait()
        with pytest.raises(TimeoutError):
            bounded.sendall(b"more")


def drain(sock: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(sock.recv(65536))


def test_what_a_failed_step_learned_is_saved_with_the_next_one(redis: RedisProcess) -> None:
    loading = answering(b"-LOADING Redis is loading the dataset in memory\r\n")
    with Relay(("127.0.0.1", redis.port)) as relay, loading as url:
        ledger = RedisLedger(RedisServer(f"redis://127.0.0.1:{relay.port}", None), PROJECT)
        with ledger.claim([ORDERS], AT_ONCE) as claim:
            assert claim.enter([ORDERS], NOW, None)
            claim.learn(Changes(accepted={claim.call_id(ORDERS): NOW + SECOND}))
            relay.lead_to(("127.0.0.1", int(url.rpartition(":")[2])))
            relay.cut()
        assert claim.problem == "the ledger is still loading its data; it serves when it is done"

        relay.lead_to(("127.0.0.1", redis.port))
        with ledger.claim([PAYMENTS], AT_ONCE):
            (call,) = remembered(shared(redis))
    assert (call.target, call.sent_at, call.accepted) == (ORDERS, NOW + SECOND, True)

"""No call is sent twice: sent calls are remembered while the cloud does not show them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from function.entrypoints import startup
from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Times
from function.model.sent_call import Room, SentCall
from tests.factories import DRAFT, HOUR, MINUTE, NOW, ORDERS, PAYMENTS, SECOND, ids
from tests.fake_dms import Behaviour, Hold, Reset
from tests.fault_matrix.case import Meanwhile
from tests.harness import CloudTime, Remediator, open_remediator, remembered, restarted
from tests.loopback import free_port
from tests.redis_process import RedisProcess, redis_process

SKIPPED = (200, "skipped", "already_restarting")
SECONDS = 60


class Hurried(CloudTime):
    """A clock on which the time to look for a restart is over at the first look.

    The clock of the cloud stands while an event looks, so waiting would show nothing more.
    """

    def end_looking(self) -> None:
        self.ahead += 0.905 * SECONDS


@contextmanager
def lagging_cloud(**behaviour: Any) -> Iterator[Remediator]:
    """Open a cloud that shows a restart 30 s after it was accepted, if at all."""
    given = Behaviour(**{"status_lag": 30, "task_lag": 30, **behaviour})
    with open_remediator(given) as opened:
        clock = Hurried(opened.cloud)
        opened.cloud.fault(Meanwhile(clock.end_looking), "show", times=None)
        settings = {**opened.settings, "DEADLINE_SECONDS": str(SECONDS)}
        yield Remediator(opened.cloud, opened.clock, settings, clock)


@pytest.fixture(name="lagging")
def open_a_cloud_that_lags() -> Iterator[Remediator]:
    """Open a cloud that lags."""
    with lagging_cloud() as remediator:
        yield remediator


def restarts(remediator: Remediator) -> int:
    return len([effect for effect in remediator.cloud.effects if effect.action == "restart"])


def test_lagging_cloud_gets_one_restart_call(lagging: Remediator) -> None:
    assert lagging.alert().verdict == (200, "accepted", None)
    for _ in range(9):
        lagging.clock.advance(4)
        assert lagging.alert().verdict == SKIPPED
    assert restarts(lagging) == 1


def test_storm_limit_holds_with_a_lagging_cloud(
    lagging: Remediator,
) -> None:
    outcomes = []
    for instance in ids(12):
        lagging.cloud.add_instance(instance, status="ERROR")
        outcomes.append(lagging.alert(instance).data["reason"])
        lagging.clock.advance(1)

    assert outcomes == [None] * 3 + ["storm"] * 9
    lagging.clock.advance(60)
    assert lagging.alert(ids(5)[4]).data["reason"] == "storm"


def test_finished_restarts_free_the_storm_limit(
    lagging: Remediator,
) -> None:
    lagging.set(MAX_RESTARTING="1")
    first, second = ids(2)
    for instance in (first, second):
        lagging.cloud.add_instance(instance, status="ERROR")
    assert lagging.alert(first).verdict == (200, "accepted", None)
    lagging.clock.advance(31)
    assert lagging.alert(second).data["reason"] == "storm"  # which saw it restarting
    lagging.clock.advance(180)

    raised = datetime.fromtimestamp(lagging.clock(), NOW.tzinfo)
    assert lagging.alert(second, raised=raised).verdict == (200, "accepted", None)


@pytest.mark.parametrize("done", [True, False])
def test_a_call_whose_answer_was_lost_is_not_repeated(lagging: Remediator, done: bool) -> None:
    lagging.cloud.fault(Reset("done" if done else "request"), "action")

    assert lagging.alert().verdict == (202, "unknown", "unclear")
    for wait in (1, 1, 20):
        lagging.clock.advance(wait)
        assert lagging.alert().verdict == SKIPPED
    lagging.clock.advance(20 * 60)
    expected = "already_answered" if done else None
    assert lagging.alert().data["reason"] == expected


@pytest.mark.parametrize("behaviour", [{"keeps_tasks": False}, {"task_name": "kafkaReboot"}])
def test_a_restart_that_the_history_never_shows_is_not_repeated(
    behaviour: dict[str, Any],
) -> None:
    with lagging_cloud(restart_outcome="does_not_help", **behaviour) as remediator:
        assert remediator.alert().verdict == (200, "accepted", None)
        for _ in range(9):
            remediator.clock.advance(4)
            assert remediator.alert().verdict == SKIPPED
        remediator.clock.advance(21 * 60)
        answered = remediator.alert()
        assert (answered.data["reason"], answered.data["needs_human"]) == (
            "already_answered",
            False,
        )
        remediator.clock.advance(20 * 60)
        answered = remediator.alert()
        assert (answered.data["reason"], answered.data["needs_human"]) == ("already_answered", True)
        assert restarts(remediator) == 1


def test_call_shown_by_the_history_is_removed_for_good(remediator: Remediator) -> None:
    remediator.set(COOLDOWN_SECONDS="0")
    remediator.restart()
    remediator.clock.advance(300)
    assert remediator.restart().verdict == (200, "accepted", None)  # the first one was read
    remediator.clock.advance(300)
    for task in remediator.cloud.tasks(ORDERS):
        if task.created_at == NOW.timestamp():
            remediator.cloud.remove_task(ORDERS, task.id)

    left = remembered(remediator.runtime.ledger)
    assert [call.sent_at for call in left] == [NOW + 300 * SECOND]


def test_a_purge_that_is_delivered_twice_at_once_is_sent_once(remediator: Remediator) -> None:
    remediator.cloud.add_failed_creation(DRAFT)
    hold = Hold(at="request")
    remediator.cloud.fault(hold, kind="action")
    responses: list[tuple[int, str, str | None]] = []

    def purge() -> None:
        responses.append(remediator.ask(action="purge_failed").verdict)

    threads = [threading.Thread(target=purge) for _ in range(3)]
    for thread in threads:
        thread.start()
    remediator.cloud.wait_for(1, "action")
    hold.release.set()
    for thread in threads:
        thread.join(30)

    assert sorted(responses) == [(200, "accepted", None), *[(200, "skipped", "cooldown")] * 2]
    assert len(remediator.cloud.posts) == 1


def test_an_alarm_raised_over_thirty_days_ago_is_stale(remediator: Remediator) -> None:
    response = remediator.alert(raised=NOW - timedelta(days=30, seconds=1))
    assert response.verdict == (200, "skipped", "stale")
    assert not remediator.cloud.requests


class WrongClock(CloudTime):
    """A clock of this machine that is ahead of the cloud's."""

    off_by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.off_by


def set_clock(remediator: Remediator, ahead: timedelta) -> None:
    clock = WrongClock(remediator.cloud)
    clock.off_by = ahead
    remediator.runtime = remediator.runtime._replace(
        clock=clock, ledger=MemoryLedger(clock.monotonic)
    )


def test_the_clock_of_the_cloud_decides_how_long_ago_a_restart_was(
    remediator: Remediator,
) -> None:
    restarted(remediator.cloud, began=50 * MINUTE)
    set_clock(remediator, ahead=14 * MINUTE)
    response = remediator.restart()

    assert response.verdict == (200, "skipped", "cooldown")
    assert (
        "The clock of this machine is 840 seconds ahead of the cloud's" in response.data["message"]
    )


def test_a_restart_is_dated_by_the_clock_of_the_cloud(remediator: Remediator) -> None:
    set_clock(remediator, ahead=-10 * MINUTE)
    assert remediator.restart().data["outcome"] == "accepted"

    (call,) = remembered(remediator.runtime.ledger)
    assert (call.sent_at, call.accepted) == (NOW, True)


@pytest.mark.parametrize("ahead", [3 * HOUR, -3 * HOUR])
def test_nothing_is_sent_by_a_clock_that_is_hours_off(
    remediator: Remediator, ahead: timedelta
) -> None:
    restarted(remediator.cloud, began=5 * MINUTE)
    set_clock(remediator, ahead=ahead)
    response = remediator.restart()

    assert response.verdict == (503, "failed", "state_unreadable")
    assert "The clock of this machine is 10" in response.data["message"]
    assert not remediator.cloud.posts


def copy_of(first: Remediator, clock: CloudTime | None = None) -> Remediator:
    """Return a copy as another process has it, where nothing but the server is shared."""
    startup.open_ledger.cache_clear()
    return Remediator(first.cloud, first.clock, first.settings, clock or first.own_clock)


def copies_of(first: Remediator, redis: RedisProcess) -> tuple[Remediator, ...]:
    """Return three copies of the function in front of one cloud, with one ledger."""
    first.set(LEDGER_URL=redis.url)
    return (first, copy_of(first), copy_of(first))


def test_copies_that_share_the_ledger_restart_an_instance_once(
    remediator: Remediator, redis: RedisProcess
) -> None:
    copies = copies_of(remediator, redis)
    responses: list[Any] = []
    threads = [
        threading.Thread(target=lambda copy=copy: responses.append(copy.alert().verdict))
        for copy in copies * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    # An event that waits longer than the share of its time for reads is retryable.
    assert responses.count((200, "accepted", None)) == 1
    assert {*responses} <= {(200, "accepted", None), SKIPPED, (503, "failed", "busy")}
    assert restarts(copies[0]) == 1
    assert [copy.alert().verdict for copy in copies] == [SKIPPED] * 3


def test_copies_that_share_the_ledger_know_what_each_has_sent(
    lagging: Remediator, redis: RedisProcess
) -> None:
    copies = copies_of(lagging, redis)
    assert copies[0].alert().verdict == (200, "accepted", None)
    assert [copy.alert().verdict for copy in copies] == [SKIPPED] * 3


def test_copies_that_share_the_ledger_keep_the_storm_limit(
    lagging: Remediator, redis: RedisProcess
) -> None:
    copies = copies_of(lagging, redis)
    outcomes = []
    for number, instance in enumerate(ids(7)):
        copies[0].cloud.add_instance(instance, status="ERROR")
        outcomes.append(copies[number % 3].alert(instance).data["reason"])
    assert outcomes == [None] * 3 + ["storm"] * 4


def test_event_that_is_stopped_until_its_claim_has_expired_sends_nothing(
    remediator: Remediator, redis: RedisProcess
) -> None:
    remediator.set(LEDGER_URL=redis.url, DEADLINE_SECONDS=str(SECONDS))
    clock = Hurried(remediator.cloud)
    first, second = copy_of(remediator, clock), copy_of(remediator)
    meanwhile: list[Any] = []

    def stopped(level: str, message: str, **details: Any) -> None:
        """Stop as SIGSTOP does, between the entry in the ledger and the call."""
        if message == "About to send.":
            (claim,) = redis.send("KEYS", "*:claim:*")
            redis.send("DEL", claim)  # as its expiry does
            meanwhile.append(second.alert().verdict)
            clock.ahead += 2 * SECONDS

    first.runtime = first.runtime._replace(log=stopped)
    assert first.alert().verdict == (503, "failed", "deadline")
    assert meanwhile == [SKIPPED]
    assert not remediator.cloud.posts
    assert second.alert().verdict == (200, "accepted", None)


def test_without_its_ledger_a_copy_sends_nothing_from_the_start(remediator: Remediator) -> None:
    remediator.cloud.add_failed_creation(DRAFT)
    remediator.set(LEDGER_URL=f"redis://127.0.0.1:{free_port()}", ENABLED_ACTIONS="restart,delete")
    for response in (remediator.alert(), remediator.restart(), remediator.delete(ORDERS)):
        assert response.verdict == (503, "failed", "ledger_unreadable")
        assert (response.data["retryable"], response.data["needs_human"]) == (True, False)
    assert not remediator.cloud.requests


def test_ledger_killed_during_reads_prevents_the_call(remediator: Remediator, out: Any) -> None:
    with redis_process() as server:
        remediator.set(LEDGER_URL=server.url)
        remediator.cloud.fault(Meanwhile(server.kill), "tasks")
        response = remediator.alert()

    assert response.verdict == (503, "failed", "ledger_unreadable")
    assert not remediator.cloud.posts
    assert "Nothing was sent: the ledger cannot be reached" in [
        line["message"].partition(";")[0] for line in out()[1]
    ]


def test_ledger_killed_after_the_call_does_not_change_the_result(
    remediator: Remediator, out: Any
) -> None:
    with redis_process() as server:
        remediator.set(LEDGER_URL=server.url)
        remediator.cloud.fault(Meanwhile(server.kill), "action")
        response = remediator.alert()

    assert response.verdict == (200, "accepted", None)
    assert "A claim was not given up, and expires: the ledger cannot be reached" in [
        line["message"].partition(";")[0] for line in out()[1]
    ]


def test_stalled_ledger_does_not_delay_the_answer(remediator: Remediator) -> None:
    with redis_process() as server:
        remediator.set(LEDGER_URL=server.url)
        remediator.cloud.fault(Meanwhile(partial(server.stall)), "tasks")
        assert remediator.alert().verdict == (503, "failed", "ledger_unreadable")
        server.resume()
        assert remediator.alert().verdict == (200, "accepted", None)
    assert len(remediator.cloud.posts) == 1


def test_concurrent_events_do_not_exceed_the_storm_limit(
    remediator: Remediator,
) -> None:
    remediator.set(MAX_RESTARTING="1")
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")
    responses: list[Any] = []
    remediator.cloud.fault(Meanwhile(lambda: responses.append(remediator.alert(PAYMENTS))), "tasks")

    assert remediator.alert(ORDERS).verdict == (200, "skipped", "storm")
    assert [other.verdict for other in responses] == [(200, "accepted", None)]
    assert len(remediator.cloud.posts) == 1


class NoRoom(MemoryLedger):
    """A ledger in which others always take the room first, and give it back at once."""

    def enter(self, calls: Sequence[SentCall], room: Room | None) -> bool:
        return False


def test_event_without_room_is_retryable(remediator: Remediator) -> None:
    ledger = NoRoom(remediator.runtime.clock.monotonic)
    remediator.runtime = remediator.runtime._replace(ledger=ledger)
    assert remediator.alert().verdict == (503, "failed", "busy")
    assert not remediator.cloud.posts


def test_exception_before_the_call_leaves_no_ledger_entry(remediator: Remediator) -> None:
    def broken(level: str, message: str, **details: Any) -> None:
        if message == "About to send.":
            raise ZeroDivisionError

    remediator.runtime = remediator.runtime._replace(log=broken)
    assert remediator.alert().verdict == (500, "failed", "internal")
    assert not remediator.cloud.posts
    assert remembered(remediator.runtime.ledger) == ()


class BreaksOnce(CloudTime):
    """A clock that breaks once after a call was sent."""

    broken = False

    def monotonic(self) -> float:
        if self._cloud.posts and not self.broken:
            self.broken = True
            raise ZeroDivisionError
        return super().monotonic()


def test_exception_after_the_call_keeps_the_ledger_entry(remediator: Remediator) -> None:
    clock, ledger = BreaksOnce(remediator.cloud), MemoryLedger(time.monotonic)
    remediator.runtime = remediator.runtime._replace(clock=clock, ledger=ledger)
    assert remediator.alert().verdict == (202, "unknown", "internal")
    assert [call.target for call in remembered(ledger)] == [ORDERS]
    with ledger.claim([ORDERS], Times(lambda: 0.0, lambda: 1.0)):
        pass

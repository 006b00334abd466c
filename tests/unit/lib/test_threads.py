"""Calls in threads: results in order, the first error, abandoned and reused threads."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib import threads
from function.lib.threads import (
    MAX_ABANDONED,
    MAX_IDLE,
    NAME,
    DeadlineExceeded,
    Pool,
    ThreadUnavailable,
    call_with_timeout,
    gather,
)


def _returning(value: int) -> Callable[[], int]:
    return lambda: value


@given(st.lists(st.integers(), max_size=30), st.integers(1, 12))
def test_results_come_in_the_order_of_the_work(values: list[int], threads: int) -> None:
    works = [_returning(value) for value in values]

    assert gather(works, threads=threads, seconds=30) == values
    assert gather(works, threads=threads, seconds=30) == values


def test_no_more_threads_are_started_than_allowed() -> None:
    names = gather([threading.get_ident] * 9, threads=3, seconds=30)

    assert len(set(names)) <= 3


def test_the_first_error_is_raised_without_waiting_for_the_rest() -> None:
    release = threading.Event()

    def fail() -> bool:
        raise KeyError("x")

    with pytest.raises(KeyError):
        gather([lambda: release.wait(30), fail], threads=2, seconds=30)

    assert not release.is_set()
    release.set()


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.01])
def test_work_that_exceeds_the_deadline_is_abandoned(seconds: float) -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded):
        call_with_timeout(seconds, lambda: release.wait(30))
    release.set()


def test_one_hanging_piece_of_work_exceeds_the_deadline_of_all() -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded):
        gather([lambda: True, lambda: release.wait(30)], threads=2, seconds=0.01)
    release.set()


def test_an_exit_inside_the_work_reaches_the_caller() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        call_with_timeout(30, leave)


def test_abandoned_threads_do_not_keep_the_process_alive() -> None:
    thread = call_with_timeout(30, threading.current_thread)

    assert (thread.daemon, thread.name) == (True, NAME)


def test_a_thread_that_is_done_is_used_again() -> None:
    """The thread objects are kept, because the identifiers of ended threads are given again."""
    pool = Pool()
    used = [pool.gather([threading.current_thread], threads=1, seconds=30)[0] for _ in range(10)]

    assert len({id(thread) for thread in used}) == 1


def test_threads_that_never_return_are_bounded() -> None:
    """A resolver that hangs would take one more thread with every event, for ever."""
    pool, release = Pool(), threading.Event()
    for _ in range(MAX_ABANDONED):
        with pytest.raises(DeadlineExceeded):
            pool.gather([lambda: release.wait(30)], threads=1, seconds=0)
    with pytest.raises(ThreadUnavailable):
        pool.gather([_returning(1)], threads=1, seconds=30)
    assert pool.submit(_returning(1)).result(30) == 1  # a line of the log is still written

    release.set()
    while pool._abandoned:
        threading.Event().wait(0.001)
    assert pool.gather([_returning(1)], threads=1, seconds=30) == [1]


def test_threads_left_by_a_failed_gather_count_as_abandoned() -> None:
    pool, release = Pool(), threading.Event()

    def fail() -> bool:
        raise KeyError("x")

    for _ in range(MAX_ABANDONED):
        with pytest.raises(KeyError):
            pool.gather([lambda: release.wait(30), fail], threads=2, seconds=30)
    with pytest.raises(ThreadUnavailable):
        pool.gather([_returning(1)], threads=1, seconds=30)
    release.set()


def test_idle_threads_beyond_eight_end() -> None:
    pool, barrier = Pool(idle_seconds=0.01), threading.Barrier(20)

    def meet() -> threading.Thread:
        barrier.wait(30)
        return threading.current_thread()

    threads = pool.gather([meet] * 20, threads=20, seconds=30)
    while sum(thread.is_alive() for thread in threads) > MAX_IDLE:
        threading.Event().wait(0.001)

    assert pool.gather([_returning(1)] * 20, threads=20, seconds=30) == [1] * 20
    assert sum(thread.is_alive() for thread in threads) <= MAX_IDLE


def test_thread_start_failure_raises_thread_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ThreadUnavailable):
        Pool().gather([_returning(1)], threads=1, seconds=30)


def test_a_thread_that_is_busy_is_not_waited_for() -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded):
        call_with_timeout(0.01, lambda: release.wait(30))

    assert call_with_timeout(30, lambda: "done") == "done"
    release.set()


def test_work_may_give_work_to_other_threads() -> None:
    assert (
        call_with_timeout(30, lambda: gather([_returning(1)] * 3, threads=3, seconds=30)) == [1] * 3
    )


def test_an_idle_thread_keeps_no_reference_to_its_last_work() -> None:
    class Thing:
        """Something that can be watched."""

    thing = Thing()
    watched = weakref.ref(thing)
    assert call_with_timeout(30, lambda held=thing: held is not None)  # type: ignore[misc]  # held by the work

    del thing
    gc.collect()
    assert watched() is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # which is what this is about
def test_a_forked_process_starts_threads_of_its_own() -> None:
    assert call_with_timeout(30, lambda: True)
    child = os.fork()
    if child == 0:
        try:
            call_with_timeout(30, lambda: os._exit(7))
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_work_that_nothing_waits_for_counts_against_the_bound_until_it_is_back() -> None:
    pool, release = Pool(), threading.Event()
    begun = [pool.start(lambda: release.wait(30)) for _ in range(MAX_ABANDONED)]

    with pytest.raises(ThreadUnavailable):
        pool.start(lambda: True)
    with pytest.raises(ThreadUnavailable):
        pool.gather([lambda: True], threads=1, seconds=30)
    release.set()
    assert all(future.result(30) for future in begun)
    assert pool.start(lambda: True).result(30)


def test_inline_work_is_done_in_the_calling_thread_and_only_meanwhile() -> None:
    with threads.inline():
        assert (
            threads.gather([threading.get_ident] * 3, threads=3, seconds=0)
            == [threading.get_ident()] * 3
        )
        assert threads.submit(threading.get_ident).result() == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            threads.gather([lambda: 1 // 0], threads=1, seconds=0)

    assert threads.gather([threading.get_ident], threads=1, seconds=60) != [threading.get_ident()]


def test_work_is_handed_to_threads_again_when_inline_work_has_failed() -> None:
    with pytest.raises(ValueError, match="of the caller"), threads.inline():
        raise ValueError("of the caller")

    assert threads.gather([threading.get_ident], threads=1, seconds=60) != [threading.get_ident()]

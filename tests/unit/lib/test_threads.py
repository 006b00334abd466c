"""Work that a deadline abandons: results in order, the first error, and no waiting beyond."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.lib.threads import NAME, DeadlineExceeded, call_with_timeout, gather


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
def test_what_takes_too_long_is_abandoned(seconds: float) -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded):
        call_with_timeout(seconds, lambda: release.wait(30))
    release.set()


def test_one_piece_of_work_that_hangs_is_too_long_for_all() -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded):
        gather([lambda: True, lambda: release.wait(30)], threads=2, seconds=0.01)
    release.set()


def test_an_exit_inside_the_work_reaches_whoever_waits() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        call_with_timeout(30, leave)


def test_abandoned_threads_do_not_keep_the_process_alive() -> None:
    thread = call_with_timeout(30, threading.current_thread)

    assert (thread.daemon, thread.name) == (True, NAME)


def test_a_thread_that_is_done_is_used_again() -> None:
    first = call_with_timeout(30, threading.get_ident)

    assert call_with_timeout(30, threading.get_ident) == first


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


def test_a_thread_that_waits_keeps_nothing_of_what_it_did() -> None:
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

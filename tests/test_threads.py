"""Work that a deadline abandons: results in order, the first error, and no waiting beyond."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.threads import NAME, Crew, TookTooLong, within


@pytest.fixture
def crew() -> Iterator[Crew]:
    with closing(Crew()) as crew:
        yield crew


def _returning(value: int) -> Callable[[], int]:
    return lambda: value


@given(st.lists(st.integers(), max_size=30), st.integers(1, 12))
def test_results_come_in_the_order_of_the_work(values: list[int], threads: int) -> None:
    works = [_returning(value) for value in values]
    with closing(Crew()) as crew:
        assert crew.gather(works, threads=threads, seconds=30) == values
        assert crew.gather(works, threads=threads, seconds=30) == values


def test_no_more_threads_are_started_than_allowed(crew: Crew) -> None:
    names = crew.gather([threading.get_ident] * 9, threads=3, seconds=30)

    assert len(set(names)) <= 3


def test_the_first_error_is_raised_without_waiting_for_the_rest(crew: Crew) -> None:
    release = threading.Event()

    def fail() -> bool:
        raise KeyError("x")

    with pytest.raises(KeyError):
        crew.gather([lambda: release.wait(30), fail], threads=2, seconds=30)

    assert not release.is_set()
    release.set()


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.01])
def test_what_takes_too_long_is_abandoned(seconds: float) -> None:
    release = threading.Event()
    with pytest.raises(TookTooLong):
        within(seconds, lambda: release.wait(30))
    release.set()


def test_one_piece_of_work_that_hangs_is_too_long_for_all(crew: Crew) -> None:
    release = threading.Event()
    with pytest.raises(TookTooLong):
        crew.gather([lambda: True, lambda: release.wait(30)], threads=2, seconds=0.01)
    release.set()


def test_an_exit_inside_the_work_reaches_whoever_waits() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        within(30, leave)


def test_abandoned_threads_do_not_keep_the_process_alive() -> None:
    thread = within(30, threading.current_thread)

    assert (thread.daemon, thread.name) == (True, NAME)


def test_a_thread_that_is_done_is_used_again(crew: Crew) -> None:
    first = crew.within(30, threading.get_ident)

    assert crew.within(30, threading.get_ident) == first


def test_a_thread_that_is_busy_is_not_waited_for(crew: Crew) -> None:
    release = threading.Event()
    with pytest.raises(TookTooLong):
        crew.within(0.01, lambda: release.wait(30))

    assert crew.within(30, lambda: "done") == "done"
    release.set()


def test_work_may_give_work_to_the_same_crew(crew: Crew) -> None:
    assert (
        crew.within(30, lambda: crew.gather([_returning(1)] * 3, threads=3, seconds=30)) == [1] * 3
    )


@pytest.mark.parametrize("late", [False, True])
def test_closing_ends_the_threads_when_they_are_done(crew: Crew, late: bool) -> None:
    release, threads = threading.Event(), []

    def work() -> None:
        threads.append(threading.current_thread())
        if late:
            release.wait(30)

    with suppress(TookTooLong):
        crew.within(0.05 if late else 30, work)
    crew.close()
    release.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()

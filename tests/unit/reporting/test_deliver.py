"""Deliveries of one result run in parallel, and each problem names its receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import get_args

import pytest

from function.model.result import Receiver
from function.reporting import emit


def test_nothing_to_deliver_is_no_problem() -> None:
    assert emit.deliver({}) == {}


def test_a_problem_belongs_to_its_receiver() -> None:
    problems = emit.deliver({"sink": lambda: None, "topic": lambda: "refused"})

    assert problems == {"topic": "refused"}


def test_a_slow_delivery_takes_no_time_from_the_other() -> None:
    other_is_done = threading.Event()

    def slow() -> str | None:
        return None if other_is_done.wait(30) else "the other one waited"

    def quick() -> None:
        other_is_done.set()

    assert emit.deliver({"sink": slow, "topic": quick}) == {}


def test_a_machine_without_threads_delivers_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("function.lib.threads._pool._idle", [])
        patch.setattr(threading.Thread, "start", refuse)
        problems = emit.deliver({"sink": lambda: None, "topic": lambda: None})

    assert set(problems) == set(get_args(Receiver))


def test_a_delivery_that_breaks_is_logged_without_its_text_and_stops_no_other() -> None:
    def broken() -> str | None:
        raise KeyError("secret")

    made: dict[Receiver, Callable[[], str | None]] = {"sink": broken, "topic": lambda: "refused"}

    assert emit.deliver(made) == {
        "sink": "A delivery broke: KeyError.",
        "topic": "refused",
    }

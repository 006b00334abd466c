"""Both ledgers give the same answers to the same events: the Lua scripts follow the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Claim, Ledger
from function.model.sent_call import PURGE, Changes, Room, SentCall
from tests.factories import MINUTE, NOW, ids
from tests.redis_process import RedisProcess

from .conftest import shared
from .test_ledger import AT_ONCE

TARGETS = (*ids(3), PURGE)
FLAGS = ("shown", "over", "restarting", "dropped")
PROJECTS = count()


class Step(NamedTuple):
    """An event: what it learns of which calls, and what it enters; each a minute after the last."""

    learned: Sequence[tuple[int, str]]
    targets: Sequence[str]
    limit: int | None
    restarting: frozenset[str]


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from((*FLAGS, "accepted"))), max_size=3),
        st.lists(st.sampled_from(TARGETS), min_size=1, max_size=2, unique=True),
        st.none() | st.integers(1, 3),
        st.frozensets(st.sampled_from(TARGETS[:-1]), max_size=1),
    ),
    min_size=4,
    max_size=12,
)


def known(claim: Claim) -> list[tuple[object, ...]]:
    """Return what a claim knows of its calls; ids and the clock of a ledger differ."""
    return sorted(
        (call.target, call.sent_at, call.accepted, call.shown, call.over, bool(call.restarting_at))
        for call in claim.calls
    )


def changes(learned: Sequence[tuple[int, str]], calls: Sequence[SentCall]) -> Changes:
    changes, calls = Changes(), sorted(calls, key=lambda call: (call.target, call.sent_at))
    for index, kind in learned:
        if index < len(calls):
            id_, sent_at = calls[index].id, calls[index].sent_at + timedelta(milliseconds=7)
            flags = {name: frozenset({id_}) for name in FLAGS if name == kind}
            accepted = {id_: sent_at} if kind == "accepted" else {}
            changes |= Changes(accepted=accepted, **flags)
    return changes


def answers(ledger: Ledger, steps: Sequence[Step]) -> list[object]:
    found: list[object] = []
    for number, step in enumerate(steps):
        now = NOW + number * 5 * MINUTE
        room = None if step.limit is None else Room(step.limit, step.restarting, now)
        with ledger.claim(step.targets, AT_ONCE) as claim:
            claim.learn(changes(step.learned, claim.calls))
            found += [known(claim), claim.enter(step.targets, now, room), known(claim)]
    return found


@settings(max_examples=100)
@given(steps=STEPS)
def test_the_shared_ledger_answers_as_that_of_one_process(
    redis: RedisProcess, steps: Sequence[Step]
) -> None:
    project = f"{next(PROJECTS):032x}"
    in_memory = answers(MemoryLedger(time.monotonic), steps)
    assert answers(shared(redis, project), steps) == in_memory

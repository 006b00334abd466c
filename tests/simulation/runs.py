"""Many nights, each in a process of its own, as many at once as wait well together."""

import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.fake_dms import FakeDms

from . import tally
from .broken import BROKEN
from .history import History
from .replicas import Processes, Threads, build
from .run import Night, make_keys
from .tally import Tally


@dataclass(frozen=True, slots=True)
class Plan:
    """One night to play; `broken` names a copy of `broken.BROKEN`, `lag` (seconds) stays."""

    seed: int
    events: int
    processes: int = 1
    broken: str | None = None
    lag: float | None = None


def history(plan: Plan) -> History:
    """Play one night."""
    with tempfile.TemporaryDirectory() as folder:
        night = Night(plan.seed, make_keys(Path(folder)), lag=plan.lag)
        with FakeDms(clock=night.clock) as cloud:
            settings = night.settings(cloud)
            if plan.processes > 1:
                with Processes(settings, night.clock, count=plan.processes) as processes:
                    return night.play(cloud, processes, plan.events)
            made_by = BROKEN[plan.broken] if plan.broken else build
            return night.play(cloud, Threads(settings, made_by=made_by), plan.events)


def play(plan: Plan) -> Tally:
    """Play one night and count it."""
    return tally.of(history(plan), plan.seed, plan.processes)


def _play_alone(plan: Plan) -> Tally:
    """Play one night in a process of its own, for it takes over what the process prints."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(play, plan).result()


def play_all(plans: Iterable[Plan], *, at_once: int = 8) -> Iterator[tuple[Plan, Tally]]:
    """Play nights side by side, for they mostly wait, and return each as it ends."""
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(_play_alone, plan): plan for plan in plans}
        for future in as_completed(futures):
            yield futures[future], future.result()

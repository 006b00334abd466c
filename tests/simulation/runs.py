"""Many runs, each in its own process and several in parallel, since a run mostly waits."""

import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from tests.fake_dms import FakeDms
from tests.redis_process import redis_process

from . import tally
from .broken import BROKEN
from .history import History
from .plan import Plan
from .replicas import Copies, Processes, Threads, build
from .run import Simulation, make_keys
from .tally import Tally


def history(plan: Plan) -> History:
    """Run one plan."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        simulation = Simulation(plan.seed, make_keys(Path(folder)), lag=plan.lag)
        cloud = stack.enter_context(FakeDms(clock=simulation.clock))
        settings = dict(simulation.settings(cloud))
        if plan.ledger:
            settings["LEDGER_URL"] = stack.enter_context(redis_process()).url
        copies: Copies = Threads(settings, made_by=BROKEN[plan.broken] if plan.broken else build)
        if plan.processes > 1:
            processes = Processes(settings, simulation.clock, ahead=plan.clocks())
            copies = stack.enter_context(processes)
        else:
            (simulation.clock.ahead,) = plan.clocks()
        return simulation.run(cloud, copies, plan.events, ledger=plan.ledger)


def run_seed(plan: Plan) -> Tally:
    """Run one plan and tally it."""
    return tally.of(history(plan), plan)


def _play_alone(plan: Plan) -> Tally:
    """Run a plan in its own process, because it captures the output of the process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_seed, plan).result()


def run_seeds(plans: Iterable[Plan], *, at_once: int = 8) -> Iterator[tuple[Plan, Tally]]:
    """Run plans in parallel, and yield each when it ends."""
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(_play_alone, plan): plan for plan in plans}
        for future in as_completed(futures):
            yield futures[future], future.result()

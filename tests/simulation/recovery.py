"""Simulated hours that compare reported recoveries with what restarts really did.

    python -m tests.simulation.recovery [--runs N] [--processes N]

Restarts help, help late, do not help, fail, hang, or help and the instance breaks again; alarms
end by themselves; operators restart, too; notifications are late, duplicated or lost. The reported
reasons must agree with the state of the fake API: no false `recovered`, and every restart that
hangs or did not help is reported by the next verify, and calls a person then.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import io
import itertools
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from random import Random
from typing import Any

from function.lib.timestamps import text
from tests.factories import ids
from tests.fake_dms import Behaviour, Task
from tests.fake_dms.caller import Caller
from tests.harness import EventReply, Remediator, open_remediator

MINUTE, HOUR = 60.0, 3600.0
RUN_SECONDS = 10 * HOUR
VERIFY_PERIOD = 15 * MINUTE
SCRAPE = MINUTE
HANG = 2 * RUN_SECONDS
LONGEST_RESTART = 20 * MINUTE
EFFECTS = ("helps", "helps late", "does not help", "fails", "hangs", "flaps")
# How the fake API ends a restart with each effect; the run does what follows.
OUTCOMES: Mapping[str, Any] = {"helps late": "does_not_help", "does not help": "does_not_help"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a result reported about one instance."""

    time: float
    instance: str
    reason: str | None
    needs_human: bool


@dataclass(slots=True)
class Alarm:
    """An alarm of one instance, as its sender sees it."""

    raised: float
    ended: float | None = None


@dataclass(slots=True)
class SimulatedInstance:
    """One instance: the effect of a restart, and since when it is down."""

    id: str
    effect: str
    mode: str = "act"
    down_since: float | None = None
    last_up: float = 0.0
    alarm: Alarm | None = None
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(slots=True)
class Verdicts:
    """False statements, and how often each statement was made."""

    problems: list[str] = field(default_factory=list)
    statements: Counter[str] = field(default_factory=Counter)


class RecoveryRun:
    """Ten simulated hours over one fake API, minute by minute; the seed decides everything."""

    def __init__(self, seed: int, remediator: Remediator) -> None:
        self.seed, self.chance = seed, Random(seed)
        self.remediator, self.cloud = remediator, remediator.cloud
        self.begin = remediator.clock()
        self.end = self.begin + RUN_SECONDS
        self.instances = {id_: self._instance(id_) for id_ in ids(5)}
        self.verdicts = Verdicts()
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._named: set[str] = set()

    def _instance(self, id_: str) -> SimulatedInstance:
        mode = self.chance.choice(("act", "act", "act", "observe"))
        self.cloud.add_instance(id_, tags={"auto-remediation": mode})
        if self.chance.random() < 0.3:  # a restart of the day before, which answers nothing
            began = self.begin - self.chance.uniform(2, 30) * HOUR
            self.cloud.add_task(id_, created_at=began, updated_at=began + 5 * MINUTE)
        return SimulatedInstance(id_, self.chance.choice(EFFECTS), mode)

    def at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (moment, next(self._order), what))

    def now(self) -> float:
        return self.remediator.clock()

    def run(self) -> Verdicts:
        """Run to the end of the simulated time."""
        for instance in self.instances.values():
            self.at(self.begin + self.chance.uniform(0, RUN_SECONDS / 2), self._breaks(instance))
        for index in range(int(RUN_SECONDS / SCRAPE)):
            self.at(self.begin + index * SCRAPE, self._scrape)
        for index in range(int(RUN_SECONDS / VERIFY_PERIOD)):
            late = self.chance.uniform(0, 50)  # seconds, as schedulers are
            self.at(self.begin + index * VERIFY_PERIOD + late, self._verify)
        while self._plan and self._plan[0][0] <= self.end:
            moment, _, what = heapq.heappop(self._plan)
            self.remediator.clock.now = max(moment, self.now())
            what()
        return self.verdicts

    # What happens to instances.

    def _breaks(self, instance: SimulatedInstance) -> Callable[[], None]:
        def happen() -> None:
            if self.status(instance) != "RUNNING":
                return
            self.cloud.set_status(instance.id, "ERROR")
            dice = self.chance.random()
            if dice < 0.25 or (instance.mode == "observe" and dice < 0.8):
                self.at(self.now() + self.chance.uniform(1, 40) * MINUTE, self._heals(instance))
            elif dice < 0.4:
                self.at(self.now() + self.chance.uniform(1, 30) * MINUTE, self._by_hand(instance))
            again = self.now() + self.chance.uniform(2, 5) * HOUR
            self.at(again, self._breaks(instance))

        return happen

    def _heals(self, instance: SimulatedInstance) -> Callable[[], None]:
        def happen() -> None:
            if self.status(instance) == "ERROR":
                self.cloud.set_status(instance.id, "RUNNING")

        return happen

    def _by_hand(self, instance: SimulatedInstance) -> Callable[[], None]:
        def happen() -> None:
            if self.status(instance) == "ERROR":
                self._prepare(instance)
                # Of a restart by hand nothing but its task tells when it began.
                self.cloud.behaviour.status_lag = self.cloud.behaviour.task_lag = 0.0
                Caller(self.cloud).act(action="restart", instances=[instance.id])
                self._after(instance)

        return happen

    def _prepare(self, instance: SimulatedInstance) -> None:
        """Let the next restart have this instance's effect."""
        behaviour: Behaviour = self.cloud.behaviour
        behaviour.restart_outcome = OUTCOMES.get(instance.effect, "helps")
        if instance.effect == "fails":
            behaviour.restart_outcome = "fails"
        hangs = instance.effect == "hangs"
        behaviour.restart_seconds = HANG if hangs else self.chance.uniform(3, 15) * MINUTE
        # Rarely, because the function waits in real time for what does not show.
        lags = self.chance.random() < 0.1
        behaviour.status_lag, behaviour.task_lag = (20.0, 30.0) if lags else (0.0, 0.0)

    def _after(self, instance: SimulatedInstance) -> None:
        """Schedule what follows a restart."""
        over = self.now() + self.cloud.behaviour.status_lag + self.cloud.behaviour.restart_seconds
        if instance.effect == "helps late":
            self.at(over + self.chance.uniform(5, 40) * MINUTE, self._heals(instance))
        elif instance.effect == "flaps":
            self.at(over + self.chance.uniform(10, 90) * MINUTE, self._breaks(instance))
        if self.chance.random() < 0.4:  # later restarts may have another effect
            instance.effect = self.chance.choice(EFFECTS)

    def status(self, instance: SimulatedInstance) -> str:
        return self.cloud.instance(instance.id).status

    # What the monitoring sees and sends.

    def _scrape(self) -> None:
        for instance in self.instances.values():
            up = self.status(instance) == "RUNNING"
            if up:
                instance.down_since, instance.last_up = None, self.now()
                self._end(instance)
            elif instance.alarm is not None and self.chance.random() < 0.005:
                self._end(instance)  # a person has deleted the rule, so the alarm is over
            elif instance.down_since is None:
                instance.down_since = self.now()
            elif instance.alarm is None and self.now() - instance.down_since >= 2 * MINUTE:
                instance.alarm = Alarm(self.now())
                instance.alarms.append(instance.alarm)
                self._notify(instance, instance.alarm, "firing")

    def _end(self, instance: SimulatedInstance) -> None:
        if instance.alarm is not None:
            instance.alarm.ended = self.now()
            self._notify(instance, instance.alarm, "resolved")
            instance.alarm, instance.down_since = None, None

    def _notify(self, instance: SimulatedInstance, alarm: Alarm, status: str) -> None:
        """Send a notification: perhaps late, twice, or not at all."""
        dice = self.chance.random()
        for _ in range(0 if dice < 0.05 else 2 if dice > 0.9 else 1):
            delay = self.chance.choice((1.0, 5.0, self.chance.uniform(0, 5) * MINUTE))
            self.at(self.now() + delay, lambda: self._send(instance, alarm, status))
        if status == "firing":
            self.at(self.now() + HOUR, lambda: self._repeat(instance, alarm))

    def _repeat(self, instance: SimulatedInstance, alarm: Alarm) -> None:
        if alarm.ended is None:
            self._notify(instance, alarm, "firing")

    def _send(self, instance: SimulatedInstance, alarm: Alarm, status: str) -> None:
        labels = {"remediation": "restart", "kafka_instance_id": instance.id, "alertname": "Down"}
        alert: dict[str, Any] = {
            "status": status,
            "labels": labels,
            "startsAt": _text(alarm.raised),
        }
        if status == "resolved" and alarm.ended is not None:
            alert["endsAt"] = _text(alarm.ended)
        self._prepare(instance)
        before = len(self.cloud.effects)
        result = self._quietly(
            lambda: self.remediator.post("/alertmanager", {"version": "4", "alerts": [alert]})
        )
        if len(self.cloud.effects) > before:
            self._after(instance)
        for statements in self._statements(result):
            if status == "resolved":
                self._judge_follow_up(instance, alarm, statements)

    # What results report, and whether it is true.

    def _quietly(self, post: Callable[[], EventReply]) -> EventReply:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return post()

    def _statements(self, result: EventReply) -> list[Statement]:
        statements = [
            Statement(self.now(), row["id"], row["reason"], result.data["needs_human"])
            for row in result.data["instances"]
        ]
        self.verdicts.statements.update(
            f"{result.data['action']} {statement.reason}" for statement in statements
        )
        return statements

    def _problem(self, what: str, instance: str) -> None:
        minutes = (self.now() - self.begin) / MINUTE
        self.verdicts.problems.append(f"seed {self.seed}, minute {minutes:.0f}, {instance}: {what}")

    def _judge_follow_up(
        self, instance: SimulatedInstance, alarm: Alarm, statement: Statement
    ) -> None:
        status = self.status(instance)
        if statement.reason == "recovered" and not self._really_recovered(instance, alarm, status):
            self._problem(f"false recovered, it is {status}", instance.id)
        down = status not in {"RUNNING", "RESTARTING"}
        if (statement.reason == "not_recovered") != down:
            self._problem(f"{statement.reason}, but it is {status}", instance.id)
        if statement.needs_human != (statement.reason == "not_recovered"):
            self._problem(f"{statement.reason} called wrongly", instance.id)

    def _really_recovered(self, instance: SimulatedInstance, alarm: Alarm, status: str) -> bool:
        helped = [
            task
            for task in self._restarts(instance.id)
            if task.status == "SUCCESS"
            and alarm.raised < float(task.created_at) <= (alarm.ended or self.now())
        ]
        return status == "RUNNING" and bool(helped)

    def _restarts(self, instance: str) -> list[Task]:
        return [task for task in self.cloud.tasks(instance) if "Restart" in task.name]

    def _verify(self) -> None:
        result = self._quietly(lambda: self.remediator.ask(action="verify"))
        statements = {statement.instance: statement for statement in self._statements(result)}
        for instance in self.instances.values():
            expected = self._expected(instance)
            statement = statements.get(instance.id)
            reason = statement.reason if statement else None
            if reason == "state_unreadable":
                continue  # this machine was too slow for the deadline; it fails the verify, too
            if expected in {"hanging", "not_recovered"} and reason != expected:
                self._problem(f"verify said {reason}, not {expected}", instance.id)
            named = reason in {"hanging", "not_recovered"} and reason != expected
            if named and not self._newest_failed(instance):
                self._problem(f"verify said {reason}, which is not so", instance.id)
            if reason == "recovered" and self.status(instance) != "RUNNING":
                self._problem("verify said recovered", instance.id)
            self._judge_call(instance, reason, result)

    def _expected(self, instance: SimulatedInstance) -> str | None:
        """Return the true state of the newest restart of an instance, by the fake API."""
        restarts = self._restarts(instance.id)
        status = self.status(instance)
        if not restarts:
            return None
        newest = max(restarts, key=lambda task: float(task.created_at))
        if self._sent_since(instance.id, float(newest.created_at)):
            return None  # one was sent that the cloud does not show yet
        began, ended = float(newest.created_at), float(newest.updated_at or newest.created_at)
        if newest.status in {"CREATED", "EXECUTING"} or status == "RESTARTING":
            return "hanging" if self.now() - began > LONGEST_RESTART else None
        if self.now() - began >= 24 * HOUR or status == "RUNNING":
            return None
        return "not_recovered" if ended <= self.now() else None

    def _sent_since(self, instance: str, moment: float) -> bool:
        restarts = (effect for effect in self.cloud.effects if effect.action == "restart")
        return any(effect.instance == instance and effect.time > moment for effect in restarts)

    def _newest_failed(self, instance: SimulatedInstance) -> bool:
        """Tell whether the newest restart failed: reported even if the instance runs again."""
        restarts = sorted(self._restarts(instance.id), key=lambda task: float(task.created_at))
        return bool(restarts) and restarts[-1].status == "FAILED"

    def _judge_call(
        self, instance: SimulatedInstance, reason: str | None, result: EventReply
    ) -> None:
        """Check that the first verify that reports a restart as ineffective calls a person.

        Where the instance ran in between, something else has broken it: its alarm calls then.
        """
        restarts = self._restarts(instance.id)
        key = f"{instance.id} {reason} {len(restarts)}"
        if reason in {"hanging", "not_recovered"} and key not in self._named:
            self._named.add(key)
            ended = max(float(task.updated_at or task.created_at) for task in restarts)
            if instance.last_up < ended and not result.data["needs_human"]:
                self._problem(f"the first verify with {reason} called no person", instance.id)


def _text(moment: float) -> str:
    return str(text(datetime.fromtimestamp(moment, timezone.utc)))


def run_seed(seed: int) -> Verdicts:
    """Run the simulation of a seed."""
    limits = {"COOLDOWN_SECONDS": "900", "MAX_RESTARTS_PER_DAY": "6", "MAX_RESTARTING": "0"}
    settings = {**limits, "DEADLINE_SECONDS": "4"}
    with open_remediator(Behaviour(), **settings) as remediator:
        remediator.cloud.set_status(next(iter(remediator.cloud.instances)).id, "RUNNING")
        return RecoveryRun(seed, remediator).run()


def run_seeds(seeds: Iterable[int], processes: int) -> Verdicts:
    """Run many seeds, and add up their statements."""
    total = Verdicts()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        for number, verdicts in enumerate(pool.map(run_seed, seeds, chunksize=5), start=1):
            total.problems += verdicts.problems
            total.statements += verdicts.statements
            for problem in verdicts.problems:
                print(problem, flush=True)
            if number % 100 == 0:
                print(f"{number} runs, {len(total.problems)} problems", flush=True)
    return total


def main() -> int:
    """Print how often each statement was made, and every false one; return 1 if there was any."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.recovery")
    parser.add_argument("--runs", type=int, default=100, help="default: 100")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    options = parser.parse_args()
    total = run_seeds(range(1, options.runs + 1), options.processes)
    for what, number in sorted(total.statements.items()):
        print(f"{number:8} {what}")
    wrong = len(total.problems)
    print(f"{options.runs} runs: {wrong or 'no'} false or missing statement(s)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

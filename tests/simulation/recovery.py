"""Nights that judge the judge: does what is said of restarts agree with what they really did?

    python -m tests.simulation.recovery [--nights N] [--processes N]

Restarts help, help late, do not help, fail, hang, or help and the instance breaks again; alarms
end by themselves; people restart, too; notifications are late, come twice or get lost. What is
said must agree with the truth of the stand-in: no false `recovered`, and every restart that hangs
or did not help is named by the next verify, and calls a person then.
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
from tests.harness import Answered, Remediator, open_remediator

MINUTE, HOUR = 60.0, 3600.0
NIGHT = 10 * HOUR
VERIFY_PERIOD = 15 * MINUTE
SCRAPE = MINUTE
HANG = 2 * NIGHT
LONGEST_RESTART = 20 * MINUTE
FATES = ("helps", "helps late", "does not help", "fails", "hangs", "flaps")
# How the stand-in ends a restart of each fate; what comes after it, the night does.
OUTCOMES: Mapping[str, Any] = {"helps late": "does_not_help", "does not help": "does_not_help"}


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a result said of one instance."""

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
class Patient:
    """One instance: what a restart of it does, and since when it is down."""

    id: str
    fate: str
    mode: str = "act"
    down_since: float | None = None
    last_up: float = 0.0
    alarm: Alarm | None = None
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(slots=True)
class Verdicts:
    """What is wrong with what was said, and how often each thing was said."""

    problems: list[str] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)


class Night:
    """One night over one stand-in, minute by minute; everything is drawn from the seed."""

    def __init__(self, seed: int, remediator: Remediator) -> None:
        self.seed, self.chance = seed, Random(seed)
        self.remediator, self.cloud = remediator, remediator.cloud
        self.begin = remediator.clock()
        self.end = self.begin + NIGHT
        self.patients = {id_: self._patient(id_) for id_ in ids(5)}
        self.verdicts = Verdicts()
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._named: set[str] = set()

    def _patient(self, id_: str) -> Patient:
        mode = self.chance.choice(("act", "act", "act", "observe"))
        self.cloud.add_instance(id_, tags={"auto-remediation": mode})
        if self.chance.random() < 0.3:  # a restart of the day before, which answers nothing
            began = self.begin - self.chance.uniform(2, 30) * HOUR
            self.cloud.add_task(id_, created_at=began, updated_at=began + 5 * MINUTE)
        return Patient(id_, self.chance.choice(FATES), mode)

    def at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (moment, next(self._order), what))

    def now(self) -> float:
        return self.remediator.clock()

    def play(self) -> Verdicts:
        """Play until morning."""
        for patient in self.patients.values():
            self.at(self.begin + self.chance.uniform(0, NIGHT / 2), self._breaks(patient))
        for index in range(int(NIGHT / SCRAPE)):
            self.at(self.begin + index * SCRAPE, self._scrape)
        for index in range(int(NIGHT / VERIFY_PERIOD)):
            late = self.chance.uniform(0, 50)  # seconds, as schedulers are
            self.at(self.begin + index * VERIFY_PERIOD + late, self._verify)
        while self._plan and self._plan[0][0] <= self.end:
            moment, _, what = heapq.heappop(self._plan)
            self.remediator.clock.now = max(moment, self.now())
            what()
        return self.verdicts

    # What happens to instances.

    def _breaks(self, patient: Patient) -> Callable[[], None]:
        def happen() -> None:
            if self.status(patient) != "RUNNING":
                return
            self.cloud.set_status(patient.id, "ERROR")
            dice = self.chance.random()
            if dice < 0.25 or (patient.mode == "observe" and dice < 0.8):
                self.at(self.now() + self.chance.uniform(1, 40) * MINUTE, self._heals(patient))
            elif dice < 0.4:
                self.at(self.now() + self.chance.uniform(1, 30) * MINUTE, self._by_hand(patient))
            again = self.now() + self.chance.uniform(2, 5) * HOUR
            self.at(again, self._breaks(patient))

        return happen

    def _heals(self, patient: Patient) -> Callable[[], None]:
        def happen() -> None:
            if self.status(patient) == "ERROR":
                self.cloud.set_status(patient.id, "RUNNING")

        return happen

    def _by_hand(self, patient: Patient) -> Callable[[], None]:
        def happen() -> None:
            if self.status(patient) == "ERROR":
                self._prepare(patient)
                # Of a restart by hand nothing but its task tells when it began.
                self.cloud.behaviour.status_lag = self.cloud.behaviour.task_lag = 0.0
                Caller(self.cloud).act(action="restart", instances=[patient.id])
                self._after(patient)

        return happen

    def _prepare(self, patient: Patient) -> None:
        """Let the next restart be of this instance's fate."""
        behaviour: Behaviour = self.cloud.behaviour
        behaviour.restart_outcome = OUTCOMES.get(patient.fate, "helps")
        if patient.fate == "fails":
            behaviour.restart_outcome = "fails"
        hangs = patient.fate == "hangs"
        behaviour.restart_seconds = HANG if hangs else self.chance.uniform(3, 15) * MINUTE
        # Rarely, because the function waits in real time for what does not show.
        lags = self.chance.random() < 0.1
        behaviour.status_lag, behaviour.task_lag = (20.0, 30.0) if lags else (0.0, 0.0)

    def _after(self, patient: Patient) -> None:
        """Let happen what comes after a restart."""
        over = self.now() + self.cloud.behaviour.status_lag + self.cloud.behaviour.restart_seconds
        if patient.fate == "helps late":
            self.at(over + self.chance.uniform(5, 40) * MINUTE, self._heals(patient))
        elif patient.fate == "flaps":
            self.at(over + self.chance.uniform(10, 90) * MINUTE, self._breaks(patient))
        if self.chance.random() < 0.4:  # later restarts may go otherwise
            patient.fate = self.chance.choice(FATES)

    def status(self, patient: Patient) -> str:
        return self.cloud.instance(patient.id).status

    # What the monitoring sees and sends.

    def _scrape(self) -> None:
        for patient in self.patients.values():
            up = self.status(patient) == "RUNNING"
            if up:
                patient.down_since, patient.last_up = None, self.now()
                self._end(patient)
            elif patient.alarm is not None and self.chance.random() < 0.005:
                self._end(patient)  # a person has deleted the rule, so the alarm is over
            elif patient.down_since is None:
                patient.down_since = self.now()
            elif patient.alarm is None and self.now() - patient.down_since >= 2 * MINUTE:
                patient.alarm = Alarm(self.now())
                patient.alarms.append(patient.alarm)
                self._notify(patient, patient.alarm, "firing")

    def _end(self, patient: Patient) -> None:
        if patient.alarm is not None:
            patient.alarm.ended = self.now()
            self._notify(patient, patient.alarm, "resolved")
            patient.alarm, patient.down_since = None, None

    def _notify(self, patient: Patient, alarm: Alarm, status: str) -> None:
        """Send a notification: perhaps late, twice, or not at all."""
        dice = self.chance.random()
        for _ in range(0 if dice < 0.05 else 2 if dice > 0.9 else 1):
            delay = self.chance.choice((1.0, 5.0, self.chance.uniform(0, 5) * MINUTE))
            self.at(self.now() + delay, lambda: self._send(patient, alarm, status))
        if status == "firing":
            self.at(self.now() + HOUR, lambda: self._repeat(patient, alarm))

    def _repeat(self, patient: Patient, alarm: Alarm) -> None:
        if alarm.ended is None:
            self._notify(patient, alarm, "firing")

    def _send(self, patient: Patient, alarm: Alarm, status: str) -> None:
        labels = {"remediation": "restart", "kafka_instance_id": patient.id, "alertname": "Down"}
        alert: dict[str, Any] = {
            "status": status,
            "labels": labels,
            "startsAt": _text(alarm.raised),
        }
        if status == "resolved" and alarm.ended is not None:
            alert["endsAt"] = _text(alarm.ended)
        self._prepare(patient)
        before = len(self.cloud.effects)
        result = self._told(
            lambda: self.remediator.post("/alertmanager", {"version": "4", "alerts": [alert]})
        )
        if len(self.cloud.effects) > before:
            self._after(patient)
        for said in self._said(result):
            if status == "resolved":
                self._judge_follow_up(patient, alarm, said)

    # What is said, and whether it is true.

    def _told(self, post: Callable[[], Answered]) -> Answered:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return post()

    def _said(self, result: Answered) -> list[Said]:
        found = [
            Said(self.now(), one["id"], one["reason"], result.data["needs_human"])
            for one in result.data["instances"]
        ]
        self.verdicts.said.update(f"{result.data['action']} {said.reason}" for said in found)
        return found

    def _problem(self, what: str, instance: str) -> None:
        minutes = (self.now() - self.begin) / MINUTE
        self.verdicts.problems.append(f"seed {self.seed}, minute {minutes:.0f}, {instance}: {what}")

    def _judge_follow_up(self, patient: Patient, alarm: Alarm, said: Said) -> None:
        status = self.status(patient)
        if said.reason == "recovered" and not self._really_recovered(patient, alarm, status):
            self._problem(f"false recovered, it is {status}", patient.id)
        down = status not in {"RUNNING", "RESTARTING"}
        if (said.reason == "not_recovered") != down:
            self._problem(f"{said.reason}, but it is {status}", patient.id)
        if said.needs_human != (said.reason == "not_recovered"):
            self._problem(f"{said.reason} called wrongly", patient.id)

    def _really_recovered(self, patient: Patient, alarm: Alarm, status: str) -> bool:
        helped = [
            task
            for task in self._restarts(patient.id)
            if task.status == "SUCCESS"
            and alarm.raised < float(task.created_at) <= (alarm.ended or self.now())
        ]
        return status == "RUNNING" and bool(helped)

    def _restarts(self, instance: str) -> list[Task]:
        return [task for task in self.cloud.tasks(instance) if "Restart" in task.name]

    def _verify(self) -> None:
        result = self._told(lambda: self.remediator.ask(action="verify"))
        said = {one.instance: one for one in self._said(result)}
        for patient in self.patients.values():
            expected = self._expected(patient)
            found = said.get(patient.id)
            reason = found.reason if found else None
            if reason == "state_unreadable":
                continue  # this machine was too slow for the deadline; it fails the verify, too
            if expected in {"hanging", "not_recovered"} and reason != expected:
                self._problem(f"verify said {reason}, not {expected}", patient.id)
            named = reason in {"hanging", "not_recovered"} and reason != expected
            if named and not self._newest_failed(patient):
                self._problem(f"verify said {reason}, which is not so", patient.id)
            if reason == "recovered" and self.status(patient) != "RUNNING":
                self._problem("verify said recovered", patient.id)
            self._judge_call(patient, reason, result)

    def _expected(self, patient: Patient) -> str | None:
        """Return what the truth of the stand-in makes of the newest restart of an instance."""
        restarts = self._restarts(patient.id)
        status = self.status(patient)
        if not restarts:
            return None
        newest = max(restarts, key=lambda task: float(task.created_at))
        if self._sent_since(patient.id, float(newest.created_at)):
            return None  # one was sent that the cloud does not show yet
        began, ended = float(newest.created_at), float(newest.updated_at or newest.created_at)
        if newest.status in {"CREATED", "EXECUTING"} or status == "RESTARTING":
            return "hanging" if self.now() - began > LONGEST_RESTART else None
        if self.now() - began >= 24 * HOUR or status == "RUNNING":
            return None
        return "not_recovered" if ended <= self.now() else None

    def _sent_since(self, instance: str, moment: float) -> bool:
        restarts = (one for one in self.cloud.effects if one.action == "restart")
        return any(one.instance == instance and one.time > moment for one in restarts)

    def _newest_failed(self, patient: Patient) -> bool:
        """Tell whether the newest restart failed: that is said even if the instance runs again."""
        restarts = sorted(self._restarts(patient.id), key=lambda task: float(task.created_at))
        return bool(restarts) and restarts[-1].status == "FAILED"

    def _judge_call(self, patient: Patient, reason: str | None, result: Answered) -> None:
        """See that the first verify which names a restart as useless calls a person.

        Where the instance ran in between, something else has broken it: its alarm calls then.
        """
        restarts = self._restarts(patient.id)
        key = f"{patient.id} {reason} {len(restarts)}"
        if reason in {"hanging", "not_recovered"} and key not in self._named:
            self._named.add(key)
            ended = max(float(task.updated_at or task.created_at) for task in restarts)
            if patient.last_up < ended and not result.data["needs_human"]:
                self._problem(f"the first verify with {reason} called nobody", patient.id)


def _text(moment: float) -> str:
    return str(text(datetime.fromtimestamp(moment, timezone.utc)))


def play(seed: int) -> Verdicts:
    """Play the night of a seed."""
    limits = {"COOLDOWN_SECONDS": "900", "MAX_RESTARTS_PER_DAY": "6", "MAX_RESTARTING": "0"}
    settings = {**limits, "DEADLINE_SECONDS": "4"}
    with open_remediator(Behaviour(), **settings) as remediator:
        remediator.cloud.set_status(next(iter(remediator.cloud.instances)).id, "RUNNING")
        return Night(seed, remediator).play()


def play_all(seeds: Iterable[int], processes: int) -> Verdicts:
    """Play many nights, and add up what was said of all of them."""
    total = Verdicts()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        for number, verdicts in enumerate(pool.map(play, seeds, chunksize=5), start=1):
            total.problems += verdicts.problems
            total.said += verdicts.said
            for problem in verdicts.problems:
                print(problem, flush=True)
            if number % 100 == 0:
                print(f"{number} nights, {len(total.problems)} problems", flush=True)
    return total


def main() -> int:
    """Print how often each thing was said, and whatever was wrong; return 1 where anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.recovery")
    parser.add_argument("--nights", type=int, default=100, help="default: 100")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    options = parser.parse_args()
    total = play_all(range(1, options.nights + 1), options.processes)
    for what, number in sorted(total.said.items()):
        print(f"{number:8} {what}")
    wrong = len(total.problems)
    print(f"{options.nights} nights: {wrong or 'no'} false or missing statement(s)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

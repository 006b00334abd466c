"""MAX_RESTARTING among concurrent events of one process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import pytest

from function.pipeline import Runtime
from tests.fake_dms import Behaviour, FakeDms, Hold
from tests.simulation import replicas
from tests.simulation.clock import SimulatedClock
from tests.simulation.history import Ask, Delivery
from tests.simulation.senders import SECRETS, Senders
from tests.simulation.smn_key import make

FIRST = "54602a9d-5e22-4239-9123-77e350df4a34"
SECOND = "7166cdea-dbad-4d79-9610-7163e6f8b640"


@dataclass(frozen=True)
class Scene:
    """A cloud with two instances, and one copy of the function that may restart one at once."""

    cloud: FakeDms
    runtime: Runtime
    senders: Senders

    def alarm(self, instance: str) -> Delivery:
        raised = {instance: self.senders.now - 10}
        return self.senders.alertmanager(Ask(instances=(instance,), raised=raised))

    def outcome(self, delivery: Delivery) -> tuple[str, str | None]:
        (result,) = replicas.handle(delivery, self.runtime, copy=0).results
        return result["data"]["outcome"], result["data"]["reason"]


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = SimulatedClock()
    with FakeDms(Behaviour(), clock=clock) as cloud:
        for instance in (FIRST, SECOND):
            cloud.add_instance(instance, status="ERROR")
        settings = {
            "DRY_RUN": "false",
            "MAX_RESTARTING": "1",
            "ALERTMANAGER_SECRETS": SECRETS["alertmanager"],
        }
        runtime = replicas.build({**cloud.environment(), **settings}, clock)
        yield Scene(cloud, runtime, Senders(make(), Random(0), clock()))


def test_storm_limit_counts_unanswered_calls(scene: Scene) -> None:
    hold = Hold("request")
    scene.cloud.fault(hold, kind="action")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(scene.outcome, scene.alarm(FIRST))
        scene.cloud.wait_for(1, "action")
        second = scene.outcome(scene.alarm(SECOND))
        hold.release.set()

    assert first.result() == ("accepted", None)
    assert second == ("skipped", "storm")
    assert [effect.instance for effect in scene.cloud.effects] == [FIRST]


def test_an_alarm_counts_a_restart_whose_task_shows_before_its_status(scene: Scene) -> None:
    scene.cloud.behaviour.status_lag = 0.4

    outcomes = [scene.outcome(scene.alarm(instance)) for instance in (FIRST, SECOND)]

    assert outcomes == [("accepted", None), ("skipped", "storm")]


def test_an_alarm_does_not_count_what_was_refused_before_it_came(scene: Scene) -> None:
    scene.cloud.behaviour.refusal = "request"
    first = scene.alarm(FIRST)
    hold = Hold("request")
    scene.cloud.fault(hold, kind="action")

    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(scene.outcome, first)
        scene.cloud.wait_for(1, "action")
        scene.cloud.set_status(FIRST, "FROZEN")
        hold.release.set()

    assert refused.result() == ("failed", "busy")
    assert scene.outcome(scene.alarm(SECOND)) == ("accepted", None)


def test_an_event_of_a_process_waits_for_the_other_that_holds_its_instance(scene: Scene) -> None:
    scene.cloud.behaviour.task_lag = scene.cloud.behaviour.status_lag = 0.2
    alarms = [scene.alarm(FIRST) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(scene.outcome, alarms))

    assert outcomes.count(("accepted", None)) == 1
    assert outcomes.count(("skipped", "already_restarting")) == 7
    assert len(scene.cloud.posts) == 1

"""The control page, unsigned, for a demonstration in another process.

GET /fake/state shows instances, tasks, action calls and effects. POST /fake/faults plans a
fault, {"fault": "Reset", "at": "done", "kind": "action", "times": 1}, with the names in NAMED;
DELETE removes all faults and releases held calls. POST /fake/instances takes the fields of an
Instance, POST /fake/tasks those of a Task and `instance`.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import broken_answers, faults, ready_made
from .answer import Answer, document
from .cloud import Cloud, Instance, Task
from .fault_plan import FaultPlan, Setting
from .faults import Fault
from .record import Arrival, Log

NAMED: dict[str, Callable[..., Fault]] = {
    "Reset": faults.Reset,
    "Close": faults.Close,
    "Hold": faults.Hold,
    "Reply": faults.Reply,
    "Rows": faults.Rows,
    "Drip": broken_answers.Drip,
    "BrokenChunks": broken_answers.BrokenChunks,
    "WrongLength": broken_answers.WrongLength,
    "vendor_error": ready_made.vendor_error,
    "throttled": ready_made.throttled,
    "html": ready_made.html,
    "redirect": ready_made.redirect,
    "gzip_bomb": ready_made.gzip_bomb,
}


def page(cloud: Cloud, dial: FaultPlan, log: Log) -> Callable[[Arrival], Answer]:
    """Return the page of these."""

    def answer(arrival: Arrival) -> Answer:
        try:
            return document(200, _handle(arrival, cloud, dial, log))
        except (KeyError, TypeError) as problem:
            return document(400, {"error": f"{type(problem).__name__}: {problem}"})

    return answer


def state(cloud: Cloud, log: Log) -> dict[str, Any]:
    """Return the state of the fake as JSON values."""
    shown = cloud.instances()
    return {
        "instances": [asdict(one) for one in shown],
        "tasks": {one.id: [asdict(task) for task in cloud.tasks(one.id)] for one in shown},
        "actions": [
            {"time": request.time, "body": request.json} for request in log.arrived("action")
        ],
        "effects": [asdict(effect) for effect in cloud.effects],
        "arrivals": len(log.arrived()),
        "connections": log.connections,
    }


def _handle(arrival: Arrival, cloud: Cloud, dial: FaultPlan, log: Log) -> dict[str, Any]:
    match arrival.method, arrival.path:
        case "GET", "/fake/state":
            return state(cloud, log)
        case "POST", "/fake/faults":
            dial.add(_setting(**arrival.json))
        case "DELETE", "/fake/faults":
            dial.clear()
            dial.release()
        case "POST", "/fake/instances":
            cloud.put(Instance(**arrival.json))
        case "POST", "/fake/tasks":
            task = dict(arrival.json)
            cloud.put_task(task.pop("instance"), Task(**task))
        case _:
            raise KeyError(arrival.path)
    return {"waiting": dial.left()}


def _setting(
    fault: str, kind: str = "any", times: int | None = 1, skip: int = 0, **arguments: Any
) -> Setting:
    return Setting(NAMED[fault](**arguments), kind, times, skip)

"""The one call that changes anything: restart, delete, and delete of all failed creations."""

import re
from collections.abc import Sequence
from typing import Any

from . import reading
from .answer import Answer, document, done_without_content, service_error
from .cloud import DELETABLE, RESTARTABLE, Cloud

INSTANCE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_INSTANCES = 50
ALLOWED = {"restart": RESTARTABLE, "delete": DELETABLE}


def answer(cloud: Cloud, body: Any) -> Answer:
    """Carry out the call, whole or row by row, as the behaviour says."""
    with cloud.lock:
        refusal = _refusal(cloud, body)
        if refusal is not None:
            return refusal
        if _is_purge(cloud, body):
            cloud.purge(body["all_failure"])
            return done_without_content()
        return _each(cloud, body)


def _refusal(cloud: Cloud, body: Any) -> Answer | None:
    if not isinstance(body, dict):
        return _bad("DMS.00400004", "The request body is not a JSON object.")
    if body.get("action") not in ALLOWED:
        return _bad("DMS.00400064", "Invalid action.")
    if "all_failure" in body and not _all_failure_fits(cloud, body):
        return _bad("DMS.00400064", "all_failure does not fit the action.")
    return None if _is_purge(cloud, body) else _bad_list(body.get("instances"))


def _all_failure_fits(cloud: Cloud, body: dict[str, Any]) -> bool:
    alone = "instances" not in body or cloud.behaviour.both_keys != "refuse"
    return alone and body["action"] == "delete" and body["all_failure"] == "kafka"


def _is_purge(cloud: Cloud, body: dict[str, Any]) -> bool:
    if "all_failure" not in body:
        return False
    return "instances" not in body or cloud.behaviour.both_keys == "purge"


def _bad_list(ids: Any) -> Answer | None:
    if not isinstance(ids, list) or not ids:
        return _bad("DMS.00400065", "The instance list is empty.")
    if not all(isinstance(id_, str) for id_ in ids):
        return _bad("DMS.00400030", "Invalid instance ID.")
    if len(ids) > MOST_INSTANCES:
        return _bad("DMS.00400100", "Too many instances.")
    if not all(INSTANCE_ID.fullmatch(id_) for id_ in ids):
        return _bad("DMS.00400061", "Invalid instance ID.")
    return _bad("DMS.00400082", "Repeated instance ID.") if len(set(ids)) < len(ids) else None


def _each(cloud: Cloud, body: dict[str, Any]) -> Answer:
    problems = {id_: _problem(cloud, body["action"], id_) for id_ in body["instances"]}
    first = next((problem for problem in problems.values() if problem is not None), None)
    if first is not None and cloud.behaviour.refusal == "request":
        return first
    accepted = [instance for instance, problem in problems.items() if problem is None]
    _do(cloud, body, accepted)
    rows = [
        {"result": _word(problem), "instance": instance} for instance, problem in problems.items()
    ]
    return document(200, {"results": rows})


def _do(cloud: Cloud, body: dict[str, Any], accepted: Sequence[str]) -> None:
    for instance in accepted:
        if body["action"] == "restart":
            cloud.restart(instance)
        else:
            cloud.delete(instance, forced=body.get("force_delete") is True)


def _problem(cloud: Cloud, action: str, instance_id: str) -> Answer | None:
    try:
        status = cloud.instance(instance_id).status
    except KeyError:
        return reading.no_such_instance()
    hidden = cloud.is_busy(instance_id) and not cloud.behaviour.lag_hides
    if hidden or status not in ALLOWED[action]:
        return _bad("DMS.00400026", f"This operation is not allowed in the {status} state.")
    return None


def _word(problem: Answer | None) -> str:
    return "success" if problem is None else "failed"


def _bad(code: str, message: str) -> Answer:
    return service_error(400, code, message)

"""The calls that read: list, show, tasks, topics and recycle, with the vendor's paging quirks."""

import calendar
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .answer import Answer, document, service_error
from .behaviour import Behaviour
from .cloud import LEAVES_THE_LIST, Cloud, Instance, Task

PAGE = 10
LARGEST_PAGE = 50

Parameters = Mapping[str, str]


def no_such_instance() -> Answer:
    """Answer for an id that does not exist."""
    return service_error(404, "DMS.00404022", "This instance does not exist.")


def instances(cloud: Cloud, asked: Parameters) -> Answer:
    """List a page of the instances; an offset at or beyond the count is an error."""
    limit, offset = _number(asked, "limit", PAGE), _number(asked, "offset", 0)
    if limit is None or not 1 <= limit <= LARGEST_PAGE or offset is None:
        return service_error(400, "DMS.00400002", "Invalid limit or offset.")
    rows, count = _listed(cloud, asked)
    if offset >= count and (offset or cloud.behaviour.empty_list_is_error):
        return service_error(400, "DMS.40050010", "The offset exceeds the number of instances.")
    page = [row(one, with_tags=cloud.behaviour.rows_have_tags) for one in rows]
    return document(200, {"instances": page[offset : offset + limit], "instance_num": count})


def instance(cloud: Cloud, instance_id: str) -> Answer:
    """Show one instance."""
    try:
        return document(200, row(cloud.instance(instance_id), with_tags=True))
    except KeyError:
        return no_such_instance()


def tasks(cloud: Cloud, instance_id: str, asked: Parameters) -> Answer:
    """List a page of an instance's background tasks, newest first; the count is text."""
    limit, first = _number(asked, "limit", PAGE), _first_task(cloud.behaviour, asked)
    if not limit or first is None:
        return service_error(400, "DMS.00400002", "Invalid limit, start or offset.")
    try:
        cloud.instance(instance_id)
        chosen = _within(cloud.tasks(instance_id), asked, cloud.behaviour)
    except KeyError:
        return no_such_instance()
    except ValueError:
        return service_error(400, "DMS.00400002", "Invalid begin_time or end_time.")
    page = [_task_row(one) for one in chosen[first : first + limit]]
    return document(200, {"task_count": str(len(chosen)), "tasks": page})


def topics(cloud: Cloud, instance_id: str, asked: Parameters) -> Answer:
    """List a page of an instance's topics, by offset."""
    limit, offset = _number(asked, "limit", PAGE), _number(asked, "offset", 0)
    if limit is None or not 1 <= limit <= LARGEST_PAGE or offset is None:
        return service_error(400, "DMS.00400002", "Invalid limit or offset.")
    try:
        listed = cloud.instance(instance_id).topics
    except KeyError:
        return no_such_instance()
    rows = [
        {"name": name, "replication": replicas, "partition": 3}
        for name, replicas in sorted(listed.items())
    ]
    return document(200, {"total": len(rows), "topics": rows[offset : offset + limit]})


def recycle(cloud: Cloud) -> Answer:
    """Show the recycle bin's policy, where there is one."""
    if cloud.behaviour.recycle_bin is None:
        return service_error(404, "DMS.00404001", "The requested URL does not exist.")
    kept = [instance for instance in cloud.instances() if instance.status == "RECYCLE"]
    policy = {"retention_days": 7, "default_use_recycle": cloud.behaviour.recycle_bin}
    return document(200, policy | {"recycle_instances": [_recycled(one) for one in kept]})


def row(instance: Instance, *, with_tags: bool) -> dict[str, Any]:
    """Show one instance as the API does."""
    shown = {
        "instance_id": instance.id,
        "name": instance.name,
        "engine": instance.engine,
        "engine_version": "2.7",
        "status": instance.status,
        "created_at": str(round(instance.created_at * 1000)),
    }
    tags = [{"key": key, "value": value} for key, value in instance.tags.items()]
    return shown | {"tags": tags} if with_tags else shown


def iso(moment: float | str) -> str:
    """Write an epoch time as the API does; text stays as it is.

    >>> iso(1589512791.046)
    '2020-05-15T03:19:51.046Z'
    """
    if isinstance(moment, str):
        return moment
    written = datetime.fromtimestamp(round(moment, 3), timezone.utc).isoformat(
        timespec="milliseconds"
    )
    return written.replace("+00:00", "Z")


def _listed(cloud: Cloud, asked: Parameters) -> tuple[list[Instance], int]:
    matching = [instance for instance in cloud.instances() if _matches(instance, asked)]
    healthy = [one for one in matching if not one.failed_creation]
    failed = len(matching) - len(healthy)
    if asked.get("include_failure") != "true" or cloud.behaviour.failed_creations == "hidden":
        return healthy, len(healthy)
    if cloud.behaviour.failed_creations == "count":
        return healthy, len(healthy) + failed
    return matching, len(matching)


def _matches(one: Instance, asked: Parameters) -> bool:
    wanted = {"engine": one.engine, "status": one.status, "instance_id": one.id}
    filters = all(asked.get(name, value) == value for name, value in wanted.items())
    return filters and one.status not in LEAVES_THE_LIST


def _first_task(behaviour: Behaviour, asked: Parameters) -> int | None:
    if behaviour.task_paging == "offset":
        return _number(asked, "offset", 0)
    start = _number(asked, "start", 1)
    if start is None:
        return None
    size = (_number(asked, "limit", PAGE) or PAGE) if behaviour.task_paging == "page" else 1
    return max(start - 1, 0) * size


def _within(tasks: tuple[Task, ...], asked: Parameters, behaviour: Behaviour) -> list[Task]:
    shift = behaviour.begin_time_offset_hours * 3600
    begin = _moment(asked.get("begin_time", "19700101000000")) - shift
    end = _moment(asked.get("end_time", "99991231235959")) - shift
    # A time that is only text is as good as any: it is always within, and the newest.
    moments = {
        entry.id: end if isinstance(entry.created_at, str) else entry.created_at for entry in tasks
    }
    newest_first = sorted(tasks, key=lambda task: moments[task.id], reverse=True)
    return [one for one in newest_first if begin <= moments[one.id] <= end]


def _moment(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S"))


def _number(asked: Parameters, name: str, default: int) -> int | None:
    text = asked.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() else None


def _task_row(task: Task) -> dict[str, str]:
    updated = task.created_at if task.updated_at is None else task.updated_at
    return {
        "id": task.id,
        "name": task.name,
        "user_name": task.user_name,
        "user_id": "3df5acbc24a54fadb62a043c9000a307",
        "params": task.params,
        "status": task.status,
        "created_at": iso(task.created_at),
        "updated_at": iso(updated),
    }


def _recycled(one: Instance) -> dict[str, str]:
    return {"instance_id": one.id, "status": one.status, "name": one.name, "engine": one.engine}

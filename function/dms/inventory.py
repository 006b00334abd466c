"""The live state of one project's Kafka instances, as the API shows it page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from ..model.cloud_state import ApiResponse, InstanceState, Task
from ..model.errors import StateUnreadable
from . import responses
from .session import MAX_REPEATS, DmsSession

T = TypeVar("T")
# The largest `limit` that the list accepts.
PAGE_SIZE = 50
# Ends a list whose count grows or is wrong; a project has at most 5,000 instances.
MAX_PAGES = 100
# A list and the histories of ten instances (MAX_INSTANCES) take one round trip; more at once would
# be as many handshakes, and calls that the gateway throttles.
MAX_PARALLEL_READS = 11
OK, NOT_FOUND = 200, 404


class Inventory:
    """One project's Kafka instances; every read ends at the moment `until`.

    A read whose answer is unclear is repeated at most `repeats` times.
    """

    def __init__(self, session: DmsSession, *, until: float, repeats: int = MAX_REPEATS) -> None:
        self._session = session
        self._until = until
        self._repeats = repeats

    def with_deadline(self, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise StateUnreadable when the time for it is over."""
        return self._session.gather([work], threads=1, until=self._until)[0]

    def gather(self, reads: Sequence[Callable[[], T]]) -> list[T]:
        """Run reads in parallel, each over its own connection, and return their results."""
        return self._session.gather(reads, threads=MAX_PARALLEL_READS, until=self._until)

    def _get(self, path: str, **parameters: Any) -> ApiResponse:
        return self._session.get(path, until=self._until, repeats=self._repeats, **parameters)

    def page(self, offset: int, **filters: Any) -> tuple[tuple[InstanceState, ...], int]:
        """Return a page of the Kafka instances that the filters let through, and the count of all.

        The API takes an offset at the end for an error (DMS.40050010): at 0 the list is empty.
        """
        response = self._get(
            "/instances", engine="kafka", limit=PAGE_SIZE, offset=offset, **filters
        )
        if offset == 0 and response.error_code == "DMS.40050010":
            return (), 0
        listed, total = responses.parse_page(
            response, "instances", "instance_num", "dms:instance:list"
        )
        return tuple(map(responses.parse_instance, listed)), total

    def instances(self, **filters: Any) -> tuple[tuple[InstanceState, ...], int]:
        """Return all the Kafka instances that the filters let through, and the cloud's count."""
        rows: dict[str, InstanceState] = {}
        for offset in range(0, MAX_PAGES * PAGE_SIZE, PAGE_SIZE):
            known = len(rows)
            listed, total = self.page(offset, **filters)
            rows.update((row.id, row) for row in listed)
            if offset + PAGE_SIZE >= total:
                return tuple(rows.values()), total
            if len(rows) == known:  # a hundred more would be throttled, and with them all events
                problem = "a page of the list of instances brings nothing new"
                raise StateUnreadable(problem, transient=True)
        raise StateUnreadable(f"the project has more than {MAX_PAGES * PAGE_SIZE} instances")

    def instance(self, instance_id: str) -> InstanceState:
        """Return one instance; its status is None when the cloud knows no such instance."""
        response = self._get(f"/instances/{instance_id}")
        if response.status == NOT_FOUND and response.error_code == "DMS.00404022":
            return InstanceState(id=instance_id, status=None)
        state = responses.parse_instance(responses.require_ok(response, "dms:instance:get"))
        if state.id != instance_id:
            raise StateUnreadable("the cloud answered for another instance")
        if state.engine is None:
            raise StateUnreadable("an instance in the answer has no engine")
        return state

    def tasks(self, instance_id: str, since: datetime) -> tuple[Task, ...]:
        """Return the background tasks of an instance since a moment, all pages.

        The vendor documents incompatible paging schemes, so parameters for all of them are sent:
        `offset` counts tasks from 0, `start` counts tasks or pages from 1. Each row counts once.
        """
        path = f"/instances/{instance_id}/tasks"
        begin = since.strftime("%Y%m%d%H%M%S")
        rows: dict[str, Any] = {}
        for page in range(MAX_PAGES):
            known = len(rows)
            for start in sorted({known + 1, page + 1}, reverse=True):
                response = self._get(
                    path, begin_time=begin, limit=PAGE_SIZE, start=start, offset=known
                )
                listed, total = responses.parse_page(
                    response, "tasks", "task_count", "dms:instance:getBackgroundTask"
                )
                rows.update(responses.tasks_by_id(listed))
                if len(rows) > known:
                    break
            if len(rows) == known or len(rows) >= total:
                break
        if len(rows) < total:
            raise StateUnreadable("the list of background tasks is not complete", transient=True)
        return tuple(map(responses.parse_task, rows.values()))

    def recycle_bin(self) -> bool | None:
        """Tell whether deleted instances go to the recycle bin; None: the cloud does not say.

        Only informational: a failed read does not block the deletion.
        """
        patience = self._session.remaining(self._until) / 2
        response = self._session.get("/recycle", until=self._until - patience)
        document = response.document if response.status == OK else None
        uses = document.get("default_use_recycle") if isinstance(document, dict) else None
        return uses if isinstance(uses, bool) else None

"""The live state of one project's Kafka instances, as the API shows it page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from ..model.cloud_state import ApiReply, InstanceState, Task
from ..model.errors import StateUnreadable
from . import responses
from .session import Api

T = TypeVar("T")
PAGE = 50
MOST_PAGES = 100
MOST_READERS = 10
READS_IN_A_ROW = 2
OK, NOT_FOUND = 200, 404


class Cloud:
    """One project's Kafka instances; every read ends at the moment `until`."""

    def __init__(self, api: Api, *, until: float) -> None:
        self._api = api
        self._until = until

    def bounded(self, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise StateUnreadable when the time for it is over."""
        return self._api.gather([work], threads=1, until=self._until)[0]

    def gather(self, reads: Sequence[Callable[[], T]]) -> list[T]:
        """Return what all the reads return; ten at a time, where a second connection pays."""
        if len(reads) <= READS_IN_A_ROW:
            return [read() for read in reads]
        return self._api.gather(reads, threads=MOST_READERS, until=self._until)

    def _get(self, path: str, **parameters: Any) -> ApiReply:
        return self._api.get(path, until=self._until, **parameters)

    def page(self, offset: int, **filters: Any) -> tuple[tuple[InstanceState, ...], int]:
        """Return a page of the Kafka instances that the filters let through, and the count of all.

        The API takes an offset at the end for an error (DMS.40050010): at 0 the list is empty.
        """
        reply = self._get("/instances", engine="kafka", limit=PAGE, offset=offset, **filters)
        if offset == 0 and reply.error_code == "DMS.40050010":
            return (), 0
        listed, total = responses.page(reply, "instances", "instance_num", "dms:instance:list")
        return tuple(map(responses.instance, listed)), total

    def instances(self, **filters: Any) -> tuple[tuple[InstanceState, ...], int]:
        """Return all the Kafka instances that the filters let through, and the cloud's count."""
        rows: dict[str, InstanceState] = {}
        for offset in range(0, MOST_PAGES * PAGE, PAGE):
            listed, total = self.page(offset, **filters)
            rows.update((row.id, row) for row in listed)
            if offset + PAGE >= total:
                return tuple(rows.values()), total
        raise StateUnreadable(f"the project has more than {MOST_PAGES * PAGE} instances")

    def instance(self, instance_id: str) -> InstanceState:
        """Return one instance; its status is None when the cloud knows no such instance."""
        reply = self._get(f"/instances/{instance_id}")
        if reply.status == NOT_FOUND and reply.error_code == "DMS.00404022":
            return InstanceState(id=instance_id, status=None)
        state = responses.instance(responses.required(reply, "dms:instance:get"))
        if state.id != instance_id:
            raise StateUnreadable("the cloud answered for another instance")
        if state.engine is None:
            raise StateUnreadable("an instance in the answer has no engine")
        return state

    def tasks(self, instance_id: str, since: datetime) -> tuple[Task, ...]:
        """Return the background tasks of an instance since a moment, all pages.

        Where a page starts is told in every dialect of the vendor's documents: `offset` counts
        tasks from 0, `start` counts tasks or pages from 1. Rows count once, whatever is answered.
        """
        path = f"/instances/{instance_id}/tasks"
        begin = since.strftime("%Y%m%d%H%M%S")
        rows: dict[str, Any] = {}
        for page in range(MOST_PAGES):
            known = len(rows)
            for start in sorted({known + 1, page + 1}, reverse=True):
                reply = self._get(path, begin_time=begin, limit=PAGE, start=start, offset=known)
                listed, total = responses.page(
                    reply, "tasks", "task_count", "dms:instance:getBackgroundTask"
                )
                rows.update(responses.by_id(listed))
                if len(rows) > known:
                    break
            if len(rows) == known or len(rows) >= total:
                break
        if len(rows) < total:
            raise StateUnreadable("the list of background tasks is not complete", passing=True)
        return tuple(map(responses.task, rows.values()))

    def recycle_bin(self) -> bool | None:
        """Tell whether deleted instances go to the recycle bin; None: the cloud does not say.

        It is only said besides, so a cloud that keeps silent about it holds up no deletion.
        """
        patience = self._api.remaining(self._until) / 2
        reply = self._api.get("/recycle", until=self._until - patience)
        document = reply.document if reply.status == OK else None
        uses = document.get("default_use_recycle") if isinstance(document, dict) else None
        return uses if isinstance(uses, bool) else None

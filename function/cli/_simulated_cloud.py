"""A cloud inside this process: it answers the calls of the API from rows, and keeps the time.

It replaces the HTTP client, so everything above it (sessions, reads, decisions, execution) is the
production code, and no byte reaches a network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest

from ..lib.clock import SystemClock
from ..lib.send_gate import Gate
from ..lib.timestamps import parse, text
from ..lib.transport import Client, RawResponse

# The vendor documents 3 to 15 minutes.
RESTART_TIME = timedelta(minutes=10)
# Restarts older than this are asked for by nothing, so a long replay forgets them.
MAX_HISTORY = timedelta(days=32)
_PATH = re.compile(r"/v2/[^/]+/(instances|recycle)(?:/([^/]+))?(/tasks)?")

Row = Mapping[str, Any]


def _created_at(row: Any) -> datetime | None:
    """Return when a task of a state file began; None where the row is odd, as it may be."""
    moment = row.get("created_at") if isinstance(row, dict) else None
    return parse(moment) if isinstance(moment, str) else None


class SimulatedClock(SystemClock):
    """A clock that stands still until it is set."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return self.moment

    def monotonic(self) -> float:
        """Return seconds that advance with the time of day."""
        return self.moment.timestamp()


class SimulatedCloud:
    """Instances as rows of the API, their background tasks, and restarts that take their time.

    With `any_instance` every instance that is asked for exists, RUNNING, untagged, without history.
    """

    def __init__(
        self,
        clock: SimulatedClock,
        *,
        rows: Sequence[Row] = (),
        tasks: Mapping[str, Sequence[Row]] | None = None,
        any_instance: bool = False,
        restart_task_name: str = "restart",
    ) -> None:
        self.client = partial(SimulatedClient, self)
        self._clock = clock
        self._rows = {str(row.get("instance_id")).lower(): dict(row) for row in rows}
        self._tasks = {key.lower(): list(value) for key, value in (tasks or {}).items()}
        self._any_instance = any_instance
        self._restart_task_name = restart_task_name
        self._restarts: dict[str, list[datetime]] = {}

    def _row(self, instance_id: str) -> dict[str, Any] | None:
        """Return an instance as it is now."""
        row = self._rows.get(instance_id)
        if row is None and self._any_instance:
            row = {"instance_id": instance_id, "engine": "kafka", "status": "RUNNING", "tags": []}
            # Kept: from now on the list of the project has it, too.
            self._rows[instance_id] = row
        begun = self._restarts.get(instance_id)
        if row is None or not begun:
            return row
        restarting = self._clock.now() < begun[-1] + RESTART_TIME
        return {**row, "status": "RESTARTING" if restarting else "RUNNING"}

    def _restart_row(self, number: int, began: datetime) -> Row:
        ended = began + RESTART_TIME
        going_on = self._clock.now() < ended
        return {
            # It stays the same for a restart: what is new after a call is told by its id.
            "id": f"simulated-{number}-{began.timestamp()}",
            "name": self._restart_task_name,
            "status": "EXECUTING" if going_on else "SUCCESS",
            "created_at": text(began),
            "updated_at": text(began if going_on else ended),
        }

    def _list(self, query: Mapping[str, str]) -> tuple[int, Any]:
        rows = [row for instance_id in self._rows if (row := self._row(instance_id))]
        for name in ("engine", "status"):
            wanted = query.get(name, "").lower()
            rows = [row for row in rows if wanted in {"", str(row.get(name)).lower()}]
        # As documented: failed creations are listed only where they are asked for.
        failed = "CREATEFAILED"
        if query.get("include_failure") != "true":
            rows = [row for row in rows if str(row.get("status")).upper() != failed]
        begin = int(query.get("offset", "0"))
        # 10 is the default of the API.
        page = rows[begin : begin + int(query.get("limit", "10"))]
        return 200, {"instances": page, "instance_num": len(rows)}

    def _history(self, instance_id: str, query: Mapping[str, str]) -> tuple[int, Any]:
        begin_time = query.get("begin_time", "00010101000000")
        begin = datetime.strptime(begin_time, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        rows = [
            self._restart_row(number, began)
            for number, began in enumerate(self._restarts.get(instance_id, []))
            if began >= begin
        ]
        rows += [
            row for row in self._tasks.get(instance_id, []) if (_created_at(row) or begin) >= begin
        ]
        start = int(query.get("offset", "0"))
        page = rows[start : start + int(query.get("limit", "10"))]
        # The count is a text, as the vendor has it.
        return 200, {"tasks": page, "task_count": str(len(rows))}

    def _act(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Restart what is named; a purge or a deletion is only answered."""
        named = [str(instance_id) for instance_id in body.get("instances", ())]
        # A purge: the vendor documents 204 without a body.
        if not named:
            return 204, None
        oldest = self._clock.now() - MAX_HISTORY
        for instance_id in named if body.get("action") == "restart" else ():
            begun = [began for began in self._restarts.get(instance_id, ()) if began > oldest]
            self._restarts[instance_id] = [*begun, self._clock.now()]
        return 200, {"results": [{"result": "success", "instance": id_} for id_ in named]}

    def _answer(self, request: PreparedRequest) -> tuple[int, Any]:
        url = urlsplit(str(request.url))
        if request.method == "POST":
            return self._act(json.loads(request.body or b"{}"))
        match = _PATH.fullmatch(url.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        kind, instance_id, tasks = match.groups() if match else (None, None, None)
        if kind == "instances" and instance_id is None:
            return self._list(query)
        row = self._row(instance_id) if kind == "instances" and instance_id else None
        if row is None:
            return 404, {"error_code": "DMS.00404022", "error_msg": "There is no such instance."}
        return self._history(str(instance_id), query) if tasks else (200, row)

    def answer(self, request: PreparedRequest) -> RawResponse:
        """Return what the API would answer, dated by the clock of this cloud."""
        status, document = self._answer(request)
        headers = {"date": format_datetime(self._clock.now(), usegmt=True)}
        body = b"" if document is None else json.dumps(document).encode()
        return RawResponse(status, headers, body)


class SimulatedClient(Client):
    """A client whose requests end in the simulated cloud, behind the same gate."""

    def __init__(self, cloud: SimulatedCloud, *, gate: Gate | None = None, **_: Any) -> None:
        self._cloud = cloud
        self._gate = gate or Gate()

    def open(self, url: str, *, timeout: float) -> None:
        """Open nothing: there is no network."""

    def send(self, request: PreparedRequest, **_: Any) -> RawResponse:
        """Return the answer of the simulated cloud."""
        self._gate.begin_sending()
        return self._cloud.answer(request)

    def close(self) -> None:
        """Close the gate; nothing is sent any more."""
        self._gate.close()

"""The harness of end-to-end tests: a fake cloud, a runtime that uses it, one clock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from function.dms.inventory import Inventory
from function.dms.session import DmsSession
from function.entrypoints import startup
from function.entrypoints.invocation import RetryableFailure, invoke
from function.entrypoints.routes import HttpRequest, handle_request
from function.ledger.memory import MemoryLedger
from function.ledger.protocol import Ledger, Times
from function.lib import schemas
from function.lib.clock import Deadline, SystemClock
from function.lib.timestamps import text
from function.model.sent_call import SentCall
from function.pipeline import Runtime

from .factories import HOUR, MINUTE, NOW, ORDERS
from .fake_dms import Behaviour, Clock, FakeDms

SECRET = "a-secret-for-every-route"
SCHEMAS = schemas.load()
OPEN = {
    "ALERTMANAGER_SECRETS": SECRET,
    "CLOUDEVENTS_SECRETS": SECRET,
    "DIRECT_SECRETS": SECRET,
    "GRAFANA_SECRETS": SECRET,
    "DRY_RUN": "false",
}


class SkippingClock(SystemClock):
    """A clock that is set ahead where the function sleeps, so that no test waits for it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.jump_to(self.monotonic() + seconds)

    def jump_to(self, moment: float) -> None:
        """Be at this moment, if it is still to come: several threads may sleep to the same."""
        self.ahead = max(self.ahead, moment - time.monotonic())


class CloudTime(SkippingClock):
    """The clock of the function: the cloud's time of day, and seconds for deadlines."""

    def __init__(self, cloud: FakeDms) -> None:
        super().__init__()
        self._cloud = cloud

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._cloud.clock(), timezone.utc)


@dataclass(frozen=True)
class EventReply:
    """The answer to a sender; its result event is validated against the schema."""

    status: int
    event: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.event["data"]
        return data

    @property
    def reasons(self) -> dict[str, str | None]:
        return {row["id"]: row["reason"] for row in self.data["instances"]}

    @property
    def verdict(self) -> tuple[int, str, str | None]:
        return self.status, self.data["outcome"], self.data["reason"]


class Remediator:
    """The function with some settings, connected to the fake cloud."""

    def __init__(
        self,
        cloud: FakeDms,
        clock: Clock,
        settings: dict[str, str],
        own_clock: CloudTime | None = None,
    ) -> None:
        self.own_clock = own_clock or CloudTime(cloud)
        self.cloud, self.clock = cloud, clock
        self.settings = {**cloud.environment(), **OPEN, **settings}
        self.readers: list[DmsSession] = []
        self.runtime = self._runtime()

    def _runtime(self) -> Runtime:
        runtime = startup.runtime(self.settings)
        clock = self.own_clock
        if "LEDGER_URL" in self.settings:
            return runtime._replace(clock=clock)
        return runtime._replace(clock=clock, ledger=MemoryLedger(clock.monotonic))

    def set(self, **settings: str) -> None:
        """Change settings, as a new deployment would."""
        self.settings |= settings
        self.runtime = self._runtime()

    def post(self, path: str, document: Any, **headers: str) -> EventReply:
        """Post a document to a route with its secret."""
        defaults = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        reply = handle_request(HttpRequest("POST", path, defaults | headers, body), self.runtime)
        return self._checked(reply.status, json.loads(reply.body))

    def _checked(self, status: int, event: dict[str, Any]) -> EventReply:
        SCHEMAS.check("result", event)
        return EventReply(status, event)

    def ask(self, **request: Any) -> EventReply:
        """Post a request document to /direct."""
        return self.post("/direct", request)

    def restart(self, *instances: str) -> EventReply:
        """Ask for a restart."""
        return self.ask(action="restart", instances=list(instances or (ORDERS,)))

    def delete(self, *instances: str, **fields: Any) -> EventReply:
        """Ask for a deletion, confirmed unless `fields` say otherwise."""
        named = {"instances": list(instances), "confirm": list(instances)}
        return self.ask(action="delete", **named | fields)

    def alert(self, *instances: str, raised: datetime = NOW, **fields: Any) -> EventReply:
        """Send a group of firing alerts, one for each instance."""
        return self.post("/alertmanager", alerts(*instances, raised=raised, **fields))

    def trigger(self, event: Any) -> EventReply:
        """Pass an event to the event entrypoint; the status is 503 where it is to be retried."""
        keys = self.runtime.settings.credentials
        try:
            result = invoke(event, self.runtime, credentials=keys, remaining=None)
        except RetryableFailure as again:
            return self._checked(503, json.loads(str(again)))
        return self._checked(200, result)

    def ces_alarm(self, **changes: Any) -> EventReply:
        """Send a Cloud Eye alarm through the trigger of the topic service."""
        return self.trigger(ces_alarm(**changes))

    def reader(self, seconds: float = 3) -> Inventory:
        """Return an inventory that reads the cloud, open until the test ends."""
        now = time.monotonic()
        outgoing, keys = self.runtime.settings.outbound, self.runtime.settings.credentials
        api = DmsSession(
            outgoing, keys, clock=self.runtime.clock, deadline=Deadline(now, seconds / 0.4)
        )
        self.readers.append(api)
        return Inventory(api, until=api.deadline.read_until)


def alerts(*instances: str, raised: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """Return a notification of Alertmanager with a firing alert for each instance."""
    listed = [
        {
            "status": "firing",
            "labels": {
                "remediation": "restart",
                "kafka_instance_id": instance,
                "alertname": "Down",
            },
            "startsAt": text(raised),
        }
        for instance in instances or (ORDERS,)
    ]
    return {"version": "4", "alerts": listed, **fields}


def ces_alarm(*, sent: datetime = NOW, raised: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """Return an event of FunctionGraph's SMN trigger that carries a Cloud Eye alarm."""
    alarm = {
        "alarm_status": "alarm",
        "alarm_name": "kafka-broker-alive",
        "time": round(raised.timestamp() * 1000),
        "namespace": "SYS.DMS",
        "metric_name": "broker_alive",
        "dimension": f"kafka_instance_id:{ORDERS},kafka_broker:broker-0",
    }
    message = json.dumps({**alarm, **changes})
    smn = {"topic_urn": "urn:smn:eu-de:0:alarms", "message": message, "timestamp": text(sent)}
    record = {"event_source": "smn", "smn": {**smn, "message_id": "m1", "subject": "An alarm"}}
    return {"record": [record]}


@contextmanager
def open_remediator(behaviour: Behaviour | None = None, **settings: str) -> Iterator[Remediator]:
    """Open a remediator where it is NOW and one instance, ORDERS, is in ERROR."""
    clock = Clock(NOW.timestamp())
    with FakeDms(behaviour, clock=clock) as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        remediator = Remediator(cloud, clock, settings)
        try:
            yield remediator
        finally:
            for api in remediator.readers:
                api.close()


def remembered(ledger: Ledger) -> tuple[SentCall, ...]:
    """Return the calls that a ledger remembers."""
    with ledger.claim((), Times(lambda: 0.0, lambda: 30.0)) as claim:
        return claim.calls


def ago(time_since: timedelta) -> float:
    """Return a moment before NOW in epoch seconds, as the fake cloud counts."""
    return (NOW - time_since).timestamp()


def restarted(
    cloud: FakeDms, began: timedelta = HOUR, took: timedelta = MINUTE, **fields: Any
) -> None:
    """Add a finished restart task to ORDERS."""
    cloud.add_task(ORDERS, created_at=ago(began), updated_at=ago(began - took), **fields)


def assert_held_back(
    response: EventReply, reason: str, *, needs_human: bool, cloud: FakeDms
) -> None:
    """Assert that all of an event was skipped for this reason, and that nothing was sent."""
    assert response.verdict == (200, "skipped", reason)
    assert response.data["needs_human"] == needs_human
    assert response.event.get("needshuman", False) == needs_human
    assert (response.data["request"], response.data["api"]["attempts"]) == (None, 0)
    assert not response.data["retryable"]
    assert not cloud.posts

"""Serve one connection from accept to end: read a request, apply its fault, answer, repeat."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import action, notifications, reading
from .answer import Answer, gateway_error, service_error
from .behaviour import Account
from .cloud import Cloud
from .fault_plan import NO_FAULT, FaultPlan
from .faults import Fault, stage_of
from .record import Arrival, Log
from .signature import RefusalError, check
from .stream import GoneError, Stream

Observer = Callable[[Arrival, str], None]
CONTROL_PAGE = "/fake/"


@dataclass(slots=True)
class ConnectionContext:
    """The objects that all connections share."""

    account: Account
    cloud: Cloud
    dial: FaultPlan
    log: Log
    control: Callable[[Arrival], Answer]
    observer: Observer | None = None

    def serve(self, line: Stream) -> None:
        """Serve one connection to its end."""
        number = self.log.connected()
        try:
            self.dial.take("connection").reach("connect", line)
            line.tls_handshake()
            while self._exchange(line, number):
                pass
        except (GoneError, OSError):
            pass  # the client has gone, or a fault has ended it
        finally:
            line.close()

    def _exchange(self, line: Stream, connection: int) -> bool:
        arrival = Arrival(*line.read_head(), time=self.cloud.clock(), connection=connection)
        if arrival.target.startswith(CONTROL_PAGE):
            line.send(self.control(_read(arrival, line, NO_FAULT)).encode())
            return True
        fault = self.dial.take(arrival.kind)
        arrival = self._receive(arrival, line, fault)
        story = [] if fault is NO_FAULT else [type(fault).__name__]
        try:
            answer = self._carry_out(arrival, line, fault).dated(self._gateway_time())
            story.insert(0, _summary(answer))
            fault.reach("done", line)
            fault.send(answer, line)
        except (GoneError, OSError):
            story.append("the connection ended")
            raise
        finally:
            self._tell(arrival, ", ".join(story))
        return "close" not in (arrival.headers.get("connection"), answer.header("connection"))

    def _gateway_time(self) -> float:
        return self.cloud.clock() + self.account.clock_offset

    def _receive(self, arrival: Arrival, line: Stream, fault: Fault) -> Arrival:
        # Known before the client can see what the fault does, and before it can be awaited.
        noted = self.log.add(arrival) if stage_of(fault) == "head" else None
        try:
            whole = _read(arrival, line, fault)
        except (GoneError, OSError):
            self._tell(noted or self.log.add(arrival), "only its head arrived")
            raise
        return self.log.add(whole, instead_of=noted)

    def _carry_out(self, arrival: Arrival, line: Stream, fault: Fault) -> Answer:
        fault.reach("request", line)
        instead = fault.instead()
        return fault.alter(self._answer(arrival)) if instead is None else instead

    def _answer(self, arrival: Arrival) -> Answer:
        prefix = self.cloud.behaviour.gateway_prefix
        if arrival.kind == "other":
            message = "The API does not exist or has not been published in the environment"
            return gateway_error(404, f"{prefix}.0101", message)
        try:
            check(arrival, self.account, self._gateway_time())
        except RefusalError as refused:
            return gateway_error(refused.status, f"{prefix}.{refused.number}", refused.message)
        needed = permission(arrival) & self.cloud.behaviour.missing_permissions
        if needed:
            code = self.cloud.behaviour.permission_code
            make = gateway_error if code.startswith("APIG") else service_error
            return make(403, code, f"Policy does not allow {sorted(needed)[0]} to be performed.")
        return self._call(arrival)

    def _call(self, arrival: Arrival) -> Answer:
        parts = arrival.path.strip("/").split("/")
        match arrival.kind:
            case "list":
                return reading.instances(self.cloud, arrival.parameters)
            case "show":
                return reading.instance(self.cloud, parts[3])
            case "tasks":
                return reading.tasks(self.cloud, parts[3], arrival.parameters)
            case "topics":
                return reading.topics(self.cloud, parts[3], arrival.parameters)
            case "recycle":
                return reading.recycle(self.cloud)
            case "publish":
                return notifications.publish(self.cloud, arrival, self.account.topic_urn)
        return action.answer(self.cloud, arrival.json)

    def _tell(self, arrival: Arrival, story: str) -> None:
        if self.observer is not None:
            self.observer(arrival, story)


READ_PERMISSIONS = {
    "list": "dms:instance:list",
    "show": "dms:instance:get",
    "tasks": "dms:instance:getBackgroundTask",
    "topics": "dms:topic:list",
}


def permission(arrival: Arrival) -> frozenset[str]:
    """Return the right that a call needs, as the vendor's list of them says."""
    if arrival.kind != "action":
        return frozenset(READ_PERMISSIONS.get(arrival.kind, "").split())
    body = arrival.json if isinstance(arrival.json, dict) else {}
    restarts = body.get("action") == "restart"
    return frozenset({"dms:instance:modifyStatus" if restarts else "dms:instance:delete"})


def _read(arrival: Arrival, line: Stream, fault: Fault) -> Arrival:
    fault.reach("head", line)
    length = arrival.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise GoneError
    return replace(arrival, body=line.read_body(int(length)), complete=True)


def _summary(answer: Answer) -> str:
    if answer.status < 400:
        return str(answer.status)
    try:
        code = json.loads(answer.body).get("error_code", "")
    except (ValueError, AttributeError):
        code = ""
    return f"{answer.status} {code}".strip()

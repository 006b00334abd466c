"""The fake as tests use it: cloud, fault plan and request log behind one class."""

import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from . import control
from .behaviour import Account, Behaviour, Endpoint
from .cloud import Cloud, Effect, Instance, Publication, Task
from .exchange import ConnectionContext, Observer
from .fault_plan import FaultPlan, Setting
from .faults import Fault
from .listener import Listener
from .record import Arrival, Log


class FakeDms:
    """The cloud API on loopback, a context manager; the package's docstring is its manual."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        account: Account | None = None,
        endpoint: Endpoint | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Configure the server; it listens from `start`, or from entering its context."""
        self.behaviour, self.account = behaviour or Behaviour(), account or Account()
        self.endpoint, self.clock = endpoint or Endpoint(), clock
        self._cloud, self._dial, self._log = Cloud(self.behaviour, clock), FaultPlan(), Log()
        page = control.page(self._cloud, self._dial, self._log)
        self._desk = ConnectionContext(self.account, self._cloud, self._dial, self._log, page)
        self._listener = Listener(self.endpoint, self._desk.serve)

    def __enter__(self) -> "FakeDms":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def start(self) -> None:
        """Listen and serve until closed."""
        self._listener.start()

    def close(self) -> None:
        """End every connection and stop listening."""
        self._listener.close()

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._listener.url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for raw sockets."""
        return self._listener.address

    def environment(self, *, with_token: bool = False) -> dict[str, str]:
        """Return the settings that reach it, with keys or with an IAM token."""
        account = self.account
        settings = {"HUAWEICLOUD_SDK_PROJECT_ID": account.project_id, "DMS_ENDPOINT": self.url}
        if self.endpoint.authority is not None:
            settings["CA_BUNDLE_FILE"] = str(self.endpoint.authority)
        if with_token:
            return settings | {"HUAWEICLOUD_AUTH_TOKEN": account.auth_token}
        settings["HUAWEICLOUD_SDK_AK"] = account.access_key
        settings["HUAWEICLOUD_SDK_SK"] = account.secret_key
        if account.security_token is not None:
            settings["HUAWEICLOUD_SDK_SECURITY_TOKEN"] = account.security_token
        return settings

    @property
    def observer(self) -> Observer | None:
        """Called with every request and its outcome, in the connection's thread."""
        return self._desk.observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        self._desk.observer = observer

    def add_instance(self, instance_id: str, **fields: Any) -> Instance:
        """Add an instance, or replace the one with this id."""
        self._cloud.put(Instance(instance_id, **fields))
        return self.instance(instance_id)

    def add_failed_creation(self, instance_id: str, **fields: Any) -> Instance:
        """Add an instance that failed to be created."""
        fields = {"status": "CREATEFAILED", "failed_creation": True} | fields
        return self.add_instance(instance_id, **fields)

    def set_status(self, instance_id: str, status: str) -> None:
        """Set the shown status and cancel a running action; its tasks still end in their time."""
        self._cloud.put(replace(self._cloud.instance(instance_id), status=status))

    def instance(self, instance_id: str) -> Instance:
        """Return an instance as shown now; KeyError when there is none."""
        return self._cloud.instance(instance_id)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All instances as shown now."""
        return self._cloud.instances()

    def add_task(self, instance_id: str, **fields: Any) -> Task:
        """Add a background task, or replace the one with the same id."""
        task = Task(**fields)
        self._cloud.put_task(instance_id, task)
        return task

    def remove_task(self, instance_id: str, task_id: str) -> None:
        """Delete a task's record."""
        self._cloud.remove_task(instance_id, task_id)

    def tasks(self, instance_id: str) -> tuple[Task, ...]:
        """Return an instance's tasks as shown now, oldest first."""
        return self._cloud.tasks(instance_id)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The executed actions, in order."""
        return tuple(self._cloud.effects)

    @property
    def published(self) -> tuple[Publication, ...]:
        """The published messages, in order."""
        return tuple(self._cloud.published)

    def fault(
        self, fault: Fault, kind: str = "any", *, times: int | None = 1, skip: int = 0
    ) -> None:
        """Plan this fault for the next calls of a kind, after skipping `skip` of them."""
        self._dial.add(Setting(fault, kind, times, skip))

    def clear_faults(self) -> None:
        """Remove the planned faults; held calls stay held."""
        self._dial.clear()

    def release(self) -> None:
        """Release all held calls."""
        self._dial.release()

    @property
    def faults_left(self) -> int:
        """The number of faults that are still planned."""
        return self._dial.left()

    @property
    def requests(self) -> tuple[Arrival, ...]:
        """Every request in order of arrival."""
        return self._log.arrived()

    @property
    def posts(self) -> tuple[Arrival, ...]:
        """The action calls, also those of which only the head arrived."""
        return self._log.arrived("action")

    def arrived(self, kind: str) -> tuple[Arrival, ...]:
        """Return the arrivals of one kind."""
        return self._log.arrived(kind)

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return self._log.connections

    def wait_for(self, count: int, kind: str = "any", timeout: float = 10) -> tuple[Arrival, ...]:
        """Block until so many of a kind have arrived; TimeoutError when they do not."""
        self._log.wait_for(lambda: len(self.arrived(kind)) >= count, timeout)
        return self.arrived(kind)

    def wait_for_connections(self, count: int, timeout: float = 10) -> None:
        """Block until so many connections were opened; TimeoutError when they are not."""
        self._log.wait_for(lambda: self.connections >= count, timeout)

    def forget(self) -> None:
        """Clear the request log, the effects and the published messages."""
        self._log.forget()
        self._cloud.effects.clear()
        self._cloud.published.clear()

"""The fault plan: which fault applies to the next request of a kind."""

import threading
from dataclasses import dataclass

from .faults import Fault, Hold, stage_of

NO_FAULT = Fault()


@dataclass(slots=True)
class Setting:
    """One fault: the kind of call it applies to, how often, and how many calls it skips first."""

    fault: Fault
    kind: str = "any"
    times: int | None = 1
    skip: int = 0

    def meets(self, kind: str) -> bool:
        """Tell whether the fault applies to this call, counting the skipped ones."""
        if kind != self.kind and (self.kind != "any" or kind == "connection"):
            return False
        self.skip -= 1
        return self.skip < 0


class FaultPlan:
    """Planned faults in order; those with a count come before unlimited ones."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._settings: list[Setting] = []
        self._holds: list[Hold] = []

    def add(self, setting: Setting) -> None:
        """Add a planned fault; a fault at `connect` applies to connections."""
        if stage_of(setting.fault) == "connect":
            setting.kind = "connection"
        with self._lock:
            self._settings.append(setting)
            self._holds += [setting.fault] if isinstance(setting.fault, Hold) else []
            self._settings.sort(key=lambda one: one.times is None)

    def clear(self) -> None:
        """Remove all planned faults."""
        with self._lock:
            self._settings.clear()

    def release(self) -> None:
        """Release every call that is, or would be, held."""
        with self._lock:
            for hold in self._holds:
                hold.release.set()

    def left(self) -> int:
        """Count the faults that are still planned, unlimited ones included."""
        with self._lock:
            return len(self._settings)

    def take(self, kind: str) -> Fault:
        """Return the fault for a call that has just begun, and use it up."""
        with self._lock:
            ready = [one for one in self._settings if one.meets(kind)]
            if not ready:
                return NO_FAULT
            setting = ready[0]
            if setting.times is not None:
                setting.times -= 1
                if setting.times <= 0:
                    self._settings.remove(setting)
            return setting.fault

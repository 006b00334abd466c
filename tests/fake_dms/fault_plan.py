"""The fault dial: which fault the next request of a kind meets."""

import threading
from dataclasses import dataclass

from .faults import Fault, Hold, stage_of

NO_FAULT = Fault()


@dataclass(slots=True)
class Setting:
    """One fault, the kind of call it waits for, how often, and how many it lets pass first."""

    fault: Fault
    kind: str = "any"
    times: int | None = 1
    skip: int = 0

    def meets(self, kind: str) -> bool:
        """Tell whether this call is the fault's, counting those it lets pass."""
        if kind != self.kind and (self.kind != "any" or kind == "connection"):
            return False
        self.skip -= 1
        return self.skip < 0


class FaultPlan:
    """Settings in the order they were made; counted ones come before those that stay."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._settings: list[Setting] = []
        self._holds: list[Hold] = []

    def add(self, setting: Setting) -> None:
        """Keep one more setting; a fault at `connect` waits for connections."""
        if stage_of(setting.fault) == "connect":
            setting.kind = "connection"
        with self._lock:
            self._settings.append(setting)
            self._holds += [setting.fault] if isinstance(setting.fault, Hold) else []
            self._settings.sort(key=lambda one: one.times is None)

    def clear(self) -> None:
        """Forget all settings."""
        with self._lock:
            self._settings.clear()

    def release(self) -> None:
        """Let go of everything that is, or would be, held."""
        with self._lock:
            for hold in self._holds:
                hold.release.set()

    def left(self) -> int:
        """Count the settings that still wait; those that stay count, too."""
        with self._lock:
            return len(self._settings)

    def take(self, kind: str) -> Fault:
        """Return the fault for a call that has just begun."""
        with self._lock:
            ready = [one for one in self._settings if one.meets(kind)]
            if not ready:
                return NO_FAULT
            found = ready[0]
            if found.times is not None:
                found.times -= 1
                if found.times <= 0:
                    self._settings.remove(found)
            return found.fault

"""Runtime: what one process builds once and every event runs with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .clock import Clock
from .locks import InFlight, InstanceLocks
from .model import Source
from .schemas import Schemas
from .settings import Settings


class Runtime(NamedTuple):
    """What one process builds once; nothing in it outlives an event and changes a verdict."""

    settings: Settings
    sources: Mapping[str, Source]
    schemas: Schemas
    clock: Clock
    locks: InstanceLocks
    in_flight: InFlight

"""Reads several instances with their restarts, where one that cannot be read stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from ..model.cloud_state import InstanceState
from ..model.errors import StateUnreadable
from ..settings.model import Limits
from .inventory import Inventory
from .observe import with_history

Readings = Mapping[str, InstanceState | StateUnreadable]


def read_each(
    inventory: Inventory,
    since: Mapping[str, datetime],
    known: Mapping[str, InstanceState],
    limits: Limits,
) -> Readings:
    """Return each instance with its restarts since a moment, or why it could not be read.

    `known` are those that a list has shown already.
    """
    readings: dict[str, InstanceState | StateUnreadable] = {}

    def read(instance_id: str) -> None:
        try:
            state = known.get(instance_id) or inventory.instance(instance_id)
            state = with_history(state, inventory, limits, since=since[instance_id])
            readings[instance_id] = state
        except StateUnreadable as problem:
            readings[instance_id] = problem

    rest = StateUnreadable("the cloud did not answer in time", transient=True)
    try:
        inventory.with_deadline(lambda: inventory.gather([partial(read, id_) for id_ in since]))
    except StateUnreadable as problem:
        rest = problem
    done = dict(readings)  # threads that were abandoned may still write into the other one
    return {id_: done.get(id_, rest) for id_ in since}

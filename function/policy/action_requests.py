"""The three request bodies of the action API, each built from a type that validates itself.

Three types, because no restart or delete of named instances may ever turn into a purge. Plain
classes, because three dataclasses take 2 ms to define, at every cold start.
"""

from __future__ import annotations

from typing import Final

from ..model.decision import ActionCall
from ..model.event import INSTANCE_ID_PATTERN, Action

MAX_IDS = 50  # DMS.00400100 refuses more


# One class for all three would need a flag, and a wrong flag deletes.
class _Selection:
    """Named instances: at least one, at most 50, each named once."""

    __slots__ = ("instances",)

    def __init__(self, instances: tuple[str, ...]) -> None:
        """Raise ValueError where the selection is empty, too large or not made of ids."""
        if not 1 <= len(instances) <= MAX_IDS or len(set(instances)) != len(instances):
            raise ValueError("a selection names 1 to 50 instances, each once")
        if not all(INSTANCE_ID_PATTERN.fullmatch(instance) for instance in instances):
            raise ValueError("a selection is made of lower-case instance ids")
        self.instances: Final = instances


class RestartRequest(_Selection):
    """The instances to restart."""

    __slots__ = ()


class DeleteRequest(_Selection):
    """The instances to delete."""

    __slots__ = ()


class PurgeRequest:
    """The removal of every instance that failed to be created; the source may ask for it."""

    __slots__ = ()

    def __init__(self, *, allowed_actions: frozenset[Action]) -> None:
        """Raise ValueError where the source of the event may not ask for a purge."""
        if Action.PURGE_FAILED not in allowed_actions:
            raise ValueError("this source may not ask for a purge")


def restart(selection: RestartRequest) -> ActionCall:
    """Return the call that restarts these instances and nothing else."""
    body = {"action": "restart", "instances": list(selection.instances)}
    return ActionCall(action=Action.RESTART, body=body, instances=selection.instances)


def purge(purge: PurgeRequest) -> ActionCall:  # noqa: ARG001 - having a PurgeRequest is the permission
    """Return the call that removes what failed to be created and nothing else."""
    return ActionCall(action=Action.PURGE_FAILED, body={"action": "delete", "all_failure": "kafka"})


def delete(selection: DeleteRequest) -> ActionCall:
    """Return the call that deletes these instances; never with force_delete."""
    # force_delete would bypass the recycle bin, the only way back that a deletion has.
    body = {"action": "delete", "instances": list(selection.instances)}
    return ActionCall(action=Action.DELETE, body=body, instances=selection.instances)

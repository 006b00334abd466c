"""The request document of this project, which several sources carry."""

from __future__ import annotations

from typing import Any

from ..lib import timestamps
from ..model.errors import ConfirmationMismatch
from ..model.event import Action, Event, Intent

# Deletions, and a probe, take a person who asks for them: POST /direct.
UNATTENDED_ACTIONS = frozenset({Action.RESTART, Action.PURGE_FAILED, Action.CHECK, Action.VERIFY})


def unique_ids(instances: list[str]) -> tuple[str, ...]:
    """Return instance ids in lower case, each once, in the order they came.

    >>> unique_ids(["54602A9D-5E22-4239-9123-77E350DF4A34", "54602a9d-5e22-4239-9123-77e350df4a34"])
    ('54602a9d-5e22-4239-9123-77e350df4a34',)
    """
    return tuple(dict.fromkeys(instance.lower() for instance in instances))


def parse(document: dict[str, Any]) -> Event:
    """Return what a request document asks for, or raise ConfirmationMismatch.

    >>> parse({"action": "purge_failed", "id": "nightly"}).intents[0].action
    <Action.PURGE_FAILED: 'purge_failed'>
    """
    action = Action(document["action"])
    instances = unique_ids(document.get("instances", []))
    if action is Action.DELETE and set(instances) != set(unique_ids(document["confirm"])):
        raise ConfirmationMismatch(
            "$.confirm must repeat the ids of $.instances, all of them and no others"
        )
    return Event(
        intents=(Intent(action, instances),),
        id=document.get("id"),
        sent_at=timestamps.parse(document.get("time")),
        probe=document.get("probe", False),
    )

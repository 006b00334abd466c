"""Cloud Eye alarms, the message of an SMN message.

>>> event = parse({"alarm_status": "alarm", "alarm_name": "kafka-broker-alive",
...     "namespace": "SYS.DMS", "metric_name": "broker_alive", "time": 1705078276006, "dimension":
...     "kafka_instance_id:54602a9d-5e22-4239-9123-77e350df4a34,kafka_broker:broker-0"})
>>> event.intents[0].instances, event.intents[0].metric, event.intents[0].skip
(('54602a9d-5e22-4239-9123-77e350df4a34',), 'broker_alive', None)
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from ..lib import timestamps
from ..model.event import Action, Event, Intent, Source

_INSTANCE = re.compile(
    r"(?:^|[,;\s])kafka_instance_id:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f-])"
)


def instance(dimension: str) -> str | None:
    """Return the Kafka instance that a dimension names, or None.

    >>> instance("kafka_instance_id:54602A9D-5e22-4239-9123-77e350df4a34")
    '54602a9d-5e22-4239-9123-77e350df4a34'
    >>> instance("instance_id:54602a9d-5e22-4239-9123-77e350df4a34")
    """
    match = _INSTANCE.search(dimension.lower())
    return match.group(1) if match else None


def raised(document: dict[str, Any]) -> datetime | None:
    """Return when the alarm began; a repeat (IsCycleTrigger) does not say.

    >>> raised({"time": 1705078276006, "template_variable": {"IsCycleTrigger": True}})
    """
    variables = document.get("template_variable") or {}
    repeat = str(variables.get("IsCycleTrigger")).lower() == "true"
    return None if repeat else timestamps.from_milliseconds(document["time"])


def parse(document: dict[str, Any]) -> Event:
    """Return what an alarm asks for: a restart, where it fires for a Kafka instance."""
    named = instance(document.get("dimension", ""))
    skip = None
    if document["alarm_status"] != "alarm":
        skip = "not_firing"
    elif named is None or document.get("namespace", "SYS.DMS") != "SYS.DMS":
        skip = "not_mapped"
    intent = Intent(
        action=Action.RESTART,
        instances=(named,) if named else (),
        skip=skip,
        raised_at=raised(document),
        metric=document.get("metric_name", ""),
    )
    return Event(intents=(intent,), name=document.get("alarm_name"))


SOURCE = Source(parse=parse, actions=frozenset({Action.RESTART}), alarm=True)

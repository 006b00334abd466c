"""Cloud Eye alarms, the message of an SMN message, in both forms that Cloud Eye sends.

The default message names metric and instance by id; the JSON content template has localized names
only, and the instance in `ResourceId`.

>>> event = parse({"alarm_status": "alarm", "alarm_name": "kafka-broker-alive",
...     "namespace": "SYS.DMS", "metric_name": "broker_alive", "time": 1705078276006, "dimension":
...     "kafka_instance_id:54602a9d-5e22-4239-9123-77e350df4a34,kafka_broker:broker-0"})
>>> event.intents[0].instances, event.intents[0].metric, event.intents[0].skip
(('54602a9d-5e22-4239-9123-77e350df4a34',), 'broker_alive', None)
>>> event = parse({"version": "v1", "data": {"IsAlarm": True, "MetricName": "Broker Alive",
...     "ResourceId": "54602a9d-5e22-4239-9123-77e350df4a34", "AlarmRuleName": "kafka-broker-alive",
...     "AlarmTime": "2026/01/05 10:15:00 GMT+08:00"}})
>>> event.intents[0].instances, event.intents[0].metric, event.intents[0].raised_at.isoformat()
(('54602a9d-5e22-4239-9123-77e350df4a34',), 'Broker Alive', '2026-01-05T02:15:00+00:00')
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from ..lib import timestamps
from ..model.event import Action, Event, Intent, Source

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IN_DIMENSION = rf"(?:^|[,;\s])kafka_instance_id:({_UUID})(?![0-9a-f-])"
# No source documents what else is in a broker's ResourceId, so the first whole UUID counts.
_IN_RESOURCE = rf"(?<![0-9a-f])({_UUID})(?![0-9a-f])"
# Smart Connect nodes are reported as brokers of this name; a restart of the instance is no answer.
_CONNECTOR_DIMENSION = r"(?:^|[,;\s])kafka_broker:\s*connector"
# The template's Namespace is localized; only a namespace's id says that it is another service.
_NAMESPACE_ID = r"[A-Z]+\.[A-Z0-9_]+"
_TIME = r"([0-9]{2}:[0-9]{2}:[0-9]{2}) GMT([+-][0-9]{2}:[0-9]{2})"
# Both forms were seen in signed messages: of cn-north-4 in 2025, and of sa-brazil-1 in 2024.
_YEAR_FIRST = rf"([0-9]{{4}})/([0-9]{{2}})/([0-9]{{2}}) {_TIME}"
_MONTH_FIRST = rf"([0-9]{{2}}) ([0-9]{{2}}), ([0-9]{{4}}) {_TIME}"
MAX_NAME_LENGTH = 1024
TEMPLATE_NOTE = (
    "This message is of Cloud Eye's JSON content template, which names a metric as the console "
    "shows it: ALARM_METRICS decides which names ask for a restart."
)


def _text(document: dict[str, Any], key: str) -> str:
    """Return a member that is text, else an empty text: keys may be missing, null or malformed."""
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def instance(dimension: str) -> str | None:
    """Return the Kafka instance that a dimension names, or None.

    >>> instance("kafka_instance_id:54602A9D-5e22-4239-9123-77e350df4a34")
    '54602a9d-5e22-4239-9123-77e350df4a34'
    >>> instance("instance_id:54602a9d-5e22-4239-9123-77e350df4a34")
    """
    match = re.search(_IN_DIMENSION, dimension.lower())
    return match.group(1) if match else None


def alarm_time(text: str) -> datetime | None:
    """Return the moment that an AlarmTime names, or None where it names none.

    >>> alarm_time("2025/06/02 22:56:15 GMT+08:00").isoformat()
    '2025-06-02T14:56:15+00:00'
    >>> alarm_time("01 12, 2024 13:51:16 GMT-03:00").isoformat()
    '2024-01-12T16:51:16+00:00'
    >>> alarm_time("yesterday")
    """
    if match := re.fullmatch(_YEAR_FIRST, text):
        year, month, day, time, zone = match.groups()
    elif match := re.fullmatch(_MONTH_FIRST, text):
        month, day, year, time, zone = match.groups()
    else:
        return None
    return timestamps.parse(f"{year}-{month}-{day}T{time}{zone}")


def _is_repeat(variables: dict[str, Any]) -> bool:
    """Tell whether this is a repeat of an alarm, which does not say when the alarm began."""
    return str(variables.get("IsCycleTrigger")).lower() == "true"


def _event(
    *,
    firing: bool,
    ended: bool,
    ours: bool,
    repeat: bool,
    moment: datetime | None,
    instance_id: str | None,
    metric: str,
    name: str,
    note: str | None = None,
) -> Event:
    """Return what an alarm of either form asks for."""
    intent = Intent(
        action=Action.RESTART,
        instances=(instance_id,) if instance_id else (),
        skip="not_firing" if not firing else None if ours else "not_mapped",
        # The time of an `ok` is the end of the alarm: its beginning is unknown.
        raised_at=moment if firing and not repeat else None,
        metric=metric,
        ended=ended and ours and instance_id is not None,
        ended_at=None if firing else moment,
        not_mapped_note=note,
    )
    return Event(intents=(intent,), name=name[:MAX_NAME_LENGTH] or None)


def _default_message(document: dict[str, Any]) -> Event:
    variables, dimension = _object(document, "template_variable"), _text(document, "dimension")
    # The dimension names instance and broker in one text, in an order that is not documented.
    connector = re.search(_CONNECTOR_DIMENSION, dimension.lower()) is not None
    return _event(
        firing=document["alarm_status"] == "alarm",
        ended=document["alarm_status"] == "ok",
        ours=_text(document, "namespace") in {"", "SYS.DMS"} and not connector,
        repeat=_is_repeat(variables),
        moment=timestamps.from_milliseconds(document.get("time")),
        instance_id=instance(dimension),
        metric=_text(document, "metric_name") or _text(variables, "MetricName"),
        name=_text(document, "alarm_name") or _text(variables, "AlarmRuleName"),
    )


def _template(data: dict[str, Any]) -> Event:
    firing = str(data["IsAlarm"]).lower() == "true"
    namespace, resource = _text(data, "Namespace"), _text(data, "ResourceId").lower()
    other_service = re.fullmatch(_NAMESPACE_ID, namespace) and namespace != "SYS.DMS"
    named = re.search(_IN_RESOURCE, resource)
    return _event(
        firing=firing,
        ended=not firing,
        ours=not other_service and "connector" not in resource,
        repeat=_is_repeat(data),
        moment=alarm_time(_text(data, "AlarmTime")),
        instance_id=named.group(1) if named else None,
        metric=_text(data, "MetricName"),
        name=_text(data, "AlarmRuleName"),
        note=TEMPLATE_NOTE,
    )


def parse(document: dict[str, Any]) -> Event:
    """Return what an alarm asks for: a restart, where it fires for a Kafka instance.

    One that fires and names no instance is left to the policy, which knows whether its metric asks
    for a restart.
    """
    default = "alarm_status" in document
    return _default_message(document) if default else _template(document["data"])


SOURCE = Source(parse=parse, actions=frozenset({Action.RESTART}), alarm=True)

"""Grafana alerting webhook: a group of alerts, or the test message of a contact point.

A rule whose query fails or finds nothing knows nothing of the instance, so it is not firing.

>>> parse({"version": "1", "alerts": [{"status": "firing", "labels": {
...     "alertname": "DatasourceNoData", "rulename": "Kafka brokers down", "remediation": "restart",
...     "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"}}]}).intents[0].skip
'not_firing'
>>> parse({"version": "1", "alerts": [{"status": "firing",
...     "labels": {"alertname": "TestAlert", "instance": "Grafana"}}]}).intents[0].skip
'test_event'
"""

from __future__ import annotations

from typing import Any

from ..model.event import Action, AuthMethod, Event, Source
from . import _alert_groups


def _is_test(alert: dict[str, Any]) -> bool:
    """Tell whether Grafana made this alert for its Test button."""
    labels = alert["labels"]
    return bool(labels.get("alertname") == "TestAlert" and labels.get("instance") == "Grafana")


def parse(document: dict[str, Any]) -> Event:
    """Return what a group of alerts asks for; a test alert asks for nothing."""
    event = _alert_groups.parse(document)
    intents = (
        intent._replace(skip="test_event")
        if intent.skip != "not_firing" and _is_test(alert)
        else intent
        for intent, alert in zip(event.intents, document["alerts"], strict=True)
    )
    return event._replace(intents=tuple(intents))


SOURCE = Source(
    parse=parse,
    actions=frozenset({Action.RESTART}),
    route="/grafana",
    auth_methods=(AuthMethod.BEARER, AuthMethod.GRAFANA),
    alarm=True,
)

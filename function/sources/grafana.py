"""Grafana alerting webhook: a group of alerts, or the test message of a contact point.

A rule whose query fails or finds no data measured nothing, so it counts as not firing.

>>> labels = {"alertname": "Kafka brokers down", "remediation": "restart",
...     "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"}
>>> no_data = {"grafana_state_reason": "NoData"}
>>> parse({"version": "1", "alerts": [
...     {"status": "firing", "labels": labels, "annotations": no_data}]}).intents[0].skip
'not_firing'
>>> parse({"version": "1", "alerts": [{"status": "firing",
...     "labels": {"alertname": "TestAlert", "instance": "Grafana"}}]}).intents[0].skip
'test_event'
"""

from __future__ import annotations

from typing import Any

from ..model.event import Action, AuthMethod, Event, Intent, Source
from . import _alert_groups
from ._alert_groups import Alert


def _is_test(alert: Alert) -> bool:
    """Tell whether Grafana made this alert for its Test button."""
    return (
        alert.labels.get("alertname") == "TestAlert" and alert.labels.get("instance") == "Grafana"
    )


def _intent(alert: Alert) -> Intent:
    """Return what one alert asks for; a test alert asks for nothing."""
    intent = _alert_groups.intent(alert)
    if intent.skip != "not_firing" and _is_test(alert):
        return intent._replace(skip="test_event")
    return intent


def parse(document: dict[str, Any]) -> Event:
    """Return what a group of alerts asks for."""
    return _alert_groups.parse(document, _intent)


SOURCE = Source(
    parse=parse,
    actions=frozenset({Action.RESTART}),
    route="/grafana",
    auth_methods=(AuthMethod.BEARER, AuthMethod.GRAFANA),
    alarm=True,
)

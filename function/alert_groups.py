"""Groups of alerts as Alertmanager and Grafana send them: one intent for each alert."""

from __future__ import annotations

import re
from typing import Any

from . import timestamps
from .model import Action, Event, Intent

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Grafana's own labels: on an alert that it sends in place of a rule's, the first holds the name.
_OF_GRAFANA = frozenset({"rulename", "grafana_folder"})


def _fires(alert: dict[str, Any]) -> bool:
    """Tell whether a rule has found what it looks for.

    A rule of Grafana whose query fails or finds nothing sends an alert with the rule's labels and
    another name, see "No Data and Error states" in its documentation: insufficient data.
    """
    labels = alert["labels"]
    stands_in = labels.get("alertname") in {"DatasourceError", "DatasourceNoData"}
    return bool(alert["status"] == "firing" and not (stands_in and _OF_GRAFANA & labels.keys()))


def intent(alert: dict[str, Any]) -> Intent:
    """Return what one alert asks for: a restart, where its labels say so and it is firing.

    >>> labels = {"remediation": "restart", "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"}
    >>> intent({"status": "resolved", "labels": labels}).skip
    'not_firing'
    >>> intent({"status": "firing", "labels": {"severity": "critical"}})
    Intent(action=<Action.RESTART: 'restart'>, instances=(), skip='not_mapped', raised=None, metric=None)
    """  # noqa: E501 - a repr does not wrap
    labels = alert["labels"]
    instance = labels.get("kafka_instance_id", "").lower()
    named = _ID.fullmatch(instance) is not None
    skip = None
    if not _fires(alert):
        skip = "not_firing"
    elif not named or labels.get("remediation") != "restart":
        skip = "not_mapped"
    return Intent(
        action=Action.RESTART,
        instances=(instance,) if named else (),
        skip=skip,
        raised=timestamps.parse(alert.get("startsAt")),
    )


def read(document: dict[str, Any]) -> Event:
    """Return what a group of alerts asks for, and say so when alerts are missing from it."""
    missing = int(document.get("truncatedAlerts") or 0)
    names = sorted({alert["labels"].get("alertname", "") for alert in document["alerts"]} - {""})
    return Event(
        intents=tuple(intent(alert) for alert in document["alerts"]),
        name=", ".join(names)[:200] or None,
        note=f"The sender left out {missing} alerts of this group." if missing > 0 else None,
    )

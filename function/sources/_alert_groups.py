"""Groups of alerts as Alertmanager and Grafana send them: one intent for each alert."""

from __future__ import annotations

from typing import Any

from ..lib import timestamps
from ..model.event import INSTANCE_ID_PATTERN, Action, Event, Intent

# Grafana's own labels: on an alert that it sends in place of a rule's, the first holds the name.
_GRAFANA_LABELS = frozenset({"rulename", "grafana_folder"})


def _is_firing(alert: dict[str, Any]) -> bool:
    """Tell whether a rule has found what it looks for.

    A rule of Grafana whose query fails or finds nothing sends an alert with the rule's labels and
    another name, see "No Data and Error states" in its documentation: insufficient data.
    """
    labels = alert["labels"]
    stands_in = labels.get("alertname") in {"DatasourceError", "DatasourceNoData"}
    return bool(alert["status"] == "firing" and not (stands_in and _GRAFANA_LABELS & labels.keys()))


def _requests_restart(alert: dict[str, Any]) -> bool:
    """Tell whether an alert that fires asks for a restart, whatever instance it names."""
    return _is_firing(alert) and alert["labels"].get("remediation") == "restart"


def _instances(alert: dict[str, Any]) -> tuple[str, ...]:
    """Return the one instance that an alert names, if any."""
    instance = alert["labels"].get("kafka_instance_id", "").lower()
    return (instance,) if INSTANCE_ID_PATTERN.fullmatch(instance) else ()


def intent(alert: dict[str, Any]) -> Intent:
    """Return what one alert asks for: a restart, where its labels say so and it is firing.

    >>> labels = {"remediation": "restart", "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"}
    >>> intent({"status": "resolved", "labels": labels}).skip
    'not_firing'
    >>> intent({"status": "firing", "labels": {"severity": "critical"}})
    Intent(action=<Action.RESTART: 'restart'>, instances=(), skip='not_mapped', raised_at=None, metric=None)
    """  # noqa: E501 - a repr does not wrap
    instances = _instances(alert)
    skip = None
    if not _is_firing(alert):
        skip = "not_firing"
    elif not (instances and _requests_restart(alert)):
        skip = "not_mapped"
    return Intent(
        action=Action.RESTART,
        instances=instances,
        skip=skip,
        raised_at=timestamps.parse(alert.get("startsAt")),
    )


def _left_out(number: int) -> str:
    return f"The sender left out {number} alert{'' if number == 1 else 's'} of this group."


def _without_instance(number: int) -> str:
    if number == 1:
        return "1 alert asks for a restart, but names no instance."
    return f"{number} alerts ask for a restart, but name no instance."


def parse(document: dict[str, Any]) -> Event:
    """Return what a group of alerts asks for, and note what no verdict will speak of."""
    alerts = document["alerts"]
    missing = int(document.get("truncatedAlerts") or 0)
    nameless = sum(_requests_restart(alert) and not _instances(alert) for alert in alerts)
    notes = [_left_out(missing)] if missing else []
    notes += [_without_instance(nameless)] if nameless else []
    names = sorted({alert["labels"].get("alertname", "") for alert in alerts} - {""})
    return Event(
        intents=tuple(map(intent, alerts)),
        name=", ".join(names)[:200] or None,
        note=" ".join(notes) or None,
    )

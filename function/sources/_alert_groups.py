"""Groups of alerts as Alertmanager and Grafana send them: one intent for each alert."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ..lib import timestamps
from ..model.errors import SchemaViolated
from ..model.event import INSTANCE_ID_PATTERN, Action, Event, Intent

# Grafana's own labels: on an alert that it sends in place of a rule's, the first holds the name.
_GRAFANA_LABELS = frozenset({"rulename", "grafana_folder"})
# These two decide what is restarted: an alert that has another type there cannot be judged.
_DECISIVE_LABELS = ("remediation", "kafka_instance_id")
# Values of Grafana's annotation `grafana_state_reason` that say that nothing was measured.
_NO_EVIDENCE = frozenset({"nodata", "error", "missingseries"})
# Kafka's Smart Connect nodes report as brokers; their name begins with this word.
_CONNECTOR = "connector"
# As much of a rule name as a message shows.
MAX_NAME_LENGTH = 200


class Alert(NamedTuple):
    """What is read of one alert; labels are those with text, every other one counts as unset."""

    status: str
    labels: dict[str, str]
    state_reason: object = None
    starts_at: str | None = None
    ends_at: str | None = None

    @property
    def asks_for_restart(self) -> bool:
        """Whether its labels ask for a restart of a broker, firing or not."""
        broker = self.labels.get("kafka_broker", "").strip().lower()
        return self.labels.get("remediation") == "restart" and not broker.startswith(_CONNECTOR)

    @property
    def instances(self) -> tuple[str, ...]:
        """The one instance that it names, if any."""
        instance = self.labels.get("kafka_instance_id", "").lower()
        return (instance,) if INSTANCE_ID_PATTERN.fullmatch(instance) else ()


def _read(alert: Any) -> Alert | None:
    """Return what is read of an alert, or None where it cannot be judged.

    >>> _read({"status": "firing", "labels": {"port": 9092, "team": None, "alertname": "Down"}})
    Alert(status='firing', labels={'alertname': 'Down'}, state_reason=None, starts_at=None, ends_at=None)
    >>> _read({"status": "firing", "labels": {"kafka_instance_id": 7}})
    """  # noqa: E501 - a repr does not wrap
    if not isinstance(alert, dict):
        return None
    status, labels = alert.get("status"), alert.get("labels")
    if not isinstance(status, str) or not isinstance(labels, dict):
        return None
    if any(not isinstance(labels.get(name), str | None) for name in _DECISIVE_LABELS):
        return None
    annotations = alert.get("annotations")
    starts_at, ends_at = alert.get("startsAt"), alert.get("endsAt")
    return Alert(
        status=status,
        labels={name: value for name, value in labels.items() if isinstance(value, str)},
        state_reason=(
            annotations.get("grafana_state_reason") if isinstance(annotations, dict) else None
        ),
        starts_at=starts_at if isinstance(starts_at, str) else None,
        ends_at=ends_at if isinstance(ends_at, str) else None,
    )


def _lacks_evidence(alert: Alert) -> bool:
    """Tell whether a rule of Grafana failed or found no data, so that it measured nothing.

    Such a rule sends an alert of another name with the rule's labels, or, set to *Alerting* for
    that case, fires under its own name with the reason as an annotation, alone or in a list: see
    "No Data and Error states" in Grafana's documentation.

    >>> reasons = ("NoData", "nodata, KeepLast", ["Error"], "MissingSeries", "Paused", None)
    >>> [_lacks_evidence(Alert("firing", {}, reason)) for reason in reasons]
    [True, True, True, True, False, False]
    """
    words = re.findall(r"[a-z]+", str(alert.state_reason).lower())
    # These names are free to use: only with Grafana's own labels are they Grafana's.
    stands_in = alert.labels.get("alertname") in {"DatasourceError", "DatasourceNoData"}
    return bool(
        _NO_EVIDENCE.intersection(words) or (stands_in and _GRAFANA_LABELS & alert.labels.keys())
    )


def intent(alert: Alert) -> Intent:
    """Return what one alert asks for: a restart, where its labels say so and it is firing.

    >>> labels = {"remediation": "restart", "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"}
    >>> intent(Alert("firing", labels)).skip
    >>> intent(Alert("resolved", labels)).skip, intent(Alert("resolved", labels)).ended
    ('not_firing', True)
    >>> intent(Alert("firing", {**labels, "kafka_broker": "connector-0"})).skip
    'not_mapped'
    """  # noqa: E501 - the labels of a whole alert
    mapped = alert.asks_for_restart and bool(alert.instances)
    # Each alert has its own status: a group that fires may hold resolved ones.
    firing = alert.status == "firing" and not _lacks_evidence(alert)
    skip = None if mapped else "not_mapped"
    ended = mapped and alert.status == "resolved" and not _lacks_evidence(alert)
    return Intent(
        action=Action.RESTART,
        instances=alert.instances,
        skip=skip if firing else "not_firing",
        raised_at=timestamps.parse(alert.starts_at),
        ended=ended,
        ended_at=timestamps.parse(alert.ends_at) if ended else None,
    )


def _count(number: int, singular: str, several: str) -> list[str]:
    """Return a sentence about so many alerts, or none where there are none."""
    return [singular if number == 1 else several.format(number)] if number else []


def _notes(document: dict[str, Any], alerts: list[Alert], intents: list[Intent]) -> list[str]:
    """Return sentences on alerts that have no verdict."""
    truncated = document.get("truncatedAlerts")
    missing = truncated if type(truncated) is int and truncated > 0 else 0
    unreadable = len(document["alerts"]) - len(alerts)
    nameless = sum(
        alert.asks_for_restart and not alert.instances and intent.skip == "not_mapped"
        for alert, intent in zip(alerts, intents, strict=True)
    )
    return [
        *_count(
            missing,
            "The sender left out 1 alert of this group.",
            "The sender left out {} alerts of this group.",
        ),
        *_count(
            unreadable,
            "1 alert could not be read and was left out.",
            "{} alerts could not be read and were left out.",
        ),
        *_count(
            nameless,
            "1 alert asks for a restart, but has no instance id in the label kafka_instance_id.",
            "{} alerts ask for a restart, but have no instance id in the label kafka_instance_id.",
        ),
    ]


def parse(document: dict[str, Any], intent_of: Callable[[Alert], Intent] = intent) -> Event:
    """Return what a group of alerts asks for, and notes on alerts without a verdict.

    Raises SchemaViolated where none of its alerts can be read.
    """
    alerts = [alert for alert in map(_read, document["alerts"]) if alert is not None]
    if document["alerts"] and not alerts:
        raise SchemaViolated(
            "no alert in $.alerts can be read: each needs a status and labels, and as labels "
            f"{' and '.join(_DECISIVE_LABELS)} take text"
        )
    intents = [intent_of(alert) for alert in alerts]
    names = sorted({alert.labels.get("alertname", "") for alert in alerts} - {""})
    return Event(
        intents=tuple(intents),
        name=", ".join(names)[:MAX_NAME_LENGTH] or None,
        note=" ".join(_notes(document, alerts, intents)) or None,
    )

"""Prometheus Alertmanager, webhook version 4: a group of alerts.

>>> event = parse({"version": "4", "truncatedAlerts": 2, "alerts": [{"status": "firing", "labels": {
...     "alertname": "KafkaBrokerDown", "remediation": "restart",
...     "kafka_instance_id": "54602a9d-5e22-4239-9123-77e350df4a34"},
...     "startsAt": "2026-01-05T02:15:00.123Z"}]})
>>> event.intents[0].instances, event.intents[0].raised_at.isoformat(), event.note
(('54602a9d-5e22-4239-9123-77e350df4a34',), '2026-01-05T02:15:00.123000+00:00', \
'The sender left out 2 alerts of this group.')
"""

from __future__ import annotations

from ..model.event import Action, Source
from ._alert_groups import parse

# Bearer alone, which is the default: Alertmanager cannot sign what it sends.
SOURCE = Source(parse=parse, actions=frozenset({Action.RESTART}), route="/alertmanager", alarm=True)

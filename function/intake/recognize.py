"""Recognize documents sent to a wrong route, and Cloud Eye alarms that cannot be parsed (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

# Keys of the default message and of the JSON content template that no other sender was seen to use.
_ALARM_KEYS = frozenset({"alarm_status", "alarm_id", "alarm_name", "template_variable"})
_TEMPLATE_KEYS = frozenset({"IsAlarm", "AlarmRecordID", "AlarmRuleName", "AlarmTime"})
# The same in a text that is no JSON, and how Cloud Eye begins what it writes for people.
_ALARM_TEXT = "|".join([*sorted(_ALARM_KEYS | _TEMPLATE_KEYS), "Cloud Eye", r"\[(\w+ )?Alarm\]"])


def _is_alarm(document: Mapping[str, Any]) -> bool:
    data = document.get("data")
    template = isinstance(data, dict) and bool(_TEMPLATE_KEYS & data.keys())
    return (
        template or bool(_ALARM_KEYS & document.keys()) or document.get("message_type") == "alarm"
    )


def _is_group(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("alerts"), list)


def _is_grafana(document: Mapping[str, Any]) -> bool:
    return _is_group(document) and ("orgId" in document or str(document.get("version")) == "1")


# The first match counts, so the narrower form stands first: Grafana's group is one of
# Alertmanager with more keys, and many documents have a member `action`.
_KINDS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool], str], ...] = (
    ("grafana", _is_grafana, "alerts of Grafana, which belong on POST /grafana"),
    ("alertmanager", _is_group, "alerts of Alertmanager, which belong on POST /alertmanager"),
    (
        "smn",
        lambda document: {"topic_urn", "message"} <= document.keys(),
        "a message of SMN, which belongs on POST /smn",
    ),
    ("sns", lambda document: "TopicArn" in document, "a bare message of SNS"),
    (
        "cloudevents",
        lambda document: "specversion" in document,
        "a CloudEvent, which belongs on POST /",
    ),
    ("ces_alarm", _is_alarm, "an alarm of Cloud Eye, which belongs in a message of SMN"),
    (
        "request",
        lambda document: "action" in document,
        "a request document, which belongs on POST /direct",
    ),
)
_REQUEST_SOURCES = frozenset({"direct", "schedule", "topic_request"})


def other_sender(value: Any, source: str | None) -> str | None:
    """Say which sender's document a value looks like, where that is not the one of its source.

    >>> other_sender({"version": "1", "alerts": []}, "alertmanager")
    'alerts of Grafana, which belong on POST /grafana'
    >>> other_sender({"action": "reboot"}, "direct"), other_sender([], "direct")
    (None, None)
    """
    if not isinstance(value, dict):
        return None
    for name, matches, words in _KINDS:
        if matches(value):
            expected = source in _REQUEST_SOURCES if name == "request" else source == name
            return None if expected else words
    return None


def has_alarm_marks(value: Any, text: bytes | str, subject: str | None) -> bool:
    """Tell whether a message of a topic seems to be an alarm of Cloud Eye.

    `value` is the parsed message; where it is no JSON object, the text itself counts.

    >>> has_alarm_marks({"data": {"AlarmRuleName": "alive"}}, "", None)
    True
    >>> has_alarm_marks(None, "Maintenance starts at noon.", "Read this")
    False
    """
    if isinstance(value, dict):
        return _is_alarm(value)
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return bool(re.search(_ALARM_TEXT, words) or re.search(_ALARM_TEXT, subject or ""))

"""The rules of settings: which field each one fills, how it is taken, and a good example."""

from __future__ import annotations

from typing import NamedTuple

from . import parsers as take
from .files import ca_bundle_file, certificate_file

DAY = 86400


class Rule(NamedTuple):
    """How one setting is taken: the field it fills, its parser, and a good example."""

    field: str
    parse: take.Parser
    example: str


_UUID = "54602a9d-5e22-4239-9123-77e350df4a34"
SECRET = "a-long-random-secret"  # noqa: S105 - an example to print, opens nothing
LIMITS = {
    "ENABLED_ACTIONS": Rule("enabled_actions", take.actions, "restart,purge_failed"),
    "ALLOWED_INSTANCES": Rule("allowed", take.instance_ids_or_all, _UUID),
    "BLOCKED_INSTANCES": Rule("blocked", take.instance_ids, _UUID),
    "MAX_INSTANCES": Rule("max_instances", take.integer(1, 50), "10"),
    "MAX_PURGE": Rule("max_purge", take.integer(1, 1000), "20"),
    "MAX_RESTARTING": Rule("max_restarting", take.integer(0, 1000), "3"),
    "COOLDOWN_SECONDS": Rule("cooldown", take.integer(0, DAY), "3600"),
    "MAX_RESTARTS_PER_DAY": Rule("max_restarts_per_day", take.integer(0, 1000), "3"),
    "RESTART_STATUSES": Rule(
        "restart_statuses", take.words("[A-Z_]{1,40}", "statuses"), "RUNNING,ERROR"
    ),
    "RESTART_TASK_PATTERN": Rule("restart_task_pattern", take.task_pattern, "restart"),
    "ALARM_METRICS": Rule(
        "alarm_metrics", take.words("[A-Za-z0-9_]{1,96}", "metric names"), "broker_alive"
    ),
    "MAX_EVENT_AGE_SECONDS": Rule("max_event_age", take.integer(1, 7 * DAY), "3600"),
}
OUTGOING = {
    "CA_BUNDLE_FILE": Rule("ca_bundle_file", ca_bundle_file, "/etc/ssl/own-roots.pem"),
    "PROXY_URL": Rule("proxy_url", take.url, "http://proxy.example:3128"),
    "K_SINK": Rule("sink", take.url, "http://broker.example/default"),
    "K_CE_OVERRIDES": Rule("sink_extensions", take.sink_extensions, '{"extensions":{"a":"b"}}'),
}
PROOFS = {
    "SMN_TOPIC_URNS": Rule(
        "topic_urns",
        take.words("urn:smn:[^:]+:[0-9a-f]+:[A-Za-z0-9_-]+", "SMN topic URNs"),
        "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms",
    ),
    "SMN_CERTIFICATE_FILE": Rule("certificate_file", certificate_file, "/etc/smn.pem"),
    "GRAFANA_TIMESTAMP_HEADER": Rule(
        "grafana_timestamp_header", take.header_name, "X-Grafana-Timestamp"
    ),
}
REST = {
    "DEADLINE_SECONDS": Rule("deadline_seconds", take.seconds, "4.5"),
    "FUNCTIONGRAPH_CONTAINER": Rule("functiongraph_container", take.flag, "true"),
    "LOG_LEVEL": Rule("log_level", take.log_level, "INFO"),
}
CREDENTIALS = {
    "HUAWEICLOUD_SDK_AK": Rule("", take.plain, "HSTAEXAMPLEACCESSKEY"),
    "HUAWEICLOUD_SDK_SK": Rule("", take.plain, "the-secret-key-that-belongs-to-it"),
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": Rule("", take.plain, "the-token-that-came-with-the-keys"),
    "HUAWEICLOUD_AUTH_TOKEN": Rule("", take.plain, "a-token-of-IAM"),
}

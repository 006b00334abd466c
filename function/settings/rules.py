"""The rules of settings: which field each one fills, how it is taken, and a good example."""

from __future__ import annotations

from typing import NamedTuple

from . import parsers as take
from .files import ca_bundle_file, certificate_file

DAY = 86400


class Setting(NamedTuple):
    """How one setting is taken: the field it fills, its parser, and a good example."""

    field: str
    parse: take.Parser
    example: str


_UUID = "54602a9d-5e22-4239-9123-77e350df4a34"
SECRET = "a-long-random-secret"  # noqa: S105 - an example to print, opens nothing
LIMITS = {
    "ENABLED_ACTIONS": Setting("enabled_actions", take.actions, "restart,purge_failed"),
    "ALLOWED_INSTANCES": Setting("allowed", take.instance_ids_or_all, _UUID),
    "BLOCKED_INSTANCES": Setting("blocked", take.instance_ids, _UUID),
    "MAX_INSTANCES": Setting("max_instances", take.integer(1, 50), "10"),
    "MAX_PURGE": Setting("max_purge", take.integer(1, 1000), "20"),
    "MAX_RESTARTING": Setting("max_restarting", take.integer(0, 1000), "3"),
    "COOLDOWN_SECONDS": Setting("cooldown", take.integer(0, DAY), "3600"),
    "MAX_RESTARTS_PER_DAY": Setting("max_restarts_per_day", take.integer(0, 1000), "3"),
    "RESTART_STATUSES": Setting(
        "restart_statuses", take.matching_items("[A-Z_]{1,40}", "statuses"), "RUNNING,ERROR"
    ),
    "RESTART_TASK_PATTERN": Setting("restart_task_pattern", take.task_pattern, "restart"),
    "ALARM_METRICS": Setting(
        "alarm_metrics", take.matching_items("[A-Za-z0-9_]{1,96}", "metric names"), "broker_alive"
    ),
    "MAX_EVENT_AGE_SECONDS": Setting("max_event_age", take.integer(1, 7 * DAY), "3600"),
}
OUTGOING = {
    "CA_BUNDLE_FILE": Setting("ca_bundle_file", ca_bundle_file, "/etc/ssl/own-roots.pem"),
    "PROXY_URL": Setting("proxy_url", take.url, "http://proxy.example:3128"),
    "K_SINK": Setting("sink", take.url, "http://broker.example/default"),
    "K_CE_OVERRIDES": Setting("sink_extensions", take.sink_extensions, '{"extensions":{"a":"b"}}'),
}
PROOFS = {
    "SMN_TOPIC_URNS": Setting(
        "topic_urns",
        take.matching_items("urn:smn:[^:]+:[0-9a-f]+:[A-Za-z0-9_-]+", "SMN topic URNs"),
        "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms",
    ),
    "SMN_CERTIFICATE_FILE": Setting("certificate_file", certificate_file, "/etc/smn.pem"),
    "GRAFANA_TIMESTAMP_HEADER": Setting(
        "grafana_timestamp_header", take.header_name, "X-Grafana-Timestamp"
    ),
}
GENERAL = {
    "DEADLINE_SECONDS": Setting("deadline_seconds", take.seconds, "4.5"),
    "FUNCTIONGRAPH_CONTAINER": Setting("functiongraph_container", take.flag, "true"),
    "LOG_LEVEL": Setting("log_level", take.log_level, "INFO"),
}
CREDENTIALS = {
    "HUAWEICLOUD_SDK_AK": Setting("", take.token, "HSTAEXAMPLEACCESSKEY"),
    "HUAWEICLOUD_SDK_SK": Setting("", take.token, "the-secret-key-that-belongs-to-it"),
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": Setting("", take.token, "the-token-that-came-with-the-keys"),
    "HUAWEICLOUD_AUTH_TOKEN": Setting("", take.token, "a-token-of-IAM"),
}

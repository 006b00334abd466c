"""Settings: all that the operator has set, as one frozen value that does not show its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ..model.event import Action

NAMES = frozenset(
    """HUAWEICLOUD_SDK_AK HUAWEICLOUD_SDK_SK HUAWEICLOUD_SDK_SECURITY_TOKEN HUAWEICLOUD_AUTH_TOKEN
    HUAWEICLOUD_SDK_PROJECT_ID HUAWEICLOUD_REGION DMS_ENDPOINT DRY_RUN ENABLED_ACTIONS
    ALLOWED_INSTANCES BLOCKED_INSTANCES MAX_INSTANCES MAX_PURGE MAX_RESTARTING COOLDOWN_SECONDS
    MAX_RESTARTS_PER_DAY RESTART_STATUSES RESTART_TASK_PATTERN ALARM_METRICS MAX_EVENT_AGE_SECONDS
    DEADLINE_SECONDS ALERTMANAGER_SECRETS GRAFANA_SECRETS DIRECT_SECRETS CLOUDEVENTS_SECRETS
    SMN_TOPIC_URNS SMN_CERTIFICATE_FILE GRAFANA_TIMESTAMP_HEADER PLATFORM_AUTHENTICATED
    FUNCTIONGRAPH_CONTAINER CA_BUNDLE_FILE PROXY_URL K_SINK K_CE_OVERRIDES LOG_LEVEL""".split()
)


class Credentials(NamedTuple):
    """What signs a request: a key pair, temporary or not, or an IAM token instead."""

    access_key: str | None = None
    secret_key: str | None = None
    security_token: str | None = None
    auth_token: str | None = None
    from_platform: bool = False

    def __repr__(self) -> str:
        return "Credentials(...)"

    def secrets(self) -> tuple[str, ...]:
        """Return all that must never be quoted."""
        texts = (self.access_key, self.secret_key, self.security_token, self.auth_token)
        return tuple(text for text in texts if text)


class Limits(NamedTuple):
    """What the function may do, and how often."""

    dry_run: bool
    enabled_actions: frozenset[Action] = frozenset({Action.RESTART, Action.PURGE_FAILED})
    allowed: frozenset[str] | None = None
    blocked: frozenset[str] = frozenset()
    max_instances: int = 10
    max_purge: int = 20
    max_restarting: int = 3
    cooldown: timedelta = timedelta(hours=1)
    max_restarts_per_day: int = 3
    restart_statuses: frozenset[str] = frozenset({"RUNNING", "ERROR"})
    restart_task_pattern: str = "restart"
    alarm_metrics: frozenset[str] = frozenset({"broker_alive"})
    max_event_age: timedelta = timedelta(hours=1)


class AuthSettings(NamedTuple):
    """What senders are checked against; `secrets` by the name of the source they open."""

    secrets: Mapping[str, tuple[bytes, ...]] = MappingProxyType({})
    topic_urns: frozenset[str] = frozenset()
    certificate_file: Path | None = None
    grafana_timestamp_header: str | None = None
    platform_authenticated: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "AuthSettings(...)"

    def is_enabled(self, route: str) -> bool:
        """Tell whether anybody can prove himself on the route of this name."""
        if route == "smn":
            return bool(self.topic_urns)
        return bool(self.secrets.get(route)) or route in self.platform_authenticated


class OutboundSettings(NamedTuple):
    """How requests leave: to the API, and with the result event to the sink."""

    endpoint: str
    project_id: str
    ca_bundle_file: Path | None = None
    proxy_url: str | None = None
    sink: str | None = None
    sink_extensions: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        return "OutboundSettings(...)"


class Settings(NamedTuple):
    """All that the operator has set."""

    limits: Limits
    auth: AuthSettings
    outbound: OutboundSettings
    credentials: Credentials | None
    deadline_seconds: float = 4.5
    functiongraph_container: bool = False
    log_level: str = "INFO"


def secrets_name(source: str) -> str:
    """Name the variable that holds the secrets of a source with a route of its own."""
    return f"{source.upper()}_SECRETS"

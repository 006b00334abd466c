"""All settings of the operator as one frozen value, whose repr shows no secret."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ..model.decision import Mode
from ..model.event import Action


class Credentials(NamedTuple):
    """A key pair, permanent or temporary, or an IAM token instead."""

    access_key: str | None = None
    secret_key: str | None = None
    security_token: str | None = None
    auth_token: str | None = None
    from_platform: bool = False

    # Values are printed by debuggers, failing assertions and error reporters.
    def __repr__(self) -> str:
        return "Credentials(...)"

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must never appear in a log or a result."""
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
    default_mode: Mode = Mode.ACT
    follow_up: bool = True
    verify_period: timedelta = timedelta(minutes=15)


class AuthSettings(NamedTuple):
    """How callers authenticate; `secrets` by the name of the source whose route they open."""

    secrets: Mapping[str, tuple[bytes, ...]] = MappingProxyType({})
    topic_urns: frozenset[str] = frozenset()
    certificate_file: Path | None = None
    grafana_timestamp_header: str | None = None
    grafana_signature_header: str = "x-grafana-alerting-signature"
    platform_authenticated: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "AuthSettings(...)"

    def is_enabled(self, route: str) -> bool:
        """Tell whether a caller can authenticate on the route of this name."""
        # Its messages carry their own signature; what opens the route is the list of topics.
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


class NotifySettings(NamedTuple):
    """The SMN topic that people read, the kinds of result it gets, and the endpoint of SMN."""

    topic_urn: str | None = None
    kinds: frozenset[str] = frozenset({"acted", "needs_human"})
    endpoint: str = ""


class Settings(NamedTuple):
    """All that the operator has set."""

    limits: Limits
    auth: AuthSettings
    outbound: OutboundSettings
    credentials: Credentials | None
    # SMN gives up after 5 seconds, and sends the message again.
    deadline_seconds: float = 4.5
    functiongraph_container: bool = False
    log_level: str = "INFO"
    notify: NotifySettings = NotifySettings()
    ledger_url: str | None = None
    metrics: bool = False

    def __repr__(self) -> str:  # LEDGER_URL may hold a password
        return "Settings(...)"


def secrets_name(source: str) -> str:
    """Name the variable that holds the secrets of a source with a route."""
    return f"{source.upper()}_SECRETS"

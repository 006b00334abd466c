"""Reads settings: any mapping of names to texts, checked whole, every problem in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from . import setting_values as take
from .errors import SettingsInvalid
from .settings import Credentials, Limits, Outgoing, Proofs, Settings, secrets_name

ALIASES = {"HUAWEICLOUD_SDK_AK": "CLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK": "CLOUD_SDK_SK"}
DAY = 86400


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one setting is taken: the field it fills, its parser, and a good example."""

    field: str
    parse: take.Parser
    example: str


_UUID = "54602a9d-5e22-4239-9123-77e350df4a34"
_SECRET = "a-long-random-secret"  # noqa: S105 - an example to print, opens nothing
_LIMITS = {
    "ENABLED_ACTIONS": _Rule("enabled_actions", take.actions, "restart,purge_failed"),
    "ALLOWED_INSTANCES": _Rule("allowed", take.instance_ids_or_all, _UUID),
    "BLOCKED_INSTANCES": _Rule("blocked", take.instance_ids, _UUID),
    "MAX_INSTANCES": _Rule("max_instances", take.integer(1, 50), "10"),
    "MAX_PURGE": _Rule("max_purge", take.integer(1, 1000), "20"),
    "MAX_RESTARTING": _Rule("max_restarting", take.integer(0, 1000), "3"),
    "COOLDOWN_SECONDS": _Rule("cooldown", take.integer(0, DAY), "3600"),
    "MAX_RESTARTS_PER_DAY": _Rule("max_restarts_per_day", take.integer(0, 1000), "3"),
    "RESTART_STATUSES": _Rule(
        "restart_statuses", take.words("[A-Z_]{1,40}", "statuses"), "RUNNING,ERROR"
    ),
    "RESTART_TASK_PATTERN": _Rule("restart_task_pattern", take.task_pattern, "restart"),
    "ALARM_METRICS": _Rule(
        "alarm_metrics", take.words("[A-Za-z0-9_]{1,96}", "metric names"), "broker_alive"
    ),
    "MAX_EVENT_AGE_SECONDS": _Rule("max_event_age", take.integer(1, 7 * DAY), "3600"),
}
_OUTGOING = {
    "CA_BUNDLE_FILE": _Rule("ca_bundle_file", take.certificate_file, "/etc/ssl/own-roots.pem"),
    "PROXY_URL": _Rule("proxy_url", take.url, "http://proxy.example:3128"),
    "K_SINK": _Rule("sink", take.url, "http://broker.example/default"),
    "K_CE_OVERRIDES": _Rule("sink_extensions", take.sink_extensions, '{"extensions":{"a":"b"}}'),
}
_PROOFS = {
    "SMN_TOPIC_URNS": _Rule(
        "topic_urns",
        take.words("urn:smn:[^:]+:[0-9a-f]+:[A-Za-z0-9_-]+", "SMN topic URNs"),
        "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms",
    ),
    "SMN_CERTIFICATE_FILE": _Rule("certificate_file", take.certificate_file, "/etc/smn.pem"),
    "GRAFANA_TIMESTAMP_HEADER": _Rule(
        "grafana_timestamp_header", take.header_name, "X-Grafana-Timestamp"
    ),
}
_REST = {
    "DEADLINE_SECONDS": _Rule("deadline_seconds", take.seconds, "4.5"),
    "FUNCTIONGRAPH_CONTAINER": _Rule("functiongraph_container", take.flag, "true"),
    "LOG_LEVEL": _Rule("log_level", take.log_level, "INFO"),
}


class _Reader:
    """Takes settings out of a mapping and remembers everything that is wrong with them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """Return the stripped text of a setting or of its alias; empty means unset."""
        own = str(self.given.get(name) or "").strip()
        return own or str(self.given.get(ALIASES.get(name, "")) or "").strip()

    def problem(self, name: str, what: str, example: str) -> None:
        """Note what is wrong with a setting, and what would be right."""
        self.problems.append(f"{name}: {what}; for example {name}={example}")

    def take(self, name: str, rule: _Rule, *, needed: bool = False) -> Any:
        """Return the value of a setting, or None when it is unset or wrong."""
        text = self.text(name)
        if not text:
            if needed:
                self.problem(name, "is missing", rule.example)
            return None
        try:
            return rule.parse(text)
        except ValueError as error:
            self.problem(name, str(error), rule.example)
            return None

    def take_all(self, rules: Mapping[str, _Rule]) -> dict[str, Any]:
        """Return the fields that are set and right; the defaults serve for the others."""
        taken = {rule.field: self.take(name, rule) for name, rule in rules.items()}
        return {name: value for name, value in taken.items() if value is not None}


def _credentials(reader: _Reader, *, needed: bool) -> Credentials | None:
    """Take a key pair or a token; None where the platform brings them with each event."""
    token = reader.take("HUAWEICLOUD_AUTH_TOKEN", _Rule("", take.plain, "MIIE…"))
    pair = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")
    given = [name for name in (*pair, "HUAWEICLOUD_SDK_SECURITY_TOKEN") if reader.text(name)]
    if reader.text("HUAWEICLOUD_AUTH_TOKEN"):
        for name in given:
            reader.problem(name, "is set beside HUAWEICLOUD_AUTH_TOKEN; set one or the other", "")
        return Credentials(auth_token=token)
    needed = needed or bool(given)
    access, secret = (reader.take(n, _Rule("", take.plain, "…"), needed=needed) for n in pair)
    security = reader.take("HUAWEICLOUD_SDK_SECURITY_TOKEN", _Rule("", take.plain, "…"))
    return Credentials(access, secret, security) if needed else None


def _limits(reader: _Reader) -> Limits:
    dry_run = reader.take("DRY_RUN", _Rule("", take.flag, "true"), needed=True)
    fields = reader.take_all(_LIMITS)
    if reader.given.get("ALLOWED_INSTANCES") is not None and not reader.text("ALLOWED_INSTANCES"):
        reader.problem("ALLOWED_INSTANCES", "is set but empty, which allows nothing", "*")
    for name in ("cooldown", "max_event_age"):
        if name in fields:
            fields[name] = timedelta(seconds=fields[name])
    return Limits(dry_run=dry_run is not False, **fields)


def _proofs(reader: _Reader, routes: Iterable[str]) -> Proofs:
    routes = tuple(routes)
    secret = _Rule("", take.secrets, _SECRET)
    secrets = {route: reader.take(secrets_name(route), secret) or () for route in routes}
    known = _Rule("", take.words("|".join(routes), "some of " + ", ".join(routes)), "cloudevents")
    platform = reader.take("PLATFORM_AUTHENTICATED", known) or frozenset()
    return Proofs(secrets=secrets, platform_authenticated=platform, **reader.take_all(_PROOFS))


def _outgoing(reader: _Reader) -> Outgoing:
    project = reader.take(
        "HUAWEICLOUD_SDK_PROJECT_ID",
        _Rule("", take.project_id, "0123456789abcdef" * 2),
        needed=True,
    )
    endpoint = reader.take("DMS_ENDPOINT", _Rule("", take.endpoint, "https://dms.example"))
    region_needed = not reader.text("DMS_ENDPOINT")
    region = reader.take(
        "HUAWEICLOUD_REGION", _Rule("", take.region, "eu-west-101"), needed=region_needed
    )
    fields = reader.take_all(_OUTGOING)
    return Outgoing(endpoint=endpoint or region or "", project_id=project or "", **fields)


def read(
    given: Mapping[str, str], *, routes: Iterable[str], platform_credentials: bool = False
) -> Settings:
    """Return the settings in a mapping, or raise SettingsInvalid with all that is wrong.

    `routes` are the sources with a route of their own, each opened by its secrets;
    `platform_credentials` says that credentials may come with each event instead.
    """
    reader = _Reader(given)
    rest = reader.take_all(_REST)
    platform_credentials = platform_credentials or rest.get("functiongraph_container", False)
    settings = Settings(
        limits=_limits(reader),
        proofs=_proofs(reader, routes),
        outgoing=_outgoing(reader),
        credentials=_credentials(reader, needed=not platform_credentials),
        **rest,
    )
    if reader.problems:
        raise SettingsInvalid(tuple(reader.problems))
    return settings


def require_authenticator(settings: Settings) -> None:
    """Raise SettingsInvalid when no route of the HTTP door could ever be opened."""
    proofs = settings.proofs
    opened = [*proofs.secrets.values(), proofs.topic_urns, proofs.platform_authenticated]
    if not any(opened) and not settings.functiongraph_container:
        names = ", ".join(secrets_name(route) for route in proofs.secrets)
        raise SettingsInvalid(
            (f"{names}, SMN_TOPIC_URNS: set at least one; for example DIRECT_SECRETS={_SECRET}",)
        )

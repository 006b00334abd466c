"""Read settings from any mapping of names to texts; every problem is reported, one line each."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from ..model.errors import SettingsInvalid
from . import parsers
from .model import (
    AuthSettings,
    Credentials,
    Limits,
    NotifySettings,
    OutboundSettings,
    Settings,
    secrets_name,
)

# The names that other tools of the vendor use for the same keys.
ALIASES = {"HUAWEICLOUD_SDK_AK": "CLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK": "CLOUD_SDK_SK"}
DAY = 86400
MIN_SIMILAR_LETTERS = 6  # LOGS or SINK are names of others, not misspellings


class Setting(NamedTuple):
    """How one setting is taken: the field it fills, its parser, and a good example."""

    field: str
    parse: parsers.Parser
    example: str


_TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"
_PEOPLE = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:on-call"
_UUID = "54602a9d-5e22-4239-9123-77e350df4a34"
EXAMPLE_SECRET = "a-long-random-secret"  # noqa: S105 - an example to print, opens nothing
# The limits that explain and replay take from the environment, too.
LIMITS = {
    "ENABLED_ACTIONS": Setting("enabled_actions", parsers.actions, "restart,purge_failed"),
    "ALLOWED_INSTANCES": Setting("allowed", parsers.instance_ids_or_all, _UUID),
    "BLOCKED_INSTANCES": Setting("blocked", parsers.instance_ids, _UUID),
    # One call takes at most 50 ids.
    "MAX_INSTANCES": Setting("max_instances", parsers.integer(1, 50), "10"),
    "MAX_PURGE": Setting("max_purge", parsers.integer(1, 1000), "20"),
    "MAX_RESTARTING": Setting("max_restarting", parsers.integer(0, 1000), "3"),
    # A day at most: whatever the alarm says, the history is read that far back.
    "COOLDOWN_SECONDS": Setting("cooldown", parsers.integer(0, DAY), "3600"),
    "MAX_RESTARTS_PER_DAY": Setting("max_restarts_per_day", parsers.integer(0, 1000), "3"),
    "RESTART_STATUSES": Setting(
        "restart_statuses", parsers.matching_items("[A-Z_]{1,40}", "statuses"), "RUNNING,ERROR"
    ),
    "RESTART_TASK_PATTERN": Setting("restart_task_pattern", parsers.task_pattern, "restart"),
    "ALARM_METRICS": Setting(
        "alarm_metrics",
        # Also as the console shows them, in its languages: "(Agent) CPU", "État d'activité".
        parsers.matching_items(r"[\w .()%/'’:-]{1,96}", "metric names"),
        "broker_alive",
    ),
    "MAX_EVENT_AGE_SECONDS": Setting("max_event_age", parsers.integer(1, 7 * DAY), "3600"),
    "DEFAULT_MODE": Setting("default_mode", parsers.mode, "observe"),
    "FOLLOW_UP": Setting("follow_up", parsers.flag, "true"),
    "VERIFY_PERIOD_SECONDS": Setting("verify_period", parsers.integer(60, DAY), "900"),
}
OUTBOUND = {
    "CA_BUNDLE_FILE": Setting("ca_bundle_file", parsers.ca_bundle_file, "/etc/ssl/own-roots.pem"),
    "PROXY_URL": Setting("proxy_url", parsers.url, "http://proxy.example:3128"),
    "K_SINK": Setting("sink", parsers.url, "http://broker.example/default"),
    "K_CE_OVERRIDES": Setting(
        "sink_extensions", parsers.sink_extensions, '{"extensions":{"a":"b"}}'
    ),
}
AUTH = {
    "SMN_TOPIC_URNS": Setting(
        "topic_urns",
        parsers.matching_items(parsers.TOPIC_URN, "SMN topic URNs"),
        _TOPIC,
    ),
    "SMN_CERTIFICATE_FILE": Setting("certificate_file", parsers.certificate_file, "/etc/smn.pem"),
    "GRAFANA_SIGNATURE_HEADER": Setting(
        "grafana_signature_header", parsers.header_name, "X-Grafana-Alerting-Signature"
    ),
    "GRAFANA_TIMESTAMP_HEADER": Setting(
        "grafana_timestamp_header", parsers.header_name, "X-Grafana-Timestamp"
    ),
}
GENERAL = {
    "DEADLINE_SECONDS": Setting("deadline_seconds", parsers.seconds, "4.5"),
    "FUNCTIONGRAPH_CONTAINER": Setting("functiongraph_container", parsers.flag, "true"),
    "LEDGER_URL": Setting("ledger_url", parsers.redis_url, "rediss://redis.example:6379/0"),
    "METRICS": Setting("metrics", parsers.flag, "true"),
    "LOG_LEVEL": Setting("log_level", parsers.log_level, "INFO"),
}
NOTIFY = {
    "NOTIFY_TOPIC_URN": Setting("topic_urn", parsers.topic_urn, _PEOPLE),
    "NOTIFY_ON": Setting(
        "kinds",
        parsers.matching_items(
            "acted|needs_human|recovered|skipped",
            "some of acted, needs_human, recovered, skipped",
        ),
        "acted,needs_human",
    ),
    "SMN_ENDPOINT": Setting("endpoint", parsers.endpoint, "https://smn.example"),
}
CREDENTIALS = {
    "HUAWEICLOUD_SDK_AK": Setting("", parsers.token, "HSTAEXAMPLEACCESSKEY"),
    "HUAWEICLOUD_SDK_SK": Setting("", parsers.token, "the-secret-key-that-belongs-to-it"),
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": Setting(
        "", parsers.token, "the-token-that-came-with-the-keys"
    ),
    "HUAWEICLOUD_AUTH_TOKEN": Setting("", parsers.token, "a-token-of-IAM"),
}

# The project never comes from an event: it is a part of every path that is signed.
# Settings that are read by themselves, because others decide whether they are needed.
DRY_RUN = Setting("dry_run", parsers.flag, "true")
PROJECT_ID = Setting("project_id", parsers.project_id, "0123456789abcdef" * 2)
REGION = Setting("region", parsers.region, "eu-west-101")
DMS_ENDPOINT = Setting("endpoint", parsers.endpoint, "https://dms.example")
_SINGLE = ("DRY_RUN", "HUAWEICLOUD_SDK_PROJECT_ID", "HUAWEICLOUD_REGION", "DMS_ENDPOINT")
_TABLES = (LIMITS, OUTBOUND, AUTH, GENERAL, NOTIFY, CREDENTIALS)


def names(routes: Iterable[str]) -> frozenset[str]:
    """Return the names of all settings; each route has one more, for its secrets."""
    tabled = (name for table in _TABLES for name in table)
    return frozenset((*tabled, *_SINGLE, "PLATFORM_AUTHENTICATED", *map(secrets_name, routes)))


def similar_names(variables: Iterable[str], known: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return variables that are probably misspelled settings, each with the setting.

    >>> similar_names(["DRYRUN", "COOLDOWN_SECOND", "HOME"], frozenset({"DRY_RUN", "COOLDOWN_SECONDS"}))
    (('COOLDOWN_SECOND', 'COOLDOWN_SECONDS'), ('DRYRUN', 'DRY_RUN'))
    """  # noqa: E501 - a call in a doctest does not wrap
    by_part: dict[str, list[str]] = {}
    for name in known:
        for part in _parts(_letters(name)):
            by_part.setdefault(part, []).append(name)
    pairs = {
        name: setting
        for name in variables
        if name not in known
        for part in _parts(_letters(name))
        for setting in by_part.get(part, ())
        if _within_one_letter(_letters(name), _letters(setting))
    }
    return tuple(sorted(pairs.items()))


def _letters(name: str) -> str:
    return name.upper().replace("_", "").replace("-", "")


def _parts(letters: str) -> tuple[str, str]:
    """Return the start and the end of a name: of two that differ in one letter, one is the same.

    So few names are compared, at every cold start, instead of each variable with each setting.
    """
    half = MIN_SIMILAR_LETTERS // 2
    return letters[:half], letters[-half:]


def _within_one_letter(text: str, name: str) -> bool:
    """Tell whether a text is a name but for one letter; short names would be near to too much."""
    size = len(name)
    if abs(len(text) - size) > 1 or size < MIN_SIMILAR_LETTERS:
        return False
    pairs = zip(text, name, strict=False)
    same = next((at for at, (letter, other) in enumerate(pairs) if letter != other), size)
    rest, other = text[same:], name[same:]
    return rest == other or rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]


class _Reader:
    """Takes settings out of a mapping and remembers everything that is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """Return the stripped text of a setting or of its alias; empty means unset."""
        text = str(self.variables.get(name) or "").strip()
        return text or str(self.variables.get(ALIASES.get(name, "")) or "").strip()

    def problem(self, name: str, what: str, example: str) -> None:
        """Note what is wrong with a setting, and what would be right; never its value."""
        alias = ALIASES.get(name, name)
        used = alias if self.variables.get(alias) and not self.variables.get(name) else name
        self.problems.append(f"{used}: {what}; for example {used}={example}")

    def take(self, name: str, setting: Setting, *, needed: bool = False) -> Any:
        """Return the value of a setting, or None when it is unset or wrong."""
        text = self.text(name)
        if not text:
            if needed:
                self.problem(name, "is missing", setting.example)
            return None
        try:
            return setting.parse(text)
        except ValueError as error:
            self.problem(name, str(error), setting.example)
            return None

    def take_all(self, table: Mapping[str, Setting]) -> dict[str, Any]:
        """Return the fields that are set and right; the defaults serve for the others."""
        taken = {setting.field: self.take(name, setting) for name, setting in table.items()}
        return {field: value for field, value in taken.items() if value is not None}


def _credentials(reader: _Reader, *, needed: bool) -> Credentials | None:
    """Take a key pair or a token; None where the platform brings them with each event."""
    taken = {name: reader.take(name, setting) for name, setting in CREDENTIALS.items()}
    *keys, token = taken
    present = [name for name in keys if reader.text(name)]
    # Beside a token, keys would be a second identity: which of them acts must not be a guess.
    if reader.text(token):
        for name in present:
            reader.problem(name, f"is set beside {token}; leave one of them empty", "")
        return Credentials(auth_token=taken[token])
    if not needed and not present:
        return None
    for name in keys[:2]:
        if not reader.text(name):
            reader.problem(name, "is missing", CREDENTIALS[name].example)
    return Credentials(*(taken[name] for name in keys))


def _limits(reader: _Reader) -> Limits:
    # No default: a silent dry run at night is as wrong as a restart that was not intended.
    dry_run = reader.take("DRY_RUN", DRY_RUN, needed=True)
    fields = reader.take_all(LIMITS)
    # Elsewhere empty is unset. Here unset allows all, which a list that came out empty must not.
    is_set = reader.variables.get("ALLOWED_INSTANCES") is not None
    if is_set and not reader.text("ALLOWED_INSTANCES"):
        reader.problem("ALLOWED_INSTANCES", "is set but empty, which allows nothing", "*")
    for name in ("cooldown", "max_event_age", "verify_period"):
        if name in fields:
            fields[name] = timedelta(seconds=fields[name])
    # What is wrong stops the start; until that is said, the careful value stands for it.
    return Limits(dry_run=dry_run is not False, **fields)


def _auth(reader: _Reader, routes: tuple[str, ...]) -> AuthSettings:
    secret = Setting("", parsers.secrets, EXAMPLE_SECRET)
    secrets = {route: reader.take(secrets_name(route), secret) or () for route in routes}
    known = parsers.matching_items("|".join(routes), "some of " + ", ".join(routes))
    platform = reader.take("PLATFORM_AUTHENTICATED", Setting("", known, "cloudevents"))
    return AuthSettings(
        secrets=secrets,
        platform_authenticated=platform or frozenset(),
        **reader.take_all(AUTH),
    )


def _require_authenticator(reader: _Reader, routes: Iterable[str]) -> None:
    """Note when no caller could ever authenticate on any HTTP route."""
    variables = (*map(secrets_name, routes), "SMN_TOPIC_URNS", "PLATFORM_AUTHENTICATED")
    if not any(map(reader.text, variables)):
        example = f"for example DIRECT_SECRETS={EXAMPLE_SECRET}"
        reader.problems.append(f"{', '.join(variables[:-1])}: set at least one; {example}")


def _outbound(reader: _Reader, region: str | None) -> OutboundSettings:
    project = reader.take("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT_ID, needed=True)
    endpoint = reader.take("DMS_ENDPOINT", DMS_ENDPOINT)
    by_region = parsers.service_endpoint("dms", region) if region else ""
    return OutboundSettings(
        endpoint=endpoint or by_region, project_id=project or "", **reader.take_all(OUTBOUND)
    )


def _notify(reader: _Reader, region: str | None, auth: AuthSettings) -> NotifySettings:
    """Take the topic for notifications; a topic that also delivers alarms would be a loop."""
    notify = NotifySettings(**reader.take_all(NOTIFY))
    if notify.topic_urn is None:
        return notify
    if notify.topic_urn in auth.topic_urns:
        reader.problem("NOTIFY_TOPIC_URN", "is among SMN_TOPIC_URNS; use two topics", _PEOPLE)
    # The URN names its region, which serves where only DMS_ENDPOINT is set.
    topic_region = region or notify.topic_urn.split(":")[2]
    endpoint = notify.endpoint or parsers.service_endpoint("smn", topic_region)
    return notify._replace(endpoint=endpoint)


def read(
    variables: Mapping[str, str],
    *,
    routes: Iterable[str],
    platform_credentials: bool = False,
    http_entrypoint: bool = False,
) -> Settings:
    """Return the settings in a mapping, or raise SettingsInvalid with all that is wrong.

    `routes` are the sources that have a route, each opened by its secrets;
    `platform_credentials` says that credentials may come with each event instead;
    `http_entrypoint` that every event comes over a route, so that one of them must open.
    """
    reader, routes = _Reader(variables), tuple(routes)
    general = reader.take_all(GENERAL)
    container = general.get("functiongraph_container", False)
    # FunctionGraph sends the keys of its agency with each request to a container.
    platform_credentials = platform_credentials or container
    if http_entrypoint and not container:
        _require_authenticator(reader, routes)
    region = reader.take("HUAWEICLOUD_REGION", REGION, needed=not reader.text("DMS_ENDPOINT"))
    auth = _auth(reader, routes)
    settings = Settings(
        limits=_limits(reader),
        auth=auth,
        outbound=_outbound(reader, region),
        credentials=_credentials(reader, needed=not platform_credentials),
        notify=_notify(reader, region, auth),
        **general,
    )
    if reader.problems:
        raise SettingsInvalid(tuple(reader.problems))
    return settings

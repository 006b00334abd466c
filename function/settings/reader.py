"""Reads settings: any mapping of names to texts, checked whole, every problem in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from ..model.errors import SettingsInvalid
from . import parsers as take
from . import rules
from .model import AuthSettings, Credentials, Limits, OutboundSettings, Settings, secrets_name
from .rules import Setting

ALIASES = {"HUAWEICLOUD_SDK_AK": "CLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK": "CLOUD_SDK_SK"}


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
        alias = ALIASES.get(name, name)
        own = alias if self.given.get(alias) and not self.given.get(name) else name
        self.problems.append(f"{own}: {what}; for example {own}={example}")

    def take(self, name: str, rule: Setting, *, needed: bool = False) -> Any:
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

    def take_all(self, rules: Mapping[str, Setting]) -> dict[str, Any]:
        """Return the fields that are set and right; the defaults serve for the others."""
        taken = {rule.field: self.take(name, rule) for name, rule in rules.items()}
        return {name: value for name, value in taken.items() if value is not None}


def _credentials(reader: _Reader, *, needed: bool) -> Credentials | None:
    """Take a key pair or a token; None where the platform brings them with each event."""
    taken = {name: reader.take(name, rule) for name, rule in rules.CREDENTIALS.items()}
    *keys, token = taken
    given = [name for name in keys if reader.text(name)]
    if reader.text(token):
        for name in given:
            reader.problem(name, f"is set beside {token}; leave one of them empty", "")
        return Credentials(auth_token=taken[token])
    if not needed and not given:
        return None
    for name in keys[:2]:
        if not reader.text(name):
            reader.problem(name, "is missing", rules.CREDENTIALS[name].example)
    return Credentials(*(taken[name] for name in keys))


def _limits(reader: _Reader) -> Limits:
    dry_run = reader.take("DRY_RUN", Setting("", take.flag, "true"), needed=True)
    fields = reader.take_all(rules.LIMITS)
    if reader.given.get("ALLOWED_INSTANCES") is not None and not reader.text("ALLOWED_INSTANCES"):
        reader.problem("ALLOWED_INSTANCES", "is set but empty, which allows nothing", "*")
    for name in ("cooldown", "max_event_age"):
        if name in fields:
            fields[name] = timedelta(seconds=fields[name])
    return Limits(dry_run=dry_run is not False, **fields)


def _proofs(reader: _Reader, routes: Iterable[str]) -> AuthSettings:
    routes = tuple(routes)
    secret = Setting("", take.secrets, rules.SECRET)
    secrets = {route: reader.take(secrets_name(route), secret) or () for route in routes}
    known = Setting(
        "", take.matching_items("|".join(routes), "some of " + ", ".join(routes)), "cloudevents"
    )
    platform = reader.take("PLATFORM_AUTHENTICATED", known) or frozenset()
    return AuthSettings(
        secrets=secrets, platform_authenticated=platform, **reader.take_all(rules.PROOFS)
    )


def _require_authenticator(reader: _Reader, routes: Iterable[str]) -> None:
    """Note when nobody could ever prove himself on any route of the HTTP door."""
    names = (*map(secrets_name, routes), "SMN_TOPIC_URNS", "PLATFORM_AUTHENTICATED")
    if not any(map(reader.text, names)):
        reader.problems.append(
            f"{', '.join(names[:-1])}: set at least one; for example DIRECT_SECRETS={rules.SECRET}"
        )


def _outgoing(reader: _Reader) -> OutboundSettings:
    project = reader.take(
        "HUAWEICLOUD_SDK_PROJECT_ID",
        Setting("", take.project_id, "0123456789abcdef" * 2),
        needed=True,
    )
    endpoint = reader.take("DMS_ENDPOINT", Setting("", take.endpoint, "https://dms.example"))
    region_needed = not reader.text("DMS_ENDPOINT")
    region = reader.take(
        "HUAWEICLOUD_REGION", Setting("", take.region, "eu-west-101"), needed=region_needed
    )
    fields = reader.take_all(rules.OUTGOING)
    return OutboundSettings(endpoint=endpoint or region or "", project_id=project or "", **fields)


def read(
    given: Mapping[str, str],
    *,
    routes: Iterable[str],
    platform_credentials: bool = False,
    http_entrypoint: bool = False,
) -> Settings:
    """Return the settings in a mapping, or raise SettingsInvalid with all that is wrong.

    `routes` are the sources with a route of their own, each opened by its secrets;
    `platform_credentials` says that credentials may come with each event instead;
    `http_door` that every event comes over a route, so that one of them must open.
    """
    reader = _Reader(given)
    rest = reader.take_all(rules.GENERAL)
    container = rest.get("functiongraph_container", False)
    platform_credentials = platform_credentials or container
    if http_entrypoint and not container:
        _require_authenticator(reader, routes)
    settings = Settings(
        limits=_limits(reader),
        auth=_proofs(reader, routes),
        outbound=_outgoing(reader),
        credentials=_credentials(reader, needed=not platform_credentials),
        **rest,
    )
    if reader.problems:
        raise SettingsInvalid(tuple(reader.problems))
    return settings

"""The checks of the set-up: settings, routes, certificate, copies (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ..model.check import CheckResult, Validity, failed, info, passed, unproven
from ..settings.model import AuthSettings, Settings
from .check_cloud import names

# Time to get the next certificate from SMN and to roll it out.
MIN_VALIDITY = timedelta(days=30)
# The 64 hex digits that openssl rand -hex 32 prints have fewer once in 10^18 cases.
MIN_DISTINCT_CHARACTERS = 8
# Words of examples, defaults and guesses; a random secret contains none of them.
GUESSABLE = re.compile(
    rb"password|passwd|secret|changeme|change-me|example|default|admin|letmein|qwerty|kafka"
    rb"|remediat|webhook|token|test|0123456789|123456789|abcdefgh",
    re.IGNORECASE,
)
# The vendor's own hosts; eu-west-101 alone is under .eu.
_REGION_OF_HOST = re.compile(r"dms\.([a-z0-9-]+)\.myhuaweicloud\.(?:com|eu)")
ONE_COPY = (
    "Without LEDGER_URL only one copy of this function may run: two copies know nothing of each "
    "other's calls until the cloud shows them, and may restart an instance twice."
)


def _foreign(urn: str, settings: Settings) -> bool:
    """Tell whether a topic is of another project, or of another region than the endpoint's."""
    _, _, region, project, _ = urn.split(":", 4)
    named = _REGION_OF_HOST.fullmatch(urlsplit(settings.outbound.endpoint).hostname or "")
    elsewhere = named is not None and named.group(1) != region
    return project != settings.outbound.project_id or elsewhere


def _topic_hint(settings: Settings) -> str | None:
    """Return what may be wrong with a topic: a message without a reader is only a line in a log."""
    topics = {"SMN_TOPIC_URNS": settings.auth.topic_urns}
    if settings.notify.topic_urn is not None:
        topics["NOTIFY_TOPIC_URN"] = frozenset({settings.notify.topic_urn})
    foreign = [
        name for name, urns in topics.items() if any(_foreign(urn, settings) for urn in urns)
    ]
    return f"Look at {names(foreign)}: a topic of another project or region." if foreign else None


def settings(settings: Settings) -> CheckResult:
    """Summarize the settings; invalid settings stop the start, so these are valid."""
    limits = settings.limits
    actions = names(action.value for action in limits.enabled_actions)
    sends = "DRY_RUN is true: nothing is sent." if limits.dry_run else "DRY_RUN is false: it acts."
    detail = (
        f"The settings are complete. {sends} Actions: {actions}; "
        f"mode of instances without a tag: {limits.default_mode.value}."
    )
    if settings.notify.topic_urn is not None:
        detail += " Whether messages to NOTIFY_TOPIC_URN arrive was not tried."
    if not limits.cooldown and not limits.max_restarts_per_day:
        return info(
            f"{detail} COOLDOWN_SECONDS and MAX_RESTARTS_PER_DAY are both 0.",
            "Set one of them, or nothing bounds how often an instance is restarted.",
        )
    hint = _topic_hint(settings)
    return info(detail, hint) if hint else passed(detail)


def is_weak(secret: bytes) -> bool:
    """Tell whether a secret can be guessed: a word of examples, a repetition, few characters.

    >>> is_weak(b"changeme-changeme"), is_weak(b"q8Zk3vXw1mT7rYpL5dNc")
    (True, False)
    """
    text = secret.removeprefix(b"whsec_")
    repeats = text in (text + text)[1:-1]
    return repeats or len(set(text)) < MIN_DISTINCT_CHARACTERS or bool(GUESSABLE.search(text))


def _shared_secrets(auth: AuthSettings) -> list[str]:
    """Return the routes that have a secret which opens another route, too."""
    return [
        route
        for route, secrets in auth.secrets.items()
        if any(set(secrets) & set(others) for name, others in auth.secrets.items() if name != route)
    ]


def _route_hints(auth: AuthSettings) -> list[str]:
    """Return what could be better about the routes, each as a sentence that says what to do."""
    hints = []
    weak = [route for route, secrets in auth.secrets.items() if any(map(is_weak, secrets))]
    if weak:
        hints.append(
            f"The secret of {names(weak)} can be guessed: make a new one with openssl rand -hex 32."
        )
    shared = _shared_secrets(auth)
    if shared:
        hints.append(f"{names(shared)} share a secret: give each route its own.")
    if auth.platform_authenticated:
        hints.append(
            f"PLATFORM_AUTHENTICATED opens {names(auth.platform_authenticated)} to everybody who "
            "reaches this service: it must not be reachable from outside."
        )
    return hints


def routes(auth: AuthSettings) -> CheckResult:
    """Say which HTTP routes are open, and whether their secrets are strong."""
    # SMN has no secret: its route is opened by a list of topics.
    known = (*auth.secrets, "smn")
    opened = [route for route in known if auth.is_enabled(route)]
    if not opened:
        return info(
            "No HTTP route is open, so events come only by triggers of the platform.",
            "To take webhooks, set SMN_TOPIC_URNS or the secrets of a route.",
        )
    closed = [route for route in known if route not in opened]
    detail = f"Open: {names(opened)}; closed: {names(closed)}."
    hints = _route_hints(auth)
    return info(detail, " ".join(hints)) if hints else passed(detail)


def certificate(certificates: Sequence[Validity] | None, now: datetime) -> CheckResult:
    """Say how long the certificate lasts that SMN's messages are verified with.

    During a rotation there are several: the one that expires last counts.
    """
    if certificates is None:
        return info("Not needed: SMN_TOPIC_URNS is not set.")
    fix = "Put SMN's current certificate into SMN_CERTIFICATE_FILE, beside the old one."
    valid = [period for period in certificates if period.begin <= now]
    if not valid:
        detail = "No certificate of SMN_CERTIFICATE_FILE is valid yet."
        return failed(detail, f"Look at the clock. {fix}")
    end = max(period.end for period in valid)
    if end <= now:
        return failed(f"SMN's certificate has expired on {end:%Y-%m-%d}.", fix)
    detail = f"SMN's certificate is valid for {(end - now).days} more days, to {end:%Y-%m-%d}."
    return failed(detail, fix) if end - now < MIN_VALIDITY else passed(detail)


def copies(*, shared: bool, problem: str | None) -> CheckResult:
    """Say whether several copies may run; `problem` is why the ledger cannot be used."""
    if not shared:
        fix = "Run one copy, or set LEDGER_URL to a Redis that all copies share."
        return unproven(ONE_COPY, fix)
    if problem is None:
        detail = "The ledger of LEDGER_URL answers, so copies that share it know of each other."
        return passed(detail)
    return failed(
        f"Nothing can be claimed on the ledger of LEDGER_URL: {problem}.",
        "Look at LEDGER_URL and its server; until then every event ends as ledger_unreadable.",
    )

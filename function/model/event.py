"""The types of an event at each stage: raw, unwrapped, parsed.

NamedTuples here and elsewhere: a frozen dataclass takes 0.56 ms to define, a NamedTuple 0.09 ms,
at every cold start. With `from __future__ import annotations` it would take 0.18 ms, because typing
compiles every annotation that is a text; so modules with NamedTuples go without.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

# An instance id in lower case, as it is compared everywhere.
INSTANCE_ID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# Of str, as JSON and comparisons take them; StrEnum needs Python 3.11, and 3.10 is supported.
class Action(str, Enum):
    """What an event may ask for."""

    RESTART = "restart"
    PURGE_FAILED = "purge_failed"
    DELETE = "delete"
    CHECK = "check"
    VERIFY = "verify"


# The actions that change something in the cloud; ENABLED_ACTIONS has to name them.
CHANGING_ACTIONS = frozenset({Action.RESTART, Action.PURGE_FAILED, Action.DELETE})


class Outcome(str, Enum):
    """The outcome of an event, or of one of its instances."""

    ACCEPTED = "accepted"
    PARTIAL = "partial"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    DRY_RUN = "dry_run"
    REJECTED = "rejected"
    PASSED = "passed"


class AuthMethod(str, Enum):
    """How a sender authenticates."""

    PLATFORM = "platform"
    BEARER = "bearer"
    STANDARD_WEBHOOKS = "standard_webhooks"
    GRAFANA = "grafana_signature"
    SMN = "smn_signature"


class RawEvent(NamedTuple):
    """One event as it arrived at an entrypoint; header names are lower-case.

    `channel` is how it came: the name of an HTTP route, or `trigger/` and the kind of trigger.
    """

    channel: str
    body: bytes
    received_at: datetime
    # Read-only, because one default serves all events.
    headers: Mapping[str, str] = MappingProxyType({})
    too_large: bool = False


class SmnSignature(NamedTuple):
    """The signature of an SMN message; `texts` are the texts it may be over, each to be tried."""

    topic_urn: str
    version: str
    signature: str
    texts: tuple[bytes, ...]


class SubscriptionNotice(NamedTuple):
    """A message of SMN about the subscription itself; an expired link is left out."""

    reason: str
    link: str | None = None
    expired: bool = False


class UnwrappedEvent(NamedTuple):
    """An event out of its envelope: source, payload and authentication, the payload not parsed.

    `attributes` are those of a binary-mode CloudEvent, which `payload` is the data of.
    `source` is None for a topic message, whose payload decides, and for what nothing here reads.
    """

    source: str | None
    payload: bytes | str
    auth_methods: tuple[AuthMethod, ...]
    attributes: Mapping[str, str] | None = None
    signature: SmnSignature | None = None
    is_topic_message: bool = False
    notice: SubscriptionNotice | None = None
    id: str | None = None
    sent_at: str | None = None
    name: str | None = None


class Document(NamedTuple):
    """A parsed event that the schema of its source accepts."""

    source: str
    value: Any


class Intent(NamedTuple):
    """What one alert or one request asks for, in a form common to all senders.

    `skip` is the reason why nothing is asked, where the document alone says so.
    `raised_at` is when the alarm began; None where the sender does not say.
    `metric` is the measured metric, compared with ALARM_METRICS; None where labels decide.
    `ended` says that an alarm which would ask for a restart is over: it was resolved, or is ok;
    `ended_at` is when it ended, None where the sender does not say.
    `not_mapped_note` is what to say where the metric asks for no restart.
    """

    action: Action
    instances: tuple[str, ...] = ()
    skip: str | None = None
    raised_at: datetime | None = None
    metric: str | None = None
    ended: bool = False
    ended_at: datetime | None = None
    not_mapped_note: str | None = None


class Event(NamedTuple):
    """One event: what it says of itself, and one intent for each alert or request in it.

    `id` is the sender's id, unique together with the `origin` if there is one.
    """

    intents: tuple[Intent, ...]
    id: str | None = None
    origin: str | None = None
    sent_at: datetime | None = None
    name: str | None = None
    note: str | None = None
    traceparent: str | None = None
    probe: bool = False

    @property
    def action(self) -> Action | None:
        """What the event asks for; None where it asks for nothing."""
        return self.intents[0].action if self.intents else None


class Source(NamedTuple):
    """A kind of event: how it is read, where it may come in, and what it may ask for."""

    parse: Callable[[Any], Event]
    actions: frozenset[Action]
    route: str | None = None
    auth_methods: tuple[AuthMethod, ...] = (AuthMethod.BEARER,)
    alarm: bool = False
    may_probe: bool = False

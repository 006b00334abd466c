"""The types of a check: what was read, and the result of each single check."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from .cloud_state import ApiResponse, InstanceState
from .errors import StateUnreadable


class CheckStatus(str, Enum):
    """The result of a check; `unproven` means that reading cannot show it."""

    PASS = "pass"  # noqa: S105 - a word of the result, no password
    FAIL = "fail"
    UNPROVEN = "unproven"
    INFO = "info"


class CheckResult(NamedTuple):
    """The result of a check and how to fix a failure; never a secret or a foreign text."""

    status: CheckStatus
    detail: str
    fix: str | None = None


def passed(detail: str) -> CheckResult:
    """Return that what was looked at is ready."""
    return CheckResult(CheckStatus.PASS, detail)


def failed(detail: str, fix: str) -> CheckResult:
    """Return that an alarm would fail, and what to do about it."""
    return CheckResult(CheckStatus.FAIL, detail, fix)


def unproven(detail: str, fix: str | None = None) -> CheckResult:
    """Return that reading does not show it."""
    return CheckResult(CheckStatus.UNPROVEN, detail, fix)


def info(detail: str, fix: str | None = None) -> CheckResult:
    """Return something worth knowing that fails no alarm."""
    return CheckResult(CheckStatus.INFO, detail, fix)


class Check(NamedTuple):
    """One check by its name, as the result event has it."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class CheckRequest(NamedTuple):
    """The options of a check: instances to read; `probe` sends one harmless restart call."""

    instances: tuple[str, ...] = ()
    probe: bool = False


class Reach(NamedTuple):
    """How far a connection towards the API came.

    `stage` is the last one that was tried: DNS, TCP, proxy or TLS; `host` is whom it was tried
    with, and `problem` is None where it went well.
    """

    stage: str
    host: str
    problem: str | None = None


class AuthFailure(str, Enum):
    """Why the gateway does not accept credentials, as far as its text tells."""

    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    EXPIRED = "expired"
    OTHER = "other"


class CloudAnswer(NamedTuple):
    """What one answer of the cloud says of the connection itself.

    `clock_skew_seconds` is how far our clock is ahead of the answer's Date; `json` is False for
    what is no JSON document, so perhaps no answer of the API.
    """

    status: int
    error_code: str | None = None
    json: bool = True
    clock_skew_seconds: int | None = None
    clock_skew_rejected: bool = False
    auth_failure: AuthFailure | None = None


class TopicCount(NamedTuple):
    """How many topics an instance has, and how many of them have only one replica."""

    topics: int
    single_replica: int


class Readings(NamedTuple):
    """Everything that was read for one check; what is missing could not be read, or was not tried.

    `problems` are by the kind of read that had one: list, show, tasks, topics, failed_creations.
    `states` are the instances that were shown one by one, `histories` those whose tasks were read;
    `task_names` are the names of those of the last 30 days, `restart_names` those that count as
    restarts. `probed` is the id that the probe named.
    """

    reach: Reach
    answers: tuple[CloudAnswer, ...] = ()
    instances: tuple[InstanceState, ...] | None = None
    failed_creations: tuple[InstanceState, ...] | None = None
    unlisted: int = 0
    states: Mapping[str, InstanceState] = MappingProxyType({})
    histories: tuple[str, ...] = ()
    task_names: frozenset[str] = frozenset()
    restart_names: frozenset[str] = frozenset()
    topics: Mapping[str, TopicCount] = MappingProxyType({})
    problems: Mapping[str, StateUnreadable] = MappingProxyType({})
    probed: str | None = None
    probe: ApiResponse | None = None


class Validity(NamedTuple):
    """From when to when a certificate is valid."""

    begin: datetime
    end: datetime

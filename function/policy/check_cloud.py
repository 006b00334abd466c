"""The checks of the cloud: connection, clock, credentials, permissions, instances (pure).

A cause fails one check only. Checks that could not run because of it are `unproven`, so that only
the check that has to be fixed fails.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from ..model.check import (
    AuthFailure,
    CheckResult,
    CheckStatus,
    Readings,
    failed,
    info,
    passed,
    unproven,
)
from ..model.cloud_state import THROTTLED_CODES, TOLERATED_SKEW_SECONDS
from ..model.errors import StateUnreadable
from ..settings.model import Credentials, Settings

# Beyond five minutes the signatures of senders are refused, beyond 15 every call of ours is.
MAX_SKEW_SECONDS = 300
# The gateway answers, but has no such API: the host is that of another service or region.
NO_SUCH_API_CODES = frozenset({"APIGW.0101", "APIG.0101"})
# An answer about an instance, or an empty list, shows that the project is the right one.
IN_PROJECT_CODES = frozenset({"DMS.00404022", "DMS.40050010"})
# The tenant is frozen: no permission is missing, and none helps.
FROZEN_CODE = "DMS.10240306"
# Ten ids fill four lines of a terminal already.
MAX_NAMES = 10


class Subject(NamedTuple):
    """What the checks of the cloud need: what was read, and the settings it was read with."""

    settings: Settings
    credentials: Credentials | None
    readings: Readings

    @property
    def host(self) -> str:
        """The host of the API."""
        return urlsplit(self.settings.outbound.endpoint).netloc


class AlarmRead(NamedTuple):
    """A kind of read that every alarm makes, and the right that it needs."""

    name: str
    call: str
    permission: str


ALARM_READS = (
    AlarmRead("list", "GET /instances", "dms:instance:list"),
    AlarmRead("show", "GET /instances/{id}", "dms:instance:get"),
    AlarmRead("tasks", "GET /instances/{id}/tasks", "dms:instance:getBackgroundTask"),
)


def names(values: Iterable[str]) -> str:
    """Return values as a part of a sentence, shortened after the first few.

    >>> names(["b", "a"]), names([])
    ('a, b', 'none')
    """
    ordered = sorted(values)
    more = f" and {len(ordered) - MAX_NAMES} more" if len(ordered) > MAX_NAMES else ""
    return (", ".join(ordered[:MAX_NAMES]) + more) if ordered else "none"


def endpoint(subject: Subject) -> CheckResult:
    """Say whether the API answers at the endpoint, and if not, at which stage it ends."""
    reach, answers, host = subject.readings.reach, subject.readings.answers, subject.host
    if any(answer.json and answer.error_code not in NO_SUCH_API_CODES for answer in answers):
        return passed(f"The API answers at {host}.")
    if answers:
        return failed(
            f"HTTP: {host} answered {answers[0].status}, but not as the API of DMS does.",
            "Look at HUAWEICLOUD_REGION or DMS_ENDPOINT, and at proxies on the way.",
        )
    if reach.problem is not None:
        detail = f"{reach.stage}: {reach.host}: {reach.problem}."
        return failed(detail, _ENDPOINT_FIXES[reach.stage])
    if subject.credentials is None:
        return unproven(f"{host} takes connections; without credentials it was not asked anything.")
    return failed(
        f"HTTP: {host} took the connection, but gave no whole answer in time.",
        "Try again; look at what stands on the way to the API, and at its service status.",
    )


_ENDPOINT_FIXES = {
    "DNS": "Look at HUAWEICLOUD_REGION or DMS_ENDPOINT (PROXY_URL), and at the name server here.",
    "TCP": "Look at DMS_ENDPOINT or PROXY_URL, and let connections out: firewall, security group, "
    "NAT gateway or subnet of this place.",
    "proxy": "Look at PROXY_URL, and at what this proxy allows.",
    "TLS": "Look at DMS_ENDPOINT; set CA_BUNDLE_FILE where a proxy on the way has its own roots.",
}


def _skew(subject: Subject) -> int | None:
    # The median: one answer may have waited in a queue on its way.
    skews = [
        answer.clock_skew_seconds
        for answer in subject.readings.answers
        if answer.clock_skew_seconds is not None
    ]
    return sorted(skews)[len(skews) // 2] if skews else None


def clock(subject: Subject) -> CheckResult:
    """Compare our clock with the dates of the answers."""
    skew = _skew(subject)
    rejected = any(answer.clock_skew_rejected for answer in subject.readings.answers)
    if skew is None and not rejected:
        return unproven("No answer of the cloud had a date.")
    direction = "ahead of" if (skew or 0) > 0 else "behind"
    detail = (
        "The cloud refuses our clock."
        if skew is None or (rejected and abs(skew) <= TOLERATED_SKEW_SECONDS)
        else f"The clock of this machine is {abs(skew)} s {direction} the cloud's."
    )
    fix = "Set the clock by NTP."
    if rejected or abs(skew or 0) > MAX_SKEW_SECONDS:
        return failed(detail, fix)
    if abs(skew or 0) > TOLERATED_SKEW_SECONDS:
        return info(f"{detail} The cloud's clock is used.", fix)
    return passed(detail)


_KIND_OF_KEYS = "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"
_AUTH_FIXES = {
    AuthFailure.UNKNOWN_KEY: (
        "The access key does not exist.",
        "Look at HUAWEICLOUD_SDK_AK: it may be mistyped, deleted or disabled in IAM.",
    ),
    AuthFailure.WRONG_SIGNATURE: (
        "The access key exists, but the signature is wrong.",
        "Look at HUAWEICLOUD_SDK_SK: it does not belong to this access key.",
    ),
    AuthFailure.EXPIRED: (
        "The token or the temporary keys have expired.",
        "Use new ones, or an agency of the platform, whose keys renew themselves.",
    ),
    AuthFailure.OTHER: (
        "The cloud does not accept the credentials.",
        "Make new keys in IAM; with temporary keys set HUAWEICLOUD_SDK_SECURITY_TOKEN, too.",
    ),
}


def _kind(credentials: Credentials) -> str:
    if credentials.from_platform:
        return "temporary keys of the platform"
    if credentials.auth_token is not None:
        return "the IAM token of HUAWEICLOUD_AUTH_TOKEN"
    return "the key pair of HUAWEICLOUD_SDK_AK"


def credentials(subject: Subject) -> CheckResult:
    """Say whether the cloud accepts the credentials, and if not, which part of them is wrong."""
    if subject.credentials is None:
        # FunctionGraph passes a container the keys of its agency only where that is configured.
        container = subject.settings.functiongraph_container
        fix = "switch on Include Keys (enable_auth_in_header)" if container else "give it an agency"
        return failed(
            "There are none: the settings have no keys, and the platform sent none.",
            f"Set {_KIND_OF_KEYS}; or, on FunctionGraph, {fix}.",
        )
    answers = subject.readings.answers
    failures = [answer.auth_failure for answer in answers if answer.auth_failure is not None]
    kind = _kind(subject.credentials)
    if failures:
        detail, fix = _AUTH_FIXES[failures[0]]
        return failed(f"{detail} Used: {kind}.", fix)
    # The gateway looks at the signature first: what the service answers itself is behind it.
    accepted = any(
        answer.status in {HTTPStatus.OK, HTTPStatus.FORBIDDEN}
        or (answer.error_code or "").startswith("DMS.")
        for answer in answers
    )
    if accepted and not any(answer.status == HTTPStatus.UNAUTHORIZED for answer in answers):
        return passed(f"The cloud accepts {kind}.")
    return unproven(f"No answer says whether it accepts {kind}.")


def project(subject: Subject) -> CheckResult:
    """Say whether the credentials belong to the project."""
    answers, id_ = subject.readings.answers, subject.settings.outbound.project_id
    codes = {answer.error_code or "" for answer in answers}
    if FROZEN_CODE in codes:
        detail = f"The account of project {id_} is frozen ({FROZEN_CODE})."
        return failed(detail, "Settle it with the vendor's billing.")
    if any(answer.status == 200 or answer.error_code in IN_PROJECT_CODES for answer in answers):
        return passed(f"Project {id_} answers at {subject.host}.")
    unknown = [
        answer
        for answer in answers
        if answer.status == HTTPStatus.NOT_FOUND and answer.error_code not in THROTTLED_CODES
    ]
    if unknown:
        return failed(
            f"Project {id_} is not known at {subject.host} (404: {names(codes)}).",
            "HUAWEICLOUD_SDK_PROJECT_ID and HUAWEICLOUD_REGION have to belong together.",
        )
    refused = [answer for answer in answers if answer.status == HTTPStatus.FORBIDDEN]
    # Codes of the gateway, none of the service: a single missing right would come from DMS.
    if refused and all((answer.error_code or "").startswith("APIG") for answer in refused):
        return failed(
            f"Everything in project {id_} is refused ({names(codes)}).",
            "HUAWEICLOUD_SDK_PROJECT_ID and HUAWEICLOUD_REGION have to belong together, and the "
            "user or agency needs a policy for DMS in this project.",
        )
    return unproven(f"Nothing in project {id_} could be read.")


def _refused(read: AlarmRead, problem: StateUnreadable) -> CheckResult:
    response = problem.response
    code = f" {response.error_code}" if response is not None and response.error_code else ""
    if response is not None and response.status == HTTPStatus.FORBIDDEN:
        return failed(
            f"{read.call} is refused (403{code}): {read.permission} is missing.",
            f"Grant {read.permission} in this project to the user or agency.",
        )
    status = f" ({response.status})" if response is not None and response.status else ""
    return failed(
        f"{read.call}: {problem}{status if code else ''}{code}.",
        "Try again in some minutes; until this can be read, alarms end as state_unreadable.",
    )


def _listed(subject: Subject, read: AlarmRead) -> CheckResult:
    instances = subject.readings.instances
    if instances is None:
        return unproven(f"{read.call} was not answered.")
    if not instances:
        return info(
            f"{read.call} is allowed, and lists no Kafka instance.",
            "Look whether this is the project and the region that the instances are in.",
        )
    return passed(f"{read.call} lists {len(instances)} Kafka instance(s).")


def _read_of_instance(subject: Subject, read: AlarmRead) -> CheckResult:
    readings = subject.readings
    shown = [id_ for id_, state in readings.states.items() if state.status is not None]
    done = shown if read.name == "show" else list(readings.histories)
    if done:
        return passed(f"{read.call} is allowed (tried: {names(done)}).")
    return unproven(f"{read.call} was not tried: no instance is known.")


def alarm_read(subject: Subject, read: AlarmRead) -> CheckResult:
    """Say whether a read that every alarm makes is allowed and works."""
    problem = subject.readings.problems.get(read.name)
    tasks_read = read.name == "tasks" and bool(subject.readings.histories)
    passing = problem is not None and (
        problem.transient
        or (problem.response is not None and problem.response.status != HTTPStatus.FORBIDDEN)
    )
    # One history that could not be read this once says nothing against the others.
    if problem is not None and not (tasks_read and passing):
        return _refused(read, problem)
    return _listed(subject, read) if read.name == "list" else _read_of_instance(subject, read)


def cause(subject: Subject, results: Mapping[str, CheckResult]) -> str | None:
    """Return the name of the failed check that makes all reads of the cloud fail, or None."""
    rejected = any(answer.clock_skew_rejected for answer in subject.readings.answers)
    # A clock that is only noted fails nothing: it is a cause where the cloud refuses it.
    causes = {"endpoint", "credentials", "project", *(("clock",) if rejected else ())}
    failures = (name for name, result in results.items() if result.status is CheckStatus.FAIL)
    return next((name for name in failures if name in causes), None)


def checks(subject: Subject) -> dict[str, CheckResult]:
    """Return the checks from the endpoint to the reads of an alarm, causes before consequences.

    What does not pass because of an earlier failure is `unproven`.
    """
    steps: dict[str, Callable[[Subject], CheckResult]] = {
        "endpoint": endpoint,
        "clock": clock,
        "credentials": credentials,
        "project": project,
        **{read.name: partial(alarm_read, read=read) for read in ALARM_READS},
    }
    results: dict[str, CheckResult] = {}
    for name, step in steps.items():
        result, first = step(subject), cause(subject, results)
        if first is not None and result.status is not CheckStatus.PASS:
            result = unproven(f"Not looked at: see {first}.")
        results[name] = result
    return results

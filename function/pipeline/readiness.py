"""The steps of a check: read what an alarm would read, evaluate it, summarize it.

A check changes nothing; the probe, sent only on request, names an instance that does not exist.
"""

from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

from ..dms import diagnostics
from ..dms.diagnostics import DiagnosticSession
from ..intake import smn_signature
from ..ledger.protocol import Ledger, Times
from ..lib.clock import Clock, Deadline
from ..lib.transport import Client
from ..model.check import CheckRequest, Readings, Validity
from ..model.cloud_state import ApiResponse
from ..model.decision import ActionCall
from ..model.errors import InstanceBusy, LedgerUnreadable
from ..model.result import Summary
from ..policy import check
from ..reporting import check_summary
from ..settings.model import AuthSettings, Credentials, Settings

LEDGER_TARGET = "check"  # no instance has this id
LEDGER_TIMES = Times(lambda: 0.0, lambda: 1.0)  # each step of a ledger has a bound of its own
Announce = Callable[[ActionCall], None]


class Means(NamedTuple):
    """What a check works with: the settings, and how it reaches the cloud."""

    settings: Settings
    credentials: Credentials | None
    clock: Clock
    deadline: Deadline
    ledger: Ledger
    http_client: Callable[..., Client] = Client


def _certificates(auth: AuthSettings) -> tuple[Validity, ...] | None:
    """Return the certificates that SMN's messages are verified with; None where it has no route."""
    if not auth.topic_urns:
        return None
    file = auth.certificate_file or smn_signature.DEFAULT_CERTIFICATES
    return tuple(
        Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        for certificate in smn_signature.certificates(file)
    )


def _response(readings: Readings) -> ApiResponse | None:
    """Return the answer to the probe, or else to the first read that failed."""
    # The result has room for one answer of the cloud: the one that an operator asks about.
    replies = (problem.response for problem in readings.problems.values())
    return readings.probe or next((reply for reply in replies if reply is not None), None)


def _ledger_problem(ledger: Ledger) -> str | None:
    """Return why nothing can be claimed on the ledger and given up, as every event does.

    Reading proves less: a replica is read, and so is a server that is full, or too old for scripts
    that write.
    """
    try:
        with ledger.claim((LEDGER_TARGET,), LEDGER_TIMES) as claim:
            pass
    except InstanceBusy:  # by another check
        return None
    except LedgerUnreadable as problem:
        return str(problem)
    return claim.problem


def run(request: CheckRequest, means: Means, *, announce: Announce) -> Summary:
    """Check whether everything is ready; `announce` is called before the probe is sent."""
    settings, now = means.settings, means.clock.now()
    probe = check.probe_call(request, settings.limits, str(uuid4()))
    session = DiagnosticSession(
        settings.outbound,
        means.credentials,
        clock=means.clock,
        deadline=means.deadline,
        http_client=means.http_client,
    )
    try:
        readings = diagnostics.read(
            session, request, settings.limits, probe=probe, announce=announce, now=now
        )
    finally:
        session.close()
    checked = check.Checked(
        settings=settings,
        credentials=means.credentials,
        request=request,
        readings=readings,
        certificates=_certificates(settings.auth),
        ledger_problem=_ledger_problem(means.ledger),
    )
    return check_summary.checked(
        check.checks(checked, now),
        probe=probe,
        response=_response(readings),
        attempts=session.attempts,
    )

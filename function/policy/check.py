"""Check whether everything is ready for an alarm: from what was read to the checks (pure)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ..model.check import Check, CheckRequest, Readings, Validity
from ..model.decision import ActionCall
from ..model.errors import ActionNotForSource
from ..model.event import Action, Event, Source
from ..settings.model import Credentials, Limits, Settings
from . import action_requests, check_cloud, check_instances, check_setup


class Checked(NamedTuple):
    """What a check has read.

    `certificates` are those that SMN's messages are verified with, None where SMN has no route;
    `ledger_problem` is why nothing can be claimed on the ledger, None where something can.
    """

    settings: Settings
    credentials: Credentials | None
    request: CheckRequest
    readings: Readings
    certificates: Sequence[Validity] | None = None
    ledger_problem: str | None = None


def request(event: Event, source: Source) -> CheckRequest:
    """Return the options of a check, or raise ActionNotForSource.

    The age of the event does not matter: a check changes nothing, and it has to report a wrong
    clock.
    """
    if Action.CHECK not in source.actions:
        raise ActionNotForSource("this source may not ask for check")
    if event.probe and not source.may_probe:
        raise ActionNotForSource("only POST /direct may ask for a check with probe")
    return CheckRequest(event.intents[0].instances, event.probe)


def probe_call(request: CheckRequest, limits: Limits, instance: str) -> ActionCall | None:
    """Return the probe that a check may send: a restart of an instance that exists nowhere."""
    # Without `restart` in ENABLED_ACTIONS no call of that kind is ever sent, a probe included.
    if not request.probe or Action.RESTART not in limits.enabled_actions:
        return None
    return action_requests.restart(action_requests.RestartRequest((instance,)))


def checks(checked: Checked, now: datetime) -> tuple[Check, ...]:
    """Return all checks, in the order in which an operator would fix failures."""
    settings, readings, request = checked.settings, checked.readings, checked.request
    limits, shared = settings.limits, settings.ledger_url is not None
    results = {
        "settings": check_setup.settings(settings),
        **check_cloud.checks(check_cloud.Subject(settings, checked.credentials, readings)),
        "restart_task_names": check_instances.restart_task_names(readings, limits),
        "failed_creations": check_instances.failed_creations(readings, limits),
        "restart_permission": check_instances.restart_permission(readings, request, limits),
        "purge_permission": check_instances.purge_permission(limits),
        "instances": check_instances.instances(readings, request, limits, now),
        "routes": check_setup.routes(settings.auth),
        "certificate": check_setup.certificate(checked.certificates, now),
        "copies": check_setup.copies(shared=shared, problem=checked.ledger_problem),
    }
    return tuple(Check(name, *result) for name, result in results.items())

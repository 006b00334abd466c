"""The checks of instances: task history, failed creations, permissions to act (pure)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from http import HTTPStatus

from ..model.check import (
    CheckRequest,
    CheckResult,
    Readings,
    TopicCount,
    failed,
    info,
    passed,
    unproven,
)
from ..model.cloud_state import ApiResponse, InstanceState
from ..model.event import Action
from ..settings.model import Limits
from .call_result import CallResult, classify_instance
from .check_cloud import names
from .modes import TAG, mode_of, tag_mode

# The one answer that names the instance as the problem, so the right was there.
NOT_FOUND_CODE = "DMS.00404022"
# Roles name the first for a restart; identity policies list only the second for this call.
MODIFY = "dms:instance:modifyStatus"
DELETE = "dms:instance:delete"


def restart_task_names(readings: Readings, limits: Limits) -> CheckResult:
    """Say which background tasks the instances show, and which of them count as restarts."""
    if not readings.histories:
        return unproven("No background tasks could be read.")
    pattern = f"RESTART_TASK_PATTERN ({limits.restart_task_pattern})"
    looked = f"{len(readings.histories)} instance(s), 30 days"
    others = names(readings.task_names - readings.restart_names)
    if readings.restart_names:
        matching = names(readings.restart_names)
        return passed(f"{pattern} matches {matching}; other tasks: {others} ({looked}).")
    if not readings.task_names:
        return unproven(
            f"No background task was seen, so no name of a restart either ({looked}).",
            "Restart one instance in the console, then check again.",
        )
    return unproven(
        f"{pattern} matches none of the tasks seen: {others} ({looked}).",
        "If one of these is a restart, set RESTART_TASK_PATTERN to a part of its name; else "
        "restart one instance in the console, then check again.",
    )


def failed_creations(readings: Readings, limits: Limits) -> CheckResult:
    """Say what the listing shows that a purge would remove."""
    enabled = Action.PURGE_FAILED in limits.enabled_actions
    problem = readings.problems.get("failed_creations")
    if readings.failed_creations is None:
        # The same call as `list`, with one more parameter: `list` reports a missing permission.
        broken = enabled and problem is not None and readings.instances is not None
        detail = f"The listing could not be read: {problem}." if problem else "Not looked at."
        if not broken:
            return unproven(detail)
        return failed(detail, "Try again; until then a purge ends as state_unreadable.")
    listed = readings.failed_creations
    number = len(listed) + readings.unlisted
    if not number:
        return unproven("The listing shows none; whether it would is not documented by the vendor.")
    shown = names(state.id for state in listed)
    unlisted = f", and counts {readings.unlisted} more" if readings.unlisted else ""
    detail = f"The listing shows {len(listed)} ({shown}){unlisted}."
    if enabled and number > limits.max_purge:
        most = f"MAX_PURGE ({limits.max_purge})"
        return info(detail, f"A purge refuses more than {most}: look at them, or raise it.")
    if enabled and any(state.id in limits.blocked for state in listed):
        return info(detail, "A purge refuses, because one of them is in BLOCKED_INSTANCES.")
    return info(detail)


def _probed(response: ApiResponse, instance: str) -> CheckResult:
    """Say what the answer to the probe shows; it named an instance that does not exist."""
    code = f" {response.error_code}" if response.error_code else ""
    if response.status == HTTPStatus.FORBIDDEN:
        return failed(
            f"POST /instances/action is refused (403{code}): {MODIFY} is missing.",
            f"Grant {MODIFY} in this project to the user or agency; identity policies list only "
            f"{DELETE} for this call, so grant both.",
        )
    row = classify_instance(CallResult.PER_INSTANCE, response, instance)
    refused_row = response.status == HTTPStatus.OK and row is CallResult.REFUSED
    if refused_row or response.error_code == NOT_FOUND_CODE:
        detail = "refused it for the instance, which does not exist, and not for a right"
        return passed(f"Probe {instance}: the cloud {detail}.")
    if response.status in {None, HTTPStatus.UNAUTHORIZED}:
        return unproven("The probe had no answer that says it.")
    return unproven(f"The probe was answered {response.status}{code}, which does not say it.")


def restart_permission(readings: Readings, request: CheckRequest, limits: Limits) -> CheckResult:
    """Say whether the credentials may restart, as far as that can be known without a restart."""
    if Action.RESTART not in limits.enabled_actions:
        return info("Not needed: ENABLED_ACTIONS does not name restart.")
    if readings.probe is not None:
        return _probed(readings.probe, readings.probed or "")
    detail = f"Reading does not prove {MODIFY}."
    if request.probe:
        return unproven(f"{detail} The probe was not sent.")
    return unproven(
        detail,
        'Prove it with a probe: {"action":"check","probe":true} to POST /direct, or check --probe.',
    )


def purge_permission(limits: Limits) -> CheckResult:
    """Say that only a real purge would show that purges are allowed."""
    if Action.PURGE_FAILED not in limits.enabled_actions:
        return info("Not needed: ENABLED_ACTIONS has no purge_failed.")
    return unproven(f"Nothing but a purge proves {DELETE} and {MODIFY}.")


class _Notes:
    """Collects sentences about instances, and problems with their fixes."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.failures: list[str] = []
        self.hints: list[str] = []
        self.unproven = False

    def result(self) -> CheckResult:
        """Return the result; the worst problem decides its status."""
        detail, fix = " ".join(self.sentences), " ".join([*self.failures, *self.hints])
        if self.failures:
            return failed(detail, fix)
        if self.hints:
            return info(detail, fix)
        return unproven(detail) if self.unproven else passed(detail)


def _asked(notes: _Notes, id_: str, readings: Readings, limits: Limits, now: datetime) -> None:
    """Note what is known of an instance that the check was asked about."""
    listed = {state.id: state for state in readings.instances or ()}
    state = listed.get(id_) or readings.states.get(id_)
    if state is None:
        notes.unproven = True
        notes.sentences.append(f"{id_} could not be read.")
    elif state.status is None:
        notes.sentences.append(f"{id_} does not exist in this project.")
        notes.failures.append("Look at the id, the project and the region.")
    # A row may leave its engine out; the listing asked for Kafka.
    elif state.engine not in {"kafka", None}:
        notes.sentences.append(f"{id_} is no Kafka instance.")
        notes.failures.append("Ask for a Kafka instance.")
    else:
        mode = mode_of(state.tags, limits.default_mode, now).value
        topics = _topics(readings.topics.get(id_))
        notes.sentences.append(f"{id_} is {state.status}, mode {mode}.{topics}")
        if id_ in limits.blocked:
            notes.hints.append(f"{id_} is in BLOCKED_INSTANCES, so nothing will be done with it.")
        elif limits.allowed is not None and id_ not in limits.allowed:
            notes.hints.append(f"{id_} is not in ALLOWED_INSTANCES: nothing will be done with it.")


def _topics(count: TopicCount | None) -> str:
    if count is None:
        return " Its topics could not be read (dms:topic:list)."
    if not count.single_replica:
        return f" None of the {count.topics} topic(s) looked at has a single replica."
    return (
        f" {count.single_replica} of the {count.topics} topic(s) looked at have one replica: "
        "their clients are cut off during a restart."
    )


def _configured(notes: _Notes, listed: tuple[InstanceState, ...], limits: Limits) -> None:
    """Note the ids of the settings that no instance has."""
    ids = {state.id for state in listed}
    unknown = limits.blocked - ids
    if unknown:
        notes.sentences.append(f"BLOCKED_INSTANCES names unknown ids: {names(unknown)}.")
        notes.hints.append("Correct BLOCKED_INSTANCES: a mistyped id protects nothing.")
    if limits.allowed is None:
        return
    unknown = limits.allowed - ids
    if unknown:
        notes.sentences.append(f"ALLOWED_INSTANCES names unknown ids: {names(unknown)}.")
        notes.hints.append("Correct ALLOWED_INSTANCES: a mistyped id allows nothing.")
    if not (limits.allowed & ids) - limits.blocked:
        notes.sentences.append("No instance is allowed and not blocked: nothing can be restarted.")
        notes.failures.append("Name in ALLOWED_INSTANCES what may be restarted.")


def _modes(notes: _Notes, listed: tuple[InstanceState, ...], limits: Limits, now: datetime) -> None:
    """Count the modes, and name the tags that are none."""
    modes = Counter(
        mode_of(state.tags, limits.default_mode, now).value
        for state in listed
        if state.tags is not None
    )
    if modes:
        counts = ", ".join(f"{mode} {number}" for mode, number in sorted(modes.items()))
        notes.sentences.append(f"Modes: {counts}.")
    odd = [
        state.id
        for state in listed
        if (tagged := tag_mode(state.tags, now)) is not None and not tagged.understood
    ]
    if odd:
        notes.sentences.append(f"The tag {TAG} is no mode, and counts as off, on {names(odd)}.")
        notes.hints.append(f"Set the tag {TAG} to act, observe or off.")


def instances(
    readings: Readings, request: CheckRequest, limits: Limits, now: datetime
) -> CheckResult:
    """Say which instances there are, and whether those that are named anywhere exist."""
    notes, listed = _Notes(), readings.instances
    if listed is None:
        notes.unproven = True
        notes.sentences.append("The instances could not be listed.")
    else:
        notes.sentences.append(f"{len(listed)} Kafka instance(s) in the project.")
        unwell = [f"{state.id} {state.status}" for state in listed if state.status != "RUNNING"]
        if unwell:
            notes.sentences.append(f"Not RUNNING: {names(unwell)}.")
        _modes(notes, listed, limits, now)
        _configured(notes, listed, limits)
    for id_ in request.instances:
        _asked(notes, id_, readings, limits, now)
    return notes.result()

"""Check whether restarts helped: when an alarm has ended, and on a schedule.

Both only read. A follow-up never makes its event fail: a failed read is only reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..dms import survey
from ..dms.inventory import Inventory
from ..dms.observe import history_start
from ..dms.session import DmsSession
from ..ledger.protocol import Claim
from ..lib.clock import Clock
from ..model.cloud_state import InstanceState, Observation
from ..model.errors import StateUnreadable
from ..model.result import Summary
from ..policy import follow_up, sent_calls, verify
from ..policy.follow_up import Assessment, EndedAlarm
from ..reporting import summarize
from ..settings.model import Limits


def _now(session: DmsSession, clock: Clock) -> datetime:
    """Return the time of day by the clock of the cloud, which dates the history."""
    seen = Observation(clock_skew_seconds=session.clock_skew_seconds)
    return seen.cloud_time(clock.now())


def after_alarms(
    session: DmsSession, alarms: Mapping[str, EndedAlarm], limits: Limits, clock: Clock
) -> tuple[Assessment, ...]:
    """Read the instances whose alarm has ended: two calls for each, neither repeated."""
    inventory = Inventory(session, until=session.deadline.confirm_until, repeats=0)
    since = {id_: history_start(alarm.raised_at, clock.now()) for id_, alarm in alarms.items()}
    readings = survey.read_each(inventory, since, {}, limits)
    now = _now(session, clock)
    return tuple(
        follow_up.unreadable(id_, reading)
        if isinstance(reading, StateUnreadable)
        else follow_up.judge(reading, alarms[id_], limits, now)
        for id_, reading in readings.items()
    )


def _listed(inventory: Inventory) -> Mapping[str, InstanceState]:
    """Return every instance of the project, or raise StateUnreadable."""
    rows, total = inventory.with_deadline(inventory.instances)
    # An instance beyond the list may be the one that hangs: better no verdict than half of one.
    if len(rows) < total:
        raise StateUnreadable("the list of instances is not complete", transient=True)
    return {row.id: row for row in rows}


def on_schedule(session: DmsSession, claim: Claim, limits: Limits, clock: Clock) -> Summary:
    """Read every instance that is not RUNNING, and those with a restart in the ledger.

    The ledger is updated with what was read, so a finished restart is reported once and removed.
    Raises StateUnreadable where the list of instances cannot be read.
    """
    inventory = Inventory(session, until=session.deadline.confirm_until)
    listed = _listed(inventory)
    sent = sent_calls.newest_restarts(claim.calls, _now(session, clock))
    chosen = verify.to_read(listed, sent)
    since = dict.fromkeys(chosen, clock.now() - verify.HISTORY)
    readings = survey.read_each(inventory, since, listed, limits)
    states = {id_: state for id_, state in readings.items() if isinstance(state, InstanceState)}
    claim.learn(sent_calls.learned_from_states(claim.calls, states))
    now = _now(session, clock)
    results = [
        verify.unreadable(id_, reading)
        if isinstance(reading, StateUnreadable)
        else verify.judge(reading, sent.get(id_), limits, now)
        for id_, reading in readings.items()
    ]
    stopped = [state for state in listed.values() if state.status != follow_up.RUNNING]
    results += [verify.unread(state) for state in stopped if state.id not in readings]
    responses = (
        reading.response for reading in readings.values() if isinstance(reading, StateUnreadable)
    )
    return summarize.verification(
        [result.verdict for result in results],
        notes=[result.note for result in results if result.note],
        listed=len(listed),
        response=next((response for response in responses if response is not None), None),
    )

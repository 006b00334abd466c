"""Execute: which calls are sent again, and which unknown results reads resolve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.cloud_state import ApiResponse, InstanceState
from function.model.decision import ActionCall, Decision, Ending, ExecutionResult, Verdict
from function.model.errors import StateUnreadable
from function.model.event import CHANGING_ACTIONS, Action, Outcome, Source
from function.policy import action_requests, call_result, execute
from function.policy.call_result import CallResult
from tests.factories import AUDIT, NOW, ORDERS, PAYMENTS, REQUESTS, read, state, task

NEVER = ApiResponse(possibly_sent=False)
LOST = ApiResponse(possibly_sent=True)
THROTTLED = ApiResponse(possibly_sent=True, status=429, retry_after="0")
BUSY = ApiResponse(possibly_sent=True, status=400, document={"error_code": "DMS.00400026"})
PURGED = ApiResponse(possibly_sent=True, status=204)
Look = Mapping[str, InstanceState] | None


def rows(**words: str) -> ApiResponse:
    ids = {"orders": ORDERS, "payments": PAYMENTS, "audit": AUDIT}
    listed = [{"result": word, "instance": ids[name]} for name, word in words.items()]
    return ApiResponse(possibly_sent=True, status=200, document={"results": listed})


class Script:
    """An action port with scripted responses and states, after which time is over."""

    platform_credentials = False

    def __init__(
        self, *replies: ApiResponse, looks: tuple[Look, ...] = (), patience: int = 9
    ) -> None:
        self.replies, self.looks = list(replies), list(looks)
        self.sent: list[ActionCall] = []
        self.looked: list[tuple[str, ...]] = []
        self.waits: list[float] = []
        self.pauses: list[float] = []
        self.patience = patience
        self.problem = StateUnreadable("no answer")

    def send(self, call: ActionCall) -> ApiResponse:
        self.sent.append(call)
        return self.replies.pop(0)

    def read_states(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        self.looked.append(instances)
        states = self.looks.pop(0) if self.looks else None
        if states is None:
            raise self.problem
        return {id_: states[id_] for id_ in instances}

    def now(self) -> datetime:
        return NOW

    def sleep_before_send(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) <= self.patience

    def sleep_before_read(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return bool(self.looks)


def shown(*states: InstanceState) -> Mapping[str, InstanceState]:
    return {state.id: state for state in states}


BEFORE = shown(state(ORDERS), state(PAYMENTS), state(AUDIT))


def call_of(action: Action, ids: tuple[str, ...]) -> ActionCall:
    if action is Action.RESTART:
        return action_requests.restart(action_requests.RestartRequest(ids))
    if action is Action.DELETE:
        return action_requests.delete(action_requests.DeleteRequest(ids))
    asker = Source(parse=read, actions=REQUESTS.actions)
    return action_requests.purge(action_requests.PurgeRequest(allowed_actions=asker.actions))


def carried(
    port: Script,
    *ids: str,
    action: Action = Action.RESTART,
    before: Mapping[str, InstanceState] = BEFORE,
    settled: tuple[Verdict, ...] = (),
) -> ExecutionResult:
    verdicts = tuple(Verdict(id_, status="ERROR") for id_ in ids)
    decision = Decision(action, settled + verdicts)
    return execute.execute(decision, call_of(action, ids or (ORDERS,)), before, port)


def results(execution: ExecutionResult) -> dict[str, tuple[Any, str | None]]:
    return {verdict.id: (verdict.outcome, verdict.reason) for verdict in execution.verdicts}


def test_unsent_call_is_retried_twice_then_failed() -> None:
    port = Script(NEVER, NEVER, NEVER)

    execution = carried(port, ORDERS)

    assert results(execution) == {ORDERS: (Outcome.FAILED, "not_sent")}
    assert (len(port.sent), execution.attempts) == (3, 0)
    assert port.waits == [0.1, 0.2]
    assert execution.verdicts[0].retryable
    assert not execution.verdicts[0].needs_human


def test_throttled_reads_end_the_confirmation() -> None:
    port = Script(rows(orders="success"), looks=(None, None))
    port.problem = StateUnreadable("throttled", response=THROTTLED)

    execution = carried(port, ORDERS)

    assert results(execution) == {ORDERS: (Outcome.ACCEPTED, None)}
    assert len(port.looked) == 1


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        ("2", [2.0]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", [0.0]),
        (None, []),
        ("soon", []),
    ],
)
def test_a_throttled_call_waits_as_long_as_the_cloud_asks(
    retry_after: str | None, waits: list[float]
) -> None:
    port = Script(THROTTLED._replace(retry_after=retry_after), PURGED)

    carried(port, action=Action.PURGE_FAILED)

    assert port.waits == waits


def test_nothing_is_tried_again_when_there_is_no_time_to_wait() -> None:
    port = Script(NEVER, patience=0)

    assert results(carried(port, ORDERS)) == {ORDERS: (Outcome.FAILED, "not_sent")}
    assert len(port.sent) == 1


def test_deadline_before_send_is_not_retried() -> None:
    port = Script(ApiResponse(possibly_sent=False, timed_out=True))

    assert results(carried(port, ORDERS)) == {ORDERS: (Outcome.FAILED, "deadline")}
    assert port.waits == []


def test_a_throttled_call_is_sent_once_more() -> None:
    port = Script(THROTTLED, PURGED)

    execution = carried(port, action=Action.PURGE_FAILED)

    assert (execution.ending, execution.attempts) == (Ending(Outcome.ACCEPTED), 2)


def test_a_call_throttled_twice_is_failed_and_may_be_tried_later() -> None:
    port = Script(THROTTLED, THROTTLED)

    execution = carried(port, ORDERS)

    assert results(execution) == {ORDERS: (Outcome.FAILED, "throttled")}
    assert execution.verdicts[0].retryable
    assert execution.attempts == 2


@pytest.mark.parametrize("action", sorted(CHANGING_ACTIONS))
def test_a_call_that_may_have_arrived_is_never_sent_again(action: Action) -> None:
    port = Script(LOST, looks=())

    execution = carried(port, ORDERS, action=action)

    assert len(port.sent) == 1
    assert results(execution) == {ORDERS: (Outcome.UNKNOWN, "unclear")}
    assert execution.verdicts[0].needs_human
    assert not execution.verdicts[0].retryable


RESTARTING = shown(state(ORDERS, status="RESTARTING"))
RUNNING = (task(id="new", status="EXECUTING"),)
SOON = shown(state(ORDERS, restart_tasks=RUNNING))
OVER = shown(state(ORDERS, "RUNNING", restart_tasks=(task(id="new", status="SUCCESS"),)))
AS_BEFORE = shown(state(ORDERS))


@pytest.mark.parametrize(
    "looks", [(RESTARTING,), (AS_BEFORE, None, RESTARTING), (SOON, RESTARTING), (SOON,), (OVER,)]
)
def test_lost_response_is_resolved_by_a_visible_restart(looks: tuple[Look, ...]) -> None:
    port = Script(LOST, looks=looks)

    execution = carried(port, ORDERS)

    assert results(execution) == {ORDERS: (Outcome.ACCEPTED, "seen_restarting")}
    assert not execution.verdicts[0].needs_human
    assert port.looks == []


def test_earlier_restart_does_not_resolve_a_lost_response() -> None:
    old = shown(state(ORDERS, restart_tasks=(task(id="old"),)))
    port = Script(LOST, looks=(old, old))

    assert results(carried(port, ORDERS, before=old)) == {ORDERS: (Outcome.UNKNOWN, "unclear")}


@pytest.mark.parametrize("status", ["DELETING", "RECYCLE", "DELETED", None])
def test_lost_delete_response_is_resolved_by_the_missing_instance(status: str | None) -> None:
    port = Script(LOST, looks=(AS_BEFORE, shown(state(ORDERS, status=status))))

    execution = carried(port, ORDERS, action=Action.DELETE)

    assert results(execution) == {ORDERS: (Outcome.ACCEPTED, None)}


def test_a_deletion_that_does_not_show_stays_unknown() -> None:
    port = Script(LOST, looks=(AS_BEFORE, RESTARTING))

    execution = carried(port, ORDERS, action=Action.DELETE)

    assert results(execution) == {ORDERS: (Outcome.UNKNOWN, "unclear")}


def test_nothing_is_read_for_a_purge() -> None:
    port = Script(LOST, looks=(AS_BEFORE,))

    execution = carried(port, action=Action.PURGE_FAILED)

    assert execution.ending == Ending(Outcome.UNKNOWN, "unclear", needs_human=True)
    assert port.looked == []


def test_accepted_restart_is_polled_and_stays_accepted() -> None:
    port = Script(rows(orders="success"), looks=(AS_BEFORE, RESTARTING))
    assert results(carried(port, ORDERS)) == {ORDERS: (Outcome.ACCEPTED, None)}
    assert len(port.looked) == 2

    port = Script(rows(orders="success"), looks=(AS_BEFORE, None))
    assert results(carried(port, ORDERS)) == {ORDERS: (Outcome.ACCEPTED, None)}


def test_an_accepted_deletion_is_not_watched() -> None:
    port = Script(rows(orders="success"), looks=(AS_BEFORE,))

    assert results(carried(port, ORDERS, action=Action.DELETE)) == {
        ORDERS: (Outcome.ACCEPTED, None)
    }
    assert port.looked == []


def test_every_instance_has_its_own_row_and_only_open_ones_are_looked_at() -> None:
    both = shown(state(ORDERS, "RESTARTING"), state(AUDIT, "RESTARTING"))
    refused = shown(state(PAYMENTS))
    port = Script(rows(orders="success", payments="failed"), looks=(refused, both))

    execution = carried(port, ORDERS, PAYMENTS, AUDIT)

    assert results(execution) == {
        ORDERS: (Outcome.ACCEPTED, None),
        PAYMENTS: (Outcome.FAILED, "refused"),
        AUDIT: (Outcome.ACCEPTED, "seen_restarting"),
    }
    assert port.looked == [(PAYMENTS,), tuple(sorted((ORDERS, AUDIT)))]
    assert execution.verdicts[1].needs_human


def test_a_row_that_failed_for_what_restarts_already_is_no_failure() -> None:
    both = shown(state(ORDERS, "RESTARTING"), state(PAYMENTS, "RESTARTING"))
    port = Script(rows(orders="success", payments="failed"), looks=(both, both))

    execution = carried(port, ORDERS, PAYMENTS)

    assert results(execution) == {
        ORDERS: (Outcome.ACCEPTED, None),
        PAYMENTS: (Outcome.SKIPPED, "already_restarting"),
    }
    assert not any(verdict.needs_human for verdict in execution.verdicts)


@pytest.mark.parametrize(("reply", "reason"), [(BUSY, "busy"), (rows(orders="failed"), "refused")])
def test_a_deletion_is_looked_at_once_more_just_as_well(reply: ApiResponse, reason: str) -> None:
    restarting = carried(Script(reply, looks=(RESTARTING,)), ORDERS, action=Action.DELETE)
    resting = carried(Script(reply, looks=(AS_BEFORE,)), ORDERS, action=Action.DELETE)

    assert results(restarting) == {ORDERS: (Outcome.SKIPPED, "already_restarting")}
    assert results(resting) == {ORDERS: (Outcome.FAILED, reason)}


def test_purge_row_that_says_failed_counts() -> None:
    port = Script(rows(orders="failed", audit="success"))

    execution = carried(port, ORDERS, PAYMENTS, AUDIT, action=Action.PURGE_FAILED)

    assert results(execution) == {
        ORDERS: (Outcome.FAILED, "refused"),
        PAYMENTS: (Outcome.ACCEPTED, None),
        AUDIT: (Outcome.ACCEPTED, None),
    }


@pytest.mark.parametrize("reply", [LOST, rows(orders="success")])
@pytest.mark.parametrize(
    ("looks", "number"),
    [
        ((SOON, SOON, RESTARTING, OVER), 3),  # events that count restarts see the status only
        ((AS_BEFORE, OVER, RESTARTING), 2),
        ((RESTARTING, OVER), 1),
        ((shown(state(ORDERS, "RESTARTING", restart_tasks=RUNNING)), OVER), 1),
    ],
)
def test_a_restart_is_watched_until_the_status_shows_it_or_it_is_over(
    looks: tuple[Look, ...], number: int, reply: ApiResponse
) -> None:
    earlier = task(id="old", status="SUCCESS")
    looks = tuple(
        look
        and {ORDERS: look[ORDERS]._replace(restart_tasks=(*look[ORDERS].restart_tasks, earlier))}
        for look in looks
    )
    port = Script(reply, looks=looks)

    execution = carried(port, ORDERS, before=shown(state(restart_tasks=(earlier,))))

    assert execution.verdicts[0].outcome is Outcome.ACCEPTED
    assert len(port.looked) == number
    assert execution.states == looks[number - 1]  # for the ledger


def test_confirmed_instances_are_not_read_again() -> None:
    first = shown(state(ORDERS, "RESTARTING"), state(PAYMENTS))
    second = shown(state(PAYMENTS, "RESTARTING"))
    port = Script(LOST, looks=(first, second, first))

    carried(port, ORDERS, PAYMENTS)

    assert port.looked == [(ORDERS, PAYMENTS), (PAYMENTS,)]


def test_the_first_look_is_at_once_and_later_ones_come_after_pauses_of_up_to_a_second() -> None:
    port = Script(rows(orders="success"), looks=(AS_BEFORE,) * 6)

    carried(port, ORDERS)

    assert port.pauses == [0, 0.1, 0.2, 0.4, 0.8, 1, 1]


def test_a_busy_instance_is_read_once_more_and_what_restarts_already_is_skipped() -> None:
    port = Script(BUSY, looks=(shown(state(ORDERS, "RESTARTING"), state(PAYMENTS)), AS_BEFORE))

    execution = carried(port, ORDERS, PAYMENTS)

    assert results(execution) == {
        ORDERS: (Outcome.SKIPPED, "already_restarting"),
        PAYMENTS: (Outcome.FAILED, "busy"),
    }
    assert execution.verdicts[0].status == "RESTARTING"
    assert [verdict.retryable for verdict in execution.verdicts] == [False, True]
    assert len(port.looked) == 1


def test_busy_remains_when_the_reread_fails() -> None:
    assert results(carried(Script(BUSY, looks=(None,)), ORDERS)) == {
        ORDERS: (Outcome.FAILED, "busy")
    }


def test_verdicts_made_before_the_call_are_kept() -> None:
    skipped = Verdict(AUDIT, Outcome.SKIPPED, "cooldown")
    port = Script(rows(orders="success", audit="failed"), looks=(RESTARTING,))

    execution = carried(port, ORDERS, settled=(skipped,))

    assert execution.verdicts[0] is skipped


REPLIES = st.sampled_from(
    [
        *(NEVER, ApiResponse(possibly_sent=False, timed_out=True), LOST, THROTTLED, BUSY, PURGED),
        *(rows(), rows(orders="success"), rows(orders="failed"), rows(orders="sucess")),
        *(
            ApiResponse(possibly_sent=True, status=status)
            for status in (200, 302, 400, 401, 403, 500, 503)
        ),
    ]
)


@given(
    st.lists(REPLIES, min_size=3, max_size=3),
    st.lists(st.sampled_from([None, AS_BEFORE, RESTARTING, SOON]), max_size=4),
    st.sampled_from(sorted(CHANGING_ACTIONS)),
    st.integers(0, 3),
)
def test_no_sequence_resends_a_call_that_may_have_been_done(
    replies: list[ApiResponse], looks: list[Look], action: Action, patience: int
) -> None:
    port = Script(*replies, looks=tuple(looks), patience=patience)

    execution = carried(port, ORDERS, action=action)

    call, used = port.sent[0], replies[: len(port.sent)]
    result = [call_result.classify(reply, call, platform_credentials=False) for reply in used]
    assert set(result[:-1]) <= {CallResult.NOT_SENT, CallResult.THROTTLED}
    assert result[:-1].count(CallResult.THROTTLED) <= 1
    assert execution.attempts == sum(reply.possibly_sent for reply in used)
    assert {one is call or one == call for one in port.sent} == {True}
    (verdict,) = execution.verdicts
    assert verdict.outcome in {Outcome.ACCEPTED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.SKIPPED}
    assert not (verdict.retryable and verdict.outcome is not Outcome.FAILED)
    if verdict.outcome is Outcome.FAILED and verdict.retryable:
        assert result[-1] not in {CallResult.UNKNOWN, CallResult.DONE}

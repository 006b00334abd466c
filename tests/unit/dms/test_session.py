"""The API session of one event: repeated reads, the single call, closed connections."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from function.dms.action import post_action
from function.dms.responses import REDACTED
from function.dms.session import DmsSession
from function.lib.clock import Deadline, SystemClock
from function.lib.send_gate import NoResponse, SendCancelled
from function.model.errors import StateUnreadable
from function.policy import action_requests
from function.settings.model import Credentials, OutboundSettings
from tests.factories import ORDERS
from tests.fake_dms import (
    Account,
    Close,
    Drip,
    FakeDms,
    Hold,
    Reply,
    redirect,
    throttled,
    vendor_error,
)
from tests.harness import SkippingClock

ACCOUNT = Account(
    access_key="CANARYACCESSKEY00001", security_token="canary-security-token-0123456789"
)
RESTART = action_requests.restart(action_requests.RestartRequest((ORDERS,)))


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(account=ACCOUNT) as cloud:
        cloud.add_instance(ORDERS)
        yield cloud


def keys(cloud: FakeDms) -> Credentials:
    account = cloud.account
    return Credentials(account.access_key, account.secret_key, account.security_token)


@contextmanager
def api(
    cloud: FakeDms,
    credentials: Credentials | None = None,
    *,
    seconds: float = 30.0,
    clock: SkippingClock | None = None,
) -> Iterator[DmsSession]:
    clock = clock or SkippingClock()
    made = DmsSession(
        OutboundSettings(cloud.url, cloud.account.project_id),
        credentials or keys(cloud),
        clock=clock,
        deadline=Deadline(clock.monotonic(), seconds),
    )
    try:
        yield made
    finally:
        made.close()


def soon(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


def reading(one: DmsSession) -> Any:
    return one.get("/instances", soon(), limit=50, offset=0, engine="kafka")


def test_a_read_is_signed_plain_and_of_this_project(cloud: FakeDms) -> None:
    with api(cloud) as one:
        reply = reading(one)

    (arrival,) = cloud.requests
    assert (reply.status, reply.document["instance_num"]) == (200, 1)
    assert arrival.headers["accept-encoding"] == "identity"
    assert arrival.headers["x-project-id"] == cloud.account.project_id


def test_a_token_is_sent_instead_of_a_signature(cloud: FakeDms) -> None:
    with api(cloud, Credentials(auth_token=cloud.account.auth_token)) as one:
        assert reading(one).status == 200

    assert "authorization" not in cloud.requests[0].headers


def test_a_request_without_credentials_is_unsigned(cloud: FakeDms) -> None:
    clock = SystemClock()
    outgoing = OutboundSettings(cloud.url, cloud.account.project_id)
    one = DmsSession(outgoing, None, clock=clock, deadline=Deadline(clock.monotonic(), 30))

    assert (reading(one).status, one.platform_credentials) == (401, False)
    one.close()


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_an_unclear_read_is_repeated(cloud: FakeDms, status: int) -> None:
    cloud.fault(Reply(status, "no"), times=2)
    with api(cloud) as one:
        assert reading(one).status == 200

    assert len(cloud.requests) == 3


@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 403, 404, 501])
def test_a_read_whose_answer_is_final_is_not_repeated(cloud: FakeDms, status: int) -> None:
    cloud.fault(Reply(status, "no"), times=None)
    with api(cloud) as one:
        assert reading(one).status == status

    assert len(cloud.requests) == 1


@pytest.mark.parametrize(
    "throttled_answer", [throttled(), throttled("40"), throttled(code="DMS.10240407", status=404)]
)
def test_a_throttled_read_is_not_repeated_and_nothing_else_is_read(
    cloud: FakeDms, throttled_answer: Reply
) -> None:
    cloud.fault(throttled_answer)
    with api(cloud) as one:
        replies = [reading(one), reading(one)]

    assert [reply.throttled for reply in replies] == [True, True]
    assert len(cloud.requests) == 1


@pytest.mark.parametrize(("times", "throttled_in_the_end"), [(1, False), (2, True)])
def test_a_throttled_read_is_repeated_once_where_the_cloud_says_when(
    cloud: FakeDms, times: int, *, throttled_in_the_end: bool
) -> None:
    cloud.fault(throttled("0"), times=times)
    with api(cloud) as one:
        assert reading(one).throttled == throttled_in_the_end

    assert len(cloud.requests) == 2


def test_a_throttled_read_after_the_call_is_not_repeated(cloud: FakeDms) -> None:
    with api(cloud) as one:
        post_action(one, RESTART)
        cloud.fault(throttled("0"))
        assert reading(one).throttled

    assert len(cloud.requests) == 2


def test_a_read_is_given_up_after_three_tries(cloud: FakeDms) -> None:
    cloud.fault(Close("request"), times=None)
    with api(cloud) as one:
        reply = reading(one)

    assert (reply.status, reply.timed_out, len(cloud.requests)) == (None, False, 3)


def test_nothing_is_read_when_the_time_for_it_is_over(cloud: FakeDms) -> None:
    with api(cloud) as one:
        reply = one.get("/instances", soon(-1))

    assert (reply.timed_out, cloud.connections) == (True, 0)


def test_time_that_runs_out_between_two_tries_ends_the_read(cloud: FakeDms) -> None:
    cloud.fault(Reply(503, "no"), times=None)
    with api(cloud) as one:
        reply = one.get("/instances", soon(0.05))  # less than the pause before the second try

    assert reply.status in {503, None}
    assert len(cloud.requests) <= 1


def test_pause_ends_at_the_deadline(cloud: FakeDms) -> None:
    clock = SkippingClock()
    until = clock.monotonic() + 60
    with api(cloud, clock=clock) as one:
        one.sleep(3600, until=until)
        assert 0 < clock.ahead <= 60
        slept = clock.ahead
        one.sleep(3600, until=until - 60)
    assert clock.ahead == slept


def test_reads_share_a_connection_and_the_call_has_its_own(cloud: FakeDms) -> None:
    with api(cloud) as one:
        reading(one)
        reading(one)
        post_action(one, RESTART)

    assert [arrival.connection for arrival in cloud.requests] == [1, 1, 2]


def test_the_call_is_sent_as_it_was_built(cloud: FakeDms) -> None:
    with api(cloud) as one:
        reply = post_action(one, RESTART)

    assert cloud.posts[0].json == {"action": "restart", "instances": [ORDERS]}
    assert (reply.status, one.attempts) == (200, 1)


def test_call_after_the_deadline_opens_no_connection(cloud: FakeDms) -> None:
    with api(cloud, seconds=0.0) as one:
        reply = post_action(one, RESTART)

    assert (reply.possibly_sent, reply.timed_out, one.attempts, cloud.connections) == (
        False,
        True,
        0,
        0,
    )


def test_a_call_without_an_answer_may_have_arrived(cloud: FakeDms) -> None:
    cloud.fault(Close("done"))
    with api(cloud) as one:
        reply = post_action(one, RESTART)

    assert (reply.possibly_sent, reply.status, reply.timed_out, one.attempts) == (
        True,
        None,
        False,
        1,
    )


@pytest.mark.parametrize("fault", [Hold("done"), Drip("body")])
def test_an_answer_that_takes_too_long_is_not_waited_for(cloud: FakeDms, fault: Any) -> None:
    cloud.fault(fault, "action")
    with api(cloud, seconds=1.5) as one:  # of which the call has 1.2, most of it to begin
        reply = post_action(one, RESTART)

    assert (reply.possibly_sent, reply.timed_out, one.attempts) == (True, True, 1)


def test_exception_after_the_gate_counts_as_possibly_sent(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: Any) -> None:
        raise RuntimeError("a defect")

    with api(cloud) as one:
        monkeypatch.setattr("function.dms.responses.parse_response", break_)
        with pytest.raises(RuntimeError):
            post_action(one, RESTART)

        assert one.attempts == 1


def test_without_threads_nothing_is_read_or_sent(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, api(cloud) as one:
        patch.setattr("function.lib.threads._pool._idle", [])
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(StateUnreadable, match="gives no more threads"):
            one.gather([lambda: reading(one)], threads=1, until=soon(30))
        reply = post_action(one, RESTART)

    assert (reply.possibly_sent, reply.timed_out, one.attempts) == (False, False, 0)
    assert cloud.connections == 0


def test_redirect_of_the_call_is_not_followed(cloud: FakeDms) -> None:
    with FakeDms() as other, api(cloud) as one:
        cloud.fault(redirect(f"{other.url}/", 307))
        assert post_action(one, RESTART).status == 307

        assert other.connections == 0


def test_an_abandoned_thread_opens_no_connection_after_close(cloud: FakeDms) -> None:
    with api(cloud) as one:
        reading(one)
    before = cloud.connections

    with pytest.raises(SendCancelled):
        reading(one)
    with pytest.raises(NoResponse):
        post_action(one, RESTART)
    assert (cloud.connections, cloud.posts) == (before, ())


def test_hanging_read_is_abandoned_and_its_socket_closed(cloud: FakeDms) -> None:
    cloud.fault(Hold(), times=None)
    ended = threading.Semaphore(0)

    def work() -> None:
        try:
            reading(one)
        finally:
            ended.release()

    with api(cloud) as one:
        with pytest.raises(StateUnreadable, match="in time"):
            one.gather([work] * 3, threads=3, until=soon(1.0))
        assert not ended.acquire(blocking=False)
    assert all(ended.acquire(timeout=10) for _ in range(3))


@pytest.mark.parametrize("field", ["access_key", "secret_key", "security_token"])
@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_text_of_the_cloud_that_quotes_the_credentials_is_left_out(
    cloud: FakeDms, field: str, status: int
) -> None:
    secret = getattr(cloud.account, field)
    cloud.fault(vendor_error(status, "DMS.1", f"header x: {secret[:18]}…\nwas odd"), times=None)
    with api(cloud) as one:
        replies = [reading(one), post_action(one, RESTART)]

    assert [reply.document["error_msg"] for reply in replies] == [REDACTED] * 2
    assert [reply.error_code for reply in replies] == ["DMS.1"] * 2


def test_any_other_text_of_the_cloud_is_kept(cloud: FakeDms) -> None:
    cloud.fault(vendor_error(400, "DMS.1", "Invalid name."))
    with api(cloud) as one:
        assert post_action(one, RESTART).document["error_msg"] == "Invalid name."


def test_a_closed_session_is_freed_without_the_garbage_collector(cloud: FakeDms) -> None:
    """Until then its keys and connections would stay in memory."""
    clock = SystemClock()
    session = DmsSession(
        OutboundSettings(cloud.url, cloud.account.project_id),
        keys(cloud),
        clock=clock,
        deadline=Deadline(clock.monotonic(), 30.0),
    )
    gc.collect()
    gc.disable()
    try:
        assert reading(session).status == 200
        assert post_action(session, RESTART).status == 200
        watched = weakref.ref(session)
        session.close()
        del session
        assert watched() is None
    finally:
        gc.enable()

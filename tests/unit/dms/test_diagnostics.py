"""The reads of a check: which, how many, and what is kept when some fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import pytest

from function.dms import diagnostics
from function.dms.diagnostics import DiagnosticSession
from function.lib.clock import Deadline, SystemClock
from function.model.check import AuthFailure, CheckRequest, Readings
from function.model.decision import ActionCall
from function.policy.action_requests import RestartRequest, restart
from function.settings.model import Credentials, OutboundSettings
from tests.factories import DRAFT, ORDERS, ids, limits
from tests.fake_dms import FakeDms, Hold, Reset, throttled, vendor_error

NOW = datetime(2026, 1, 5, 3, tzinfo=timezone.utc)
PROBE = restart(RestartRequest((DRAFT,)))


@contextmanager
def session(cloud: FakeDms, seconds: float = 5, **keys: Any) -> Iterator[DiagnosticSession]:
    account = cloud.account
    credentials = Credentials(account.access_key, account.secret_key)._replace(**keys)
    outbound = OutboundSettings(cloud.url, account.project_id)
    deadline = Deadline(time.monotonic(), seconds)
    opened = DiagnosticSession(outbound, credentials, clock=SystemClock(), deadline=deadline)
    try:
        yield opened
    finally:
        opened.close()


def read(
    cloud: FakeDms,
    *asked: str,
    probe: ActionCall | None = None,
    seconds: float = 5,
    allowed: frozenset[str] | None = None,
    **keys: Any,
) -> Readings:
    with session(cloud, seconds, **keys) as opened:
        return diagnostics.read(
            opened,
            CheckRequest(asked, probe is not None),
            limits(allowed=allowed),
            probe=probe,
            announce=lambda call: None,
            now=NOW,
        )


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="RUNNING")
        yield cloud


def test_large_project_costs_one_list_and_five_histories() -> None:
    """The gateway was seen to refuse more than 40 calls a minute."""
    with FakeDms() as cloud:
        for id_ in ids(60):
            cloud.add_instance(id_, status="RUNNING")
        readings = read(cloud)

        assert readings.instances is not None
        assert len(readings.instances) == 60
        kinds = [arrival.kind for arrival in cloud.requests]
    assert sorted(kinds) == ["list"] * 4 + ["show"] + ["tasks"] * 5


def test_fifty_named_instances_cost_five_histories_and_five_topic_lists() -> None:
    with FakeDms() as cloud:
        for id_ in ids(50):
            cloud.add_instance(id_, status="RUNNING")
        read(cloud, *ids(50))

        kinds = [arrival.kind for arrival in cloud.requests]
    assert (kinds.count("tasks"), kinds.count("topics"), kinds.count("show")) == (5, 5, 1)


def test_instances_that_are_not_running_are_read_first(cloud: FakeDms) -> None:
    for id_ in ids(9):
        cloud.add_instance(id_, status="RUNNING")
    cloud.set_status(ORDERS, "ERROR")

    assert ORDERS in read(cloud).histories


def test_completed_reads_count_when_another_read_hangs(cloud: FakeDms) -> None:
    cloud.fault(Hold("request"), "show", times=None)
    readings = read(cloud, seconds=3)  # of which reads take up to 1.8

    assert readings.instances is not None
    assert readings.histories == (ORDERS,)
    assert readings.problems["show"].transient


def test_named_instances_are_read_when_the_list_fails(cloud: FakeDms) -> None:
    cloud.fault(Reset("request"), "list", times=None)
    ample = 60.0  # nothing waits for it, and the repeated list leaves time on a busy machine

    assert read(cloud, ORDERS, seconds=ample).histories == (ORDERS,)
    assert read(cloud, seconds=ample, allowed=frozenset({ORDERS})).histories == (ORDERS,)


def test_nothing_more_is_read_after_rejected_credentials(cloud: FakeDms) -> None:
    """Accounts are locked after many refusals, and every answer would be the same."""
    readings = read(cloud, ORDERS, probe=PROBE, secret_key="wrong-secret")

    assert {answer.auth_failure for answer in readings.answers} == {AuthFailure.WRONG_SIGNATURE}
    assert {arrival.kind for arrival in cloud.requests} == {"list"}


def test_no_probe_is_sent_without_a_response(cloud: FakeDms) -> None:
    cloud.fault(Reset("request"), times=None)
    readings = read(cloud, probe=PROBE, seconds=1)

    assert readings.probe is None
    assert cloud.posts == ()


def test_throttled_check_stops_reading(cloud: FakeDms) -> None:
    cloud.fault(throttled(), times=None)
    read(cloud)

    assert len(cloud.requests) <= 2


def test_probe_is_never_repeated(cloud: FakeDms) -> None:
    cloud.fault(Reset("done"), "action", times=None)
    readings = read(cloud, probe=PROBE)

    assert readings.probe is not None
    assert readings.probe.possibly_sent
    assert len(cloud.posts) == 1
    assert cloud.effects == ()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (vendor_error(401, "APIGW.0301", "Get secretKey failed,ak:x"), AuthFailure.UNKNOWN_KEY),
        (
            vendor_error(401, "APIGW.0301", "verify aksk signature fail"),
            AuthFailure.WRONG_SIGNATURE,
        ),
        (vendor_error(401, "APIG.0307", "words"), AuthFailure.EXPIRED),
        (vendor_error(401, "APIGW.0301", "decrypt token fail"), AuthFailure.OTHER),
        (vendor_error(401, "APIGW.0303", "signature expired"), None),
        (vendor_error(403, "APIGW.0302", "expired"), None),
    ],
)
def test_gateway_text_identifies_the_credential_problem(
    answer: Any, failure: AuthFailure | None, cloud: FakeDms
) -> None:
    cloud.fault(answer, times=None)

    assert {one.auth_failure for one in read(cloud).answers} == {failure}

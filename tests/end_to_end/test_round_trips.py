"""Round trips of one event, counted by the order of requests and responses.

No clock decides here: an answer is held until everything that needs no answer has been sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.factories import NOW, ORDERS, ids
from tests.fake_dms import Clock, Endpoint, FakeDms, Hold
from tests.fault_matrix.certificates import tls_endpoint
from tests.harness import EventReply, Remediator
from tests.relay import Relay

CONNECTED_FLIGHTS = {"plain": 0, "TLS": 2}  # ClientHello; Finished, where a request may follow
READING = 2


@contextmanager
def behind_a_relay(kind: str, **settings: str) -> Iterator[tuple[Remediator, Relay]]:
    """Open a remediator whose connections to the cloud pass a relay."""
    clock = Clock(NOW.timestamp())
    with (
        FakeDms(
            endpoint=tls_endpoint("good") if kind == "TLS" else Endpoint(), clock=clock
        ) as cloud,
        Relay(cloud.address) as relay,
    ):
        cloud.add_instance(ORDERS, status="ERROR")
        scheme, host, _ = cloud.url.split(":")
        endpoint = f"{scheme}:{host}:{relay.port}"
        yield Remediator(cloud, clock, {"DMS_ENDPOINT": endpoint, **settings}), relay


class Held:
    """An event whose reads are held unanswered; `answered` ends them and returns the result."""

    def __init__(self, remediator: Remediator, *targets: str, alarm: bool) -> None:
        self._cloud = remediator.cloud
        self._cloud.fault(Hold(), times=None)
        self._results: list[EventReply] = []
        send = remediator.alert if alarm else remediator.restart
        self._thread = threading.Thread(target=lambda: self._results.append(send(*targets)))
        self._thread.start()

    def answered(self) -> EventReply:
        self._cloud.clear_faults()
        self._cloud.release()
        self._thread.join(20)
        return self._results[0]


@pytest.mark.parametrize("kind", CONNECTED_FLIGHTS)
@pytest.mark.parametrize("alarm", [True, False])
def test_call_is_sent_one_round_trip_after_connecting(kind: str, *, alarm: bool) -> None:
    with behind_a_relay(kind, DEADLINE_SECONDS="25") as (remediator, relay):
        event = Held(remediator, ORDERS, alarm=alarm)
        cloud = remediator.cloud
        # No response was sent yet, both reads have arrived, and the third connection is open.
        cloud.wait_for(READING)
        relay.wait_for(
            lambda: (
                len(relay.passages) == READING + 1
                and all(passage.flights >= CONNECTED_FLIGHTS[kind] for passage in relay.passages)
            )
        )
        assert (len(cloud.requests), cloud.posts) == (READING, ())

        assert event.answered().verdict == (200, "accepted", None)

    kinds = [request.kind for request in cloud.requests]
    assert sorted(kinds[:READING]) == (["list", "tasks"] if alarm else ["show", "tasks"])
    assert kinds[READING:] == ["action", "show"]
    # The call and its confirming read open no connection: TCP, (TLS,) reads, call, read.
    assert len(relay.passages) == READING + 1


@pytest.mark.parametrize("kind", CONNECTED_FLIGHTS)
def test_ten_targets_take_as_many_round_trips_as_one(kind: str) -> None:
    settings = {"DEADLINE_SECONDS": "25", "MAX_RESTARTING": "20"}
    with behind_a_relay(kind, **settings) as (remediator, relay):
        targets = ids(10)
        cloud = remediator.cloud
        for target in targets:
            cloud.add_instance(target, status="ERROR")
        event = Held(remediator, *targets, alarm=True)
        cloud.wait_for(11)
        relay.wait_for(lambda: len(relay.passages) == 12)

        assert event.answered().verdict == (200, "accepted", None)

    assert [request.kind for request in cloud.requests].count("tasks") == 10
    assert len(cloud.posts) == 1
    assert len(relay.passages) == 12


def test_nothing_is_opened_for_an_event_that_reads_nothing() -> None:
    with behind_a_relay("plain") as (remediator, relay):
        assert remediator.ces_alarm(alarm_status="insufficient_data").data["outcome"] == "skipped"
        assert remediator.ask(action="delete", instances=[ORDERS]).status == 400

        assert relay.passages == []


def test_no_connection_is_opened_for_a_call_that_a_dry_run_never_sends() -> None:
    with behind_a_relay("plain", DRY_RUN="true") as (remediator, relay):
        assert remediator.restart().data["outcome"] == "dry_run"

        assert len(relay.passages) == READING


@pytest.mark.parametrize("kind", CONNECTED_FLIGHTS)
def test_a_connection_for_a_call_that_is_not_sent_is_closed_unused(kind: str) -> None:
    with behind_a_relay(kind) as (remediator, relay):
        remediator.cloud.set_status(ORDERS, "FROZEN")
        assert remediator.alert().data["reason"] == "status"
        relay.wait_for(lambda: all(passage.ended for passage in relay.passages))

        assert remediator.cloud.posts == ()

"""Sources of requests: what the request document asks for, in every envelope that carries it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from function import sources
from function.lib import schemas, timestamps
from function.model.errors import ConfirmationMismatch
from function.model.event import Action, Event, Intent
from tests.factories import AUDIT, ORDERS, PAYMENTS

SCHEMAS = schemas.load()


SOURCES = sources.discover(SCHEMAS.names("events"))


def read(name: str, document: Any) -> Event:
    SCHEMAS.check(f"events/{name}", document)
    return SOURCES[name].parse(document)


def only(event: Event) -> Intent:
    (intent,) = event.intents
    return intent


def test_a_request_names_every_instance_once_in_lower_case_and_in_order() -> None:
    asked = {"action": "restart", "instances": [PAYMENTS.upper(), ORDERS, PAYMENTS]}
    for name in ("direct", "schedule", "topic_request"):
        event = read(name, {**asked, "id": "7", "time": "2026-01-05T03:00:00Z"})

        assert only(event) == Intent(Action.RESTART, (PAYMENTS, ORDERS))
        assert (event.id, timestamps.text(event.sent_at)) == ("7", "2026-01-05T03:00:00Z")


@pytest.mark.parametrize(
    ("confirm", "right"),
    [
        ([ORDERS, PAYMENTS], True),
        ([PAYMENTS, ORDERS.upper()], True),
        ([ORDERS], False),
        ([ORDERS, PAYMENTS, AUDIT], False),
        ([ORDERS, AUDIT], False),
    ],
)
def test_a_deletion_repeats_the_ids_it_means(confirm: list[str], *, right: bool) -> None:
    request = {"action": "delete", "instances": [ORDERS, PAYMENTS], "confirm": confirm}
    if right:
        assert only(read("direct", request)) == Intent(Action.DELETE, (ORDERS, PAYMENTS))
        return
    with pytest.raises(
        ConfirmationMismatch, match=r"^\$\.confirm must repeat the ids .* no others$"
    ):
        read("direct", request)


def cloudevent(data: dict[str, Any], **attributes: str) -> dict[str, Any]:
    given = {"specversion": "1.0", "id": "7", "source": "/a", "type": "dev.knative.sources.ping"}
    return {**given, "data": data, **attributes}


def test_a_cloudevent_says_by_itself_who_it_is_and_when_it_was_sent() -> None:
    request = {"action": "purge_failed", "id": "inner", "time": "2026-01-05T01:00:00Z"}
    event = read("cloudevents", cloudevent(request, time="2026-01-05T03:00:00Z", traceparent="t"))

    assert (event.id, event.origin, event.traceparent) == ("7", "/a", "t")
    assert (timestamps.text(event.sent_at), event.name) == (
        "2026-01-05T03:00:00Z",
        "dev.knative.sources.ping",
    )


def test_a_cloudevent_without_a_time_has_the_time_of_its_request_and_never_an_invented_one() -> (
    None
):
    request = {"action": "purge_failed", "time": "2026-01-05T01:00:00Z"}

    assert timestamps.text(read("cloudevents", cloudevent(request)).sent_at) == request["time"]
    assert read("cloudevents", cloudevent({"action": "purge_failed"})).sent_at is None


def test_a_timer_is_known_by_its_name_and_time() -> None:
    request = json.dumps({"action": "restart", "instances": [ORDERS], "id": "x"})
    timer = {
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "time": "2026-01-05T11:00:00+08:00",
    }
    event = read("timer", {**timer, "user_event": request})

    assert (event.id, event.name) == ("nightly 2026-01-05T11:00:00+08:00", "nightly")
    assert timestamps.text(event.sent_at) == "2026-01-05T03:00:00Z"
    assert only(event) == Intent(Action.RESTART, (ORDERS,))

"""Every fault of the fake DMS that changes what is answered, on real sockets."""

import gzip
from typing import Any

import pytest
import requests

from tests.fake_dms import (
    Alter,
    BrokenChunks,
    Drip,
    FakeDms,
    Fault,
    Reply,
    Rows,
    WrongLength,
    gzip_bomb,
    html,
    redirect,
    throttled,
    vendor_error,
)
from tests.fake_dms.caller import Caller, code, rows

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
RESTART: dict[str, Any] = {"action": "restart", "instances": [ONE, TWO]}


@pytest.mark.parametrize("fault", [BrokenChunks(), WrongLength(10)])
def test_a_broken_body_is_broken_but_the_action_done(
    cloud: FakeDms, caller: Caller, fault: Fault
) -> None:
    cloud.fault(fault, kind="action")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.act(**RESTART)

    assert len(cloud.effects) == 2


def test_a_body_may_be_longer_than_announced(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(WrongLength(-5), kind="action")

    response = caller.act(**RESTART)

    assert response.content.endswith(TWO[:-1].encode())


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_dripped_answer_is_whole_in_the_end(cloud: FakeDms, caller: Caller, part: Any) -> None:
    cloud.fault(Drip(part, interval=0), kind="action")

    assert rows(caller.act(**RESTART)) == {ONE: "success", TWO: "success"}


@pytest.mark.parametrize(
    ("reply", "status", "body", "headers"),
    [
        (Reply(204, b"more"), 204, b"", {}),
        (Reply(200, "text"), 200, b"text", {"Content-Length": "4"}),
        (Reply(599, {"a": 1}), 599, b'{"a": 1}', {}),
        (redirect("https://other.example/", 307), 307, b"", {"Location": "https://other.example/"}),
        (throttled("120"), 429, None, {"Retry-After": "120"}),
        (html(502), 502, None, {"Content-Type": "text/html"}),
    ],
)
def test_a_reply_is_sent_as_it_is_and_nothing_done(
    cloud: FakeDms, caller: Caller, reply: Reply, status: int, body: Any, headers: dict[str, str]
) -> None:
    cloud.fault(reply, kind="action")

    response = caller.act(**RESTART)

    assert response.status_code == status
    assert body is None or response.content == body
    assert headers.items() <= response.headers.items()
    assert (len(cloud.posts), cloud.effects) == (1, ())


def test_reply_may_follow_the_action(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(html(200, acts=True), kind="action")

    assert caller.act(**RESTART).text.startswith("<!DOCTYPE")
    assert len(cloud.effects) == 2


def test_vendor_errors_have_the_shape_of_their_side(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(vendor_error(503, "APIGW.0613"))
    cloud.fault(vendor_error(400, "DMS.00400017"))
    gateway, service = caller.get(), caller.get()

    assert code(gateway) == (503, "APIGW.0613")
    assert gateway.json()["request_id"] == gateway.headers["X-Request-Id"]
    assert code(service) == (400, "DMS.00400017")
    assert "request_id" not in service.json()


def test_a_gzip_bomb_unpacks_to_what_it_says(cloud: FakeDms) -> None:
    bomb = gzip_bomb(2).body

    assert isinstance(bomb, bytes)
    assert len(bomb) < 8192
    assert len(gzip.decompress(bomb)) == 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("missing", [(ONE, "success")]),
        ("none", []),
        ("doubled", [(ONE, "success"), (ONE, "success"), (TWO, "success"), (TWO, "success")]),
        ("reversed", [(TWO, "success"), (ONE, "success")]),
        ("misspelt", [(ONE, "sucess"), (TWO, "sucess")]),
        ("misspelt_id", [(ONE[:-1], "success"), (TWO[:-1], "success")]),
        ("upper_case", [(ONE.upper(), "success"), (TWO.upper(), "success")]),
        ("failed", [(ONE, "failed"), (TWO, "failed")]),
        ("only_unasked", [("00000000-0000-4000-8000-000000000000", "success")]),
        (
            "contradictory",
            [(ONE, "success"), (ONE, "failed"), (TWO, "success"), (TWO, "failed")],
        ),
    ],
)
def test_rows_are_changed_though_the_action_is_done(
    cloud: FakeDms, caller: Caller, change: str, expected: list[tuple[str, str]]
) -> None:
    cloud.fault(Rows(change), kind="action")

    results = caller.act(**RESTART).json()["results"]

    assert [(row["instance"], row["result"]) for row in results] == expected
    assert len(cloud.effects) == 2


@pytest.mark.parametrize("change", ["null", "text", "unasked", "misspelt_key"])
def test_rows_may_lose_their_form(cloud: FakeDms, caller: Caller, change: str) -> None:
    cloud.fault(Rows(change), kind="action")

    assert caller.act(**RESTART).json()["results"] != [
        {"result": "success", "instance": one} for one in (ONE, TWO)
    ]
    assert len(cloud.effects) == 2


def test_any_answer_can_be_altered(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(Alter(lambda body: body | {"instance_num": 7}), kind="list", times=2)
    cloud.fault(vendor_error(500, "DMS.00500000"), kind="show")

    assert caller.get().json()["instance_num"] == 7
    assert caller.get(offset=2).status_code == 400
    assert caller.get(f"/instances/{ONE}").status_code == 500


def test_an_answer_without_rows_stays_as_it_is(cloud: FakeDms, caller: Caller) -> None:
    cloud.fault(Rows("none"), kind="list")

    assert caller.get().json()["instance_num"] == 2

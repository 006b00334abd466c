"""The container form: /init and /invoke; their headers are trusted only there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from function.entrypoints import container, routes, startup
from function.entrypoints.routes import HttpRequest, HttpResponse
from function.pipeline import Runtime
from tests.factories import ORDERS
from tests.fake_dms import Account, FakeDms, throttled
from tests.harness import SCHEMAS
from tests.signed_requests import RESTART, SECRET, bearer

ACCOUNT = Account(access_key="TEMPORARYKEY", secret_key="secret", security_token="token")
KEYS = {
    "x-cff-security-access-key": "TEMPORARYKEY",
    "x-cff-security-secret-key": "secret",
    "x-cff-security-token": "token",
}
INVOKED = {"x-cff-request-id": "1", "content-type": "application/json"}


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    """A cloud that accepts temporary keys only."""
    with FakeDms(account=ACCOUNT) as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        yield cloud


def runtime(cloud: FakeDms, *, keys: bool = False, **settings: str) -> Runtime:
    given = cloud.environment()
    if not keys:
        given = {name: value for name, value in given.items() if "_AK" not in name}
        given = {n: v for n, v in given.items() if "_SK" not in n and "TOKEN" not in n}
    own = {"DRY_RUN": "false", "FUNCTIONGRAPH_CONTAINER": "true", **settings}
    return startup.runtime({**given, **own}, http_entrypoint=True)


def ask(
    runtime: Runtime, path: str, body: Any = b"", method: str = "POST", **headers: str
) -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return container.handle_request(HttpRequest(method, path, headers, raw), runtime)


def brief(answer: HttpResponse) -> tuple[int, str, str | None]:
    event = json.loads(answer.body)
    SCHEMAS.check("result", event)
    return answer.status, event["data"]["outcome"], event["data"]["reason"]


def test_init_is_answered_and_is_no_event(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(runtime(cloud), "/init").status == 200
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/init", "/invoke"])
def test_a_wrong_method_is_no_event(
    path: str, cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = ask(runtime(cloud), path, method="GET", **INVOKED)

    assert (reply.status, reply.headers["Allow"]) == (405, "OPTIONS, POST")
    assert ask(runtime(cloud), path, method="OPTIONS").status == 200
    assert capsys.readouterr() == ("", "")


def test_an_invocation_acts_with_the_keys_in_its_headers(cloud: FakeDms) -> None:
    assert brief(ask(runtime(cloud), "/invoke", RESTART, **INVOKED, **KEYS)) == (
        200,
        "accepted",
        None,
    )
    assert len(cloud.posts) == 1


def test_the_keys_of_the_settings_come_first(cloud: FakeDms) -> None:
    forged = dict.fromkeys(KEYS, "another")

    answer = ask(runtime(cloud, keys=True), "/invoke", RESTART, **INVOKED, **forged)

    assert brief(answer) == (200, "accepted", None)


@pytest.mark.parametrize("keys", [{}, dict.fromkeys(KEYS, "null"), dict.fromkeys(KEYS, "")])
def test_key_null_counts_as_missing(keys: dict[str, str], cloud: FakeDms) -> None:
    answer = ask(runtime(cloud), "/invoke", RESTART, **INVOKED, **keys)

    assert brief(answer) == (200, "failed", "settings")
    message = json.loads(answer.body)["data"]["message"]
    assert "HUAWEICLOUD_SDK_AK" in message
    assert "Include Keys" in message
    assert cloud.requests == ()


def test_a_check_without_keys_says_which_switch_brings_them(cloud: FakeDms) -> None:
    answer = ask(runtime(cloud), "/invoke", {"action": "check"}, **INVOKED)

    checks = {check["name"]: check for check in json.loads(answer.body)["data"]["checks"]}
    assert checks["credentials"]["status"] == "fail"
    assert "Include Keys" in checks["credentials"]["fix"]


def test_without_a_request_id_nothing_is_invoked(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask(runtime(cloud), "/invoke", RESTART, **KEYS)

    assert brief(answer) == (403, "rejected", "route_closed")
    assert set(json.loads(answer.body)["data"]) == {"outcome", "reason"}
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert cloud.requests == ()


def test_retryable_failure_is_an_error_with_the_result_as_body(cloud: FakeDms) -> None:
    cloud.fault(throttled(), times=None)

    assert brief(ask(runtime(cloud), "/invoke", RESTART, **INVOKED, **KEYS))[:2] == (500, "failed")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "schema"),
        (b'{"a":1,"a":2}', "invalid_json"),
    ],
)
def test_a_body_that_is_no_event_is_rejected_once(
    body: bytes, reason: str, cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask(runtime(cloud), "/invoke", body, **INVOKED, **KEYS)

    assert brief(answer) == (200, "rejected", reason)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_body_that_is_too_large_is_rejected(cloud: FakeDms) -> None:
    request = HttpRequest("POST", "/invoke", INVOKED, too_large=True)

    assert brief(container.handle_request(request, runtime(cloud))) == (
        200,
        "rejected",
        "too_large",
    )


def test_several_records_and_gateway_events_are_answered_as_by_the_handler(
    cloud: FakeDms,
) -> None:
    open_to = runtime(cloud, DIRECT_SECRETS=SECRET)
    record = {"event_source": "smn", "smn": {"message": json.dumps(RESTART)}}
    health = {"httpMethod": "GET", "path": "/health", "headers": {}}

    results = ask(open_to, "/invoke", {"record": [record, record]}, **INVOKED, **KEYS)
    answer = ask(open_to, "/invoke", health, **INVOKED)

    assert [one["data"]["outcome"] for one in json.loads(results.body)] == ["accepted", "skipped"]
    assert json.loads(answer.body)["statusCode"] == 200


def test_a_result_of_ours_that_comes_back_answers_null(cloud: FakeDms) -> None:
    own = json.loads(ask(runtime(cloud), "/invoke", RESTART, **INVOKED, **KEYS).body)

    answer = ask(runtime(cloud), "/invoke", own, **INVOKED, **KEYS)

    assert (answer.status, answer.body) == (200, "null")


def test_the_other_routes_are_there_too_and_need_their_credentials(cloud: FakeDms) -> None:
    open_to = runtime(cloud, DIRECT_SECRETS=SECRET)
    kind = {"content-type": "application/json"}

    assert ask(open_to, "/health", method="GET").status == 200
    assert brief(ask(open_to, "/direct", RESTART, **kind, **KEYS))[0] == 401
    assert brief(ask(open_to, "/direct", RESTART, **kind, **KEYS, **bearer()))[1] == "accepted"


def test_functiongraph_headers_are_ignored_on_other_routes(cloud: FakeDms) -> None:
    other = runtime(cloud, keys=True, FUNCTIONGRAPH_CONTAINER="", DIRECT_SECRETS=SECRET)

    for path in ("/init", "/invoke"):
        assert (
            routes.handle_request(HttpRequest("POST", path, {**INVOKED, **KEYS}), other).status
            == 404
        )

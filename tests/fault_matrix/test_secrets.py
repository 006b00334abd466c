"""No secret reaches a log, result, header or exception on any error path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.entrypoints import startup
from function.entrypoints.invocation import RetryableFailure, invoke
from function.entrypoints.routes import HttpRequest, handle_request
from function.model.errors import SettingsInvalid
from function.pipeline import Runtime
from function.settings.model import Credentials
from tests.fake_dms import Close, FakeDms, Fault, Reply, vendor_error

from .case import ONE
from .runner import ACCOUNT, PAYLOAD, SECRET, document, runtime

KEYS = Credentials(ACCOUNT.access_key, ACCOUNT.secret_key, ACCOUNT.security_token)
TOKEN = Credentials(auth_token=ACCOUNT.auth_token)
BODY = json.dumps(document("restart", (ONE,))).encode()
PURGE = json.dumps(document("purge_failed", ())).encode()


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(account=ACCOUNT) as cloud:
        cloud.add_instance(ONE)
        yield cloud


def with_keys(cloud: FakeDms, credentials: Credentials, **settings: str) -> Runtime:
    made = runtime(cloud, seconds=1.0, platform=False, **settings)
    return made._replace(settings=made.settings._replace(credentials=credentials))


def post(ready: Runtime, body: bytes = BODY, **headers: str) -> str:
    all_headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {SECRET}",
    } | headers
    reply = handle_request(HttpRequest("POST", "/direct", all_headers, body), ready)
    return f"{reply.status} {reply.body} {dict(reply.headers)}"


def clean(*texts: str) -> bool:
    printed = "".join(texts)
    return "canary" not in printed.lower() and ACCOUNT.access_key not in printed


def echoes(cloud: FakeDms, credentials: Credentials) -> list[str]:
    """Return texts in which a gateway quotes the request it was sent."""
    token = credentials.auth_token or credentials.security_token
    canonical = f"POST\n/v2/\n\nx-sdk-date:2026\nx-security-token:{token}\n\nhost"
    return [
        f"Incorrect IAM authentication information: verify aksk signature fail, {canonical}",
        f"invalid header X-Auth-Token: {token}",
        f"{'x' * 290} Access={credentials.access_key or token}",
        f"sk={credentials.secret_key or token}",
    ]


@pytest.mark.parametrize("credentials", [KEYS, TOKEN], ids=["keys", "token"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
def test_a_cloud_that_quotes_the_request_is_not_quoted(
    cloud: FakeDms, credentials: Credentials, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    ready = with_keys(cloud, credentials)
    for text in echoes(cloud, credentials):
        fault = vendor_error(status, "APIGW.0301", text)
        cloud.fault(fault, "show", times=None)
        cloud.fault(fault, "action", times=None)
        assert clean(post(ready), post(ready, PURGE))
        cloud.clear_faults()
    assert clean(*capfd.readouterr())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"authorization": "Bearer canary-of-somebody"}, BODY),
        ({"authorization": "Basic canary"}, BODY),
        ({"webhook-signature": "v1,canary", "authorization": ""}, BODY),
        ({"content-type": "text/canary"}, BODY),
        ({"content-encoding": "canary"}, BODY),
        ({"traceparent": "canary", "x-canary": "canary"}, BODY),
        ({}, b'{"action": "canary"}'),
        ({}, b'{"canary": 1}'),
        ({}, b'{"action": "restart", "instances": ["canary"]}'),
        ({}, b'{"action": "restart", "instances": ["' + ONE.encode() + b'"], "time": "canary"}'),
        (
            {},
            b'{"action": "delete", "instances": ["' + ONE.encode() + b'"], "confirm": ["canary"]}',
        ),
        ({}, b"canary"),
        ({}, b'{"canary": "canary", "canary": "canary"}'),
        ({}, b'{"reason": NaN, "canary": 1e999}'),
        ({}, b"\xff canary"),
        ({}, b'["' + b"canary" * 50000 + b'"]'),
    ],
)
def test_request_content_is_not_quoted(
    cloud: FakeDms, headers: dict[str, str], body: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert clean(post(runtime(cloud, seconds=2.0, platform=False), body, **headers))
    assert clean(*capfd.readouterr())


@pytest.mark.parametrize(
    "fault", [Close("done"), Reply(500, "canary"), Reply(400, '{"canary":"canary"}')]
)
def test_an_exception_for_the_platform_carries_only_the_result(
    cloud: FakeDms, fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.fault(fault, times=None)
    ready = with_keys(cloud, KEYS)
    asked = {"action": "restart", "instances": [ONE], "reason": PAYLOAD}
    try:
        text = json.dumps(invoke(asked, ready, credentials=KEYS, remaining=3.0))
    except RetryableFailure as again:
        text = f"{again} {again!r} {again.__cause__} {again.__context__}"

    assert clean(text, *capfd.readouterr())


@pytest.mark.parametrize("place", ["policy.decide.decide", "policy.execute.execute"])
def test_a_defect_is_named_by_its_place_and_not_by_its_text(
    cloud: FakeDms, place: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: Any, **__: Any) -> None:
        raise ValueError(f"canary {ACCOUNT.secret_key} {PAYLOAD}")

    monkeypatch.setattr(f"function.{place}", break_)
    text = post(with_keys(cloud, KEYS))

    assert '"reason":"internal"' in text
    assert clean(text, *capfd.readouterr())


def test_a_sink_gets_the_result_and_nothing_else(
    cloud: FakeDms, capfd: pytest.CaptureFixture[str]
) -> None:
    with FakeDms() as sink:
        ready = with_keys(cloud, KEYS, K_SINK=f"{sink.url}/canary?canary={ACCOUNT.access_key}")
        sink.fault(Reply(500, "canary"))
        assert clean(post(ready))

        (arrival,) = sink.requests
        assert clean(arrival.body.decode(), str(arrival.headers))
    assert clean(*capfd.readouterr())


@pytest.mark.parametrize("value", [KEYS, TOKEN])
def test_credentials_have_no_secret_in_their_text(value: Credentials) -> None:
    assert "canary" not in repr(value)


NAMES = sorted(startup.variable_names() - {"HUAWEICLOUD_REGION"})


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.text(max_size=5).map(lambda text: f"canary\n{text}canary,,"),
        min_size=1,
    )
)
def test_a_wrong_setting_is_named_and_not_printed(given_: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        startup.runtime({"DRY_RUN": "true", **given_})

    assert "canary" not in str(invalid.value)
    assert len(invalid.value.problems) >= 1

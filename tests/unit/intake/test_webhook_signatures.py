"""Credentials in headers: Bearer, Standard Webhooks, Grafana; right, wrong and malformed."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.intake import webhook_signatures
from tests.factories import NOW, SECOND
from tests.signed_requests import SECRET, grafana, webhook

OTHER = "another-secret-of-mine"
WHSEC = "whsec_" + base64.b64encode(b"the key of a webhook").decode()
BODY = b'{"action":"purge_failed"}'
TOLERANCE = timedelta(seconds=300)
HEADER = "x-grafana-timestamp"
TIMES = {
    "now": (timedelta(0), True),
    "five minutes old": (-TOLERANCE, True),
    "older": (-TOLERANCE - SECOND, False),
    "five minutes early": (TOLERANCE, True),
    "earlier": (TOLERANCE + SECOND, False),
}
MALFORMED_TIMES = ("", "soon", "1e9", "-1", "+1", "1.5", " 1", "1\n", "\u0661", "9" * 400, "0x1")
FORMS = (
    "{}",
    "v2,{}=",
    "v1a,{}=",
    "V1,{}=",
    "v1,{}",
    "v1,{}==",
    "v1 {}=",
    "v1,{0}=,v1,{0}=",
    "v1,ä",
    "v1,✓",
    "",
)
text = st.text(max_size=40)


def raw(*secrets: str) -> tuple[bytes, ...]:
    return tuple(secret.encode() for secret in secrets)


def signs(headers: dict[str, str], *secrets: str, body: bytes = BODY, at: datetime = NOW) -> bool:
    return webhook_signatures.standard_webhooks(headers, body, raw(*secrets or (SECRET,)), at)


def grafana_signs(
    headers: dict[str, str],
    *,
    signature_header: str = "x-grafana-alerting-signature",
    timestamp_header: str | None = None,
    body: bytes = BODY,
) -> bool:
    secrets = raw(OTHER, SECRET)
    return webhook_signatures.grafana(
        headers,
        body,
        secrets,
        signature_header=signature_header,
        timestamp_header=timestamp_header,
        now=NOW,
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_shows_one_of_the_secrets(scheme: str) -> None:
    for secret in (SECRET, OTHER):
        headers = {"authorization": f"{scheme} {secret}"}
        assert webhook_signatures.bearer(headers, raw(SECRET, OTHER))


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"Basic {SECRET}",
        f"Bearer{SECRET}",
        f"Bearer {SECRET}x",
        f"Bearer x{SECRET}",
        f"Bearer {SECRET} {SECRET}",
        f"Bearer {SECRET},{OTHER}",
        f"Bearer {SECRET.upper()}",
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET}\u0000",
        "Bearer",
        "Bearer ",
        "",
        "Bearer ä-secret",
        "Bearer ✓-secret",
    ],
)
def test_a_bearer_of_anything_else_shows_nothing(value: str) -> None:
    assert not webhook_signatures.bearer({"authorization": value}, raw(SECRET, OTHER))


@given(value=text)
def test_random_bearer_tokens_are_rejected(value: str) -> None:
    headers = {"authorization": f"Bearer {value}", "x-grafana-alerting-signature": value}
    headers |= {"webhook-id": value, "webhook-timestamp": value, "webhook-signature": value}

    assert not webhook_signatures.bearer(headers, raw(SECRET))
    assert not signs(headers)
    assert not grafana_signs(headers)
    assert not grafana_signs(headers, timestamp_header="webhook-timestamp")


def test_without_secrets_no_bearer_is_accepted() -> None:
    assert not webhook_signatures.bearer({"authorization": "Bearer "}, ())
    assert not webhook_signatures.bearer({}, ())
    assert not signs({})
    assert not webhook_signatures.standard_webhooks(webhook(BODY), BODY, (), NOW)


def test_the_published_example_of_standard_webhooks_is_authenticated() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body, at = b'{"test": 2432232314}', datetime.fromtimestamp(1614265330, timezone.utc)

    assert signs(headers, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body=body, at=at)
    assert not signs(headers, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body=body, at=at)


@given(
    secret=st.sampled_from([SECRET, WHSEC]),
    body=st.binary(max_size=60),
    identity=st.from_regex("[a-zA-Z0-9_.-]{1,20}", fullmatch=True),
)
def test_a_standard_webhook_is_authenticated_with_either_kind_of_secret(
    secret: str, body: bytes, identity: str
) -> None:
    headers = webhook(body, secret, identity=identity)

    assert signs(headers, OTHER, secret, body=body)
    assert not signs(headers, OTHER, body=body)
    assert not signs(headers, secret, body=body + b" ")
    assert not signs({**headers, "webhook-id": identity + "x"}, secret, body=body)


def test_a_secret_that_only_looks_like_base64_is_taken_as_it_stands() -> None:
    odd = "whsec_this-is-no-base64"
    headers = webhook(BODY)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY
    signature = base64.b64encode(hmac.digest(odd.encode(), signed, "sha256")).decode()

    assert signs({**headers, "webhook-signature": f"v1,{signature}"}, odd)


def svix(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers under the names that Svix gives them."""
    return {name.replace("webhook-", "svix-"): value for name, value in headers.items()}


def test_the_headers_of_svix_count_like_those_of_standard_webhooks() -> None:
    for secret in (SECRET, WHSEC):
        assert signs(svix(webhook(BODY, secret)), secret)
        assert not signs(svix(webhook(BODY, OTHER)), secret)
        assert not signs(svix(webhook(BODY, secret, at=NOW - TOLERANCE - SECOND)), secret)


def test_both_families_of_headers_may_be_sent_and_are_never_mixed() -> None:
    good, bad = webhook(BODY), webhook(BODY, OTHER)

    assert signs({**good, **svix(bad)})
    assert signs({**bad, **svix(good)})
    for moved in good:
        assert not signs({**good, moved: "", **svix({moved: good[moved]})})


def test_one_good_signature_among_several_is_enough() -> None:
    headers = webhook(BODY)
    good = headers["webhook-signature"]

    for several in (f"v1,AAAA {good}", f"v1a,ed25519 {good} v2,x", f"{good} v1,", f" {good}"):
        assert signs({**headers, "webhook-signature": several})


@pytest.mark.parametrize(
    "form",
    FORMS,
)
def test_a_malformed_signature_is_rejected(form: str) -> None:
    headers = webhook(BODY)
    bare = headers["webhook-signature"].removeprefix("v1,").rstrip("=")

    assert signs({**headers, "webhook-signature": f"v1,{bare}="})
    assert not signs({**headers, "webhook-signature": form.format(bare)})


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_all_three_headers_are_needed(missing: str) -> None:
    headers = webhook(BODY)

    assert signs(headers)
    assert not signs({name: value for name, value in headers.items() if name != missing})


def test_an_empty_id_is_as_good_as_none_though_it_is_signed() -> None:
    assert not signs(webhook(BODY, identity=""))


@pytest.mark.parametrize(("shift", "authenticated"), TIMES.values(), ids=TIMES)
def test_a_standard_webhook_is_authenticated_within_five_minutes(
    shift: timedelta, authenticated: bool
) -> None:
    assert signs(webhook(BODY, at=NOW + shift)) is authenticated


@pytest.mark.parametrize("time", MALFORMED_TIMES)
def test_a_malformed_time_is_rejected(time: str) -> None:
    assert not signs({**webhook(BODY), "webhook-timestamp": time})
    signed = grafana(BODY, before=f"{time}:".encode())
    assert not grafana_signs({**signed, HEADER: time}, timestamp_header=HEADER)


def test_grafana_signs_the_body() -> None:
    headers = grafana(BODY)

    assert grafana_signs(headers)
    assert not grafana_signs(headers, body=BODY + b" ")
    assert not grafana_signs(grafana(BODY, "another-long-secret"))
    assert not grafana_signs({})


def test_grafana_may_sign_in_a_header_of_another_name() -> None:
    signature = grafana(BODY)["x-grafana-alerting-signature"]

    assert grafana_signs({"x-hub-hmac": signature}, signature_header="x-hub-hmac")
    assert not grafana_signs(grafana(BODY), signature_header="x-hub-hmac")


@pytest.mark.parametrize(("shift", "authenticated"), TIMES.values(), ids=TIMES)
def test_grafana_signs_the_time_too_where_that_is_set_up(
    shift: timedelta, authenticated: bool
) -> None:
    seconds = str(int((NOW + shift).timestamp()))
    headers = {**grafana(BODY, before=f"{seconds}:".encode()), HEADER: seconds}

    assert grafana_signs(headers, timestamp_header=HEADER) is authenticated
    assert not grafana_signs(headers)


def test_a_signature_without_the_time_is_not_enough_where_the_time_is_set_up() -> None:
    seconds = str(int(NOW.timestamp()))

    assert not grafana_signs(grafana(BODY), timestamp_header=HEADER)
    assert not grafana_signs({**grafana(BODY), HEADER: seconds}, timestamp_header=HEADER)


@pytest.mark.parametrize("value", ["", "zz", "ä" * 64, "✓", "0" * 64])
def test_a_malformed_grafana_signature_is_rejected(value: str) -> None:
    assert not grafana_signs({"x-grafana-alerting-signature": value})

"""Signing: every request is signed as the vendor's SDK would, over the bytes that are sent."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import requests
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer as VendorSigner
from hypothesis import given
from hypothesis import strategies as st

from function.dms.signing import Signer, TokenAuth

NOON = datetime(2026, 1, 5, 12, 0, 0, tzinfo=timezone.utc)
PROJECT = "0123456789abcdef0123456789abcdef"
ENDPOINT = "https://dms.eu-de.example"
ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN = "access-key", "secret-key", "security-token"

letters = st.text(st.characters(exclude_categories=["Cs"]))
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
header_names = st.from_regex(r"X-[A-Za-z0-9-]{1,20}", fullmatch=True).filter(
    lambda name: name.lower() not in {"x-sdk-date", "x-sdk-content-sha256"}
)
paths = st.lists(letters.map(lambda part: quote(part, safe="")), min_size=1).map("/".join)
content_types = st.sampled_from([None, "application/json", "application/json;charset=utf-8"])


def signer(*, security_token: str | None = None, now: datetime = NOON) -> Signer:
    return Signer(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        project_id=PROJECT,
        security_token=security_token,
        clock=lambda: now,
    )


def prepared(method: str, url: str, auth: Signer | TokenAuth, **more: Any) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        return session.prepare_request(requests.Request(method, url, auth=auth, **more))


def vendor_authorization(
    *, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any
) -> str:
    names = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = SdkRequest(
        method=method,
        schema="https",
        host=headers["Host"],
        resource_path=path,
        query_params=query,
        header_params={name: value for name, value in headers.items() if name.lower() in names},
        body=body,
    )
    credentials = SimpleNamespace(ak=ACCESS_KEY, sk=SECRET_KEY)
    return str(VendorSigner(credentials).sign(request).header_params["Authorization"])


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
    path=paths,
    query=st.lists(st.tuples(letters, letters)),
    headers=st.dictionaries(header_names, header_values, max_size=4),
    content_type=content_types,
    body=st.none() | st.binary() | letters,
    security_token=st.none() | header_values,
)
def test_a_random_request_is_signed_as_by_the_vendor(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    content_type: str | None,
    body: bytes | str | None,
    security_token: str | None,
) -> None:
    given_headers = {**headers, **({"Content-Type": content_type} if content_type else {})}
    auth = signer(security_token=security_token)

    request = prepared(
        method, f"{ENDPOINT}/{path}", auth, params=query, headers=given_headers, data=body
    )

    assert request.headers["Authorization"] == vendor_authorization(
        method=method,
        path=urlsplit(request.url).path,
        query=query,
        headers=dict(request.headers),
        body=request.body,
    )


@given(st.lists(st.tuples(letters, letters), min_size=1))
def test_the_query_that_is_sent_is_the_query_that_is_signed(query: list[tuple[str, str]]) -> None:
    request = prepared("GET", ENDPOINT + "/", signer(), params=query)

    assert "+" not in request.path_url
    assert parse_qsl(urlsplit(request.url).query, keep_blank_values=True) == sorted(query)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://dms.eu-de.example/v2", "dms.eu-de.example"),
        ("https://dms.eu-de.example:443/v2", "dms.eu-de.example"),
        ("https://dms.eu-de.example:8443/v2", "dms.eu-de.example:8443"),
        ("http://127.0.0.1:80/v2", "127.0.0.1"),
        ("http://127.0.0.1:8080/v2", "127.0.0.1:8080"),
        ("http://[::1]:8080/v2", "[::1]:8080"),
    ],
)
def test_the_host_has_its_port_unless_it_is_the_usual_one(url: str, host: str) -> None:
    assert prepared("GET", url, signer()).headers["Host"] == host


def test_project_date_and_token_are_signed_and_what_proxies_change_is_not() -> None:
    request = prepared("POST", ENDPOINT, signer(security_token=SECURITY_TOKEN), json={})

    assert request.headers["X-Project-Id"] == PROJECT
    assert request.headers["X-Sdk-Date"] == "20260105T120000Z"
    assert request.headers["X-Security-Token"] == SECURITY_TOKEN
    assert (
        "SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token,"
        in request.headers["Authorization"]
    )


def test_the_date_is_in_utc_wherever_the_clock_is() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))

    assert prepared("GET", ENDPOINT, signer(now=east)).headers["X-Sdk-Date"] == "20260105T120000Z"


def test_a_request_signed_again_carries_one_new_signature() -> None:
    request = prepared("GET", ENDPOINT, signer())
    first = dict(request.headers)

    later = signer(now=NOON + timedelta(seconds=1))(request)

    assert later.headers.keys() == first.keys()
    assert later.headers["Authorization"] != first["Authorization"]


def test_a_text_is_signed_as_its_bytes() -> None:
    text, content = (
        prepared("POST", ENDPOINT, signer(), data=body) for body in ("ü", "ü".encode())
    )

    assert text.headers["Authorization"] == content.headers["Authorization"]


def test_a_body_that_is_not_in_memory_is_not_signed() -> None:
    with pytest.raises(TypeError, match="held in memory"):
        prepared("POST", ENDPOINT, signer(), data=iter([b"{}"]))


def test_a_token_is_sent_instead_of_a_signature() -> None:
    request = prepared("GET", ENDPOINT, TokenAuth(token="iam-token", project_id=PROJECT))

    assert request.headers["X-Auth-Token"] == "iam-token"
    assert request.headers["X-Project-Id"] == PROJECT
    assert "Authorization" not in request.headers


def test_repr_hides_keys_and_tokens() -> None:
    auth = signer(security_token=SECURITY_TOKEN)
    shown = f"{auth!r} {auth} {TokenAuth(token='iam-token', project_id=PROJECT)!r}"

    assert shown == "Signer(...) Signer(...) TokenAuth(...)"


@pytest.mark.parametrize("value", ["", " x", "x ", "x\r\nY: z", "x\ny", "ключ", "x\x00"])
def test_invalid_header_value_is_rejected_without_being_quoted(value: str) -> None:
    with pytest.raises(ValueError, match=r"^token is empty or holds characters") as caught:
        TokenAuth(token=value, project_id=PROJECT)

    assert not value.strip() or value not in str(caught.value)

"""The fake cloud's gateway lets in only what the account has signed, in time, for its project."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from requests.auth import AuthBase

from tests.fake_dms import Account, Clock, FakeDms
from tests.fake_dms.caller import Caller, Signed, code

NOON = 1_780_000_000.0
ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TOKEN = Account(security_token="secret-canary-token")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def cloud(clock: Clock, request: pytest.FixtureRequest) -> Iterator[FakeDms]:
    account = getattr(request, "param", Account())
    with FakeDms(account=account, clock=clock) as cloud:
        yield cloud


class Changed(Signed):
    """Signs, and then changes or removes headers."""

    def __init__(self, cloud: FakeDms, **headers: str | None) -> None:
        super().__init__(cloud)
        self._changes = {name.replace("_", "-"): value for name, value in headers.items()}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        super().__call__(request)
        for name, value in self._changes.items():
            request.headers.pop(name, None)
            request.headers.update({} if value is None else {name: value})
        return request


class Token(AuthBase):
    """Proves by IAM token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Auth-Token"] = self._token
        return request


@pytest.mark.parametrize("cloud", [Account(), TOKEN], indirect=True)
def test_a_signed_request_is_answered_with_a_request_id(cloud: FakeDms) -> None:
    cloud.add_instance(ONE)

    response = Caller(cloud).get(f"/instances/{ONE}", name="a b+c/ü", empty="")

    assert response.status_code == 200
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer x"},
        {"Authorization": f"SDK-HMAC-SHA256 Access=X, SignedHeaders=host, Signature={'0' * 64}"},
        {"X_Sdk_Date": "20260528T203320"},
        {"X_Sdk_Date": None},
        {"X_Project_Id": "f" * 32},
        {"X_Security_Token": "unsigned"},
    ],
)
def test_a_request_changed_after_signing_is_refused(
    cloud: FakeDms, headers: dict[str, str | None]
) -> None:
    response = Caller(cloud, Changed(cloud, **headers)).get()

    assert code(response) == (401, "APIGW.0301")
    assert response.json()["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize("cloud", [TOKEN], indirect=True)
def test_a_wrong_signature_echoes_the_signed_token(cloud: FakeDms) -> None:
    response = Caller(cloud, Changed(cloud, X_Security_Token="another-token")).get()

    assert code(response) == (401, "APIGW.0301")
    assert "x-security-token:another-token" in response.json()["error_msg"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"secret_key": "another"}, (401, "APIGW.0301")),
        ({"access_key": "ANOTHER"}, (401, "APIGW.0301")),
        ({"security_token": "another"}, (401, "APIGW.0301")),
        ({"project_id": "f" * 32}, (403, "APIGW.0302")),
    ],
)
def test_another_account_is_refused(
    cloud: FakeDms, changes: dict[str, str], expected: tuple[int, str]
) -> None:
    other = replace(cloud.account, **changes)  # type: ignore[arg-type]  # only fields of text

    assert code(Caller(cloud, Signed(cloud, other)).get()) == expected


def test_another_project_in_the_path_is_refused(cloud: FakeDms) -> None:
    response = Caller(cloud).send("GET", f"{cloud.url}/v2/{'f' * 32}/instances")

    assert code(response) == (403, "APIGW.0302")


@pytest.mark.parametrize(("offset", "status"), [(900, 200), (901, 401), (-900, 200), (-901, 401)])
def test_gateway_accepts_fifteen_minutes_of_skew(clock: Clock, offset: float, status: int) -> None:
    with FakeDms(account=Account(clock_offset=offset), clock=clock) as cloud:
        cloud.add_instance(ONE)
        response = Caller(cloud).get()

    assert response.status_code == status
    assert status == 200 or response.json()["error_code"] == "APIGW.0303"


def test_tokens_are_accepted_unless_expired_or_unknown(cloud: FakeDms) -> None:
    cloud.add_instance(ONE)
    account = cloud.account

    assert Caller(cloud, Token(account.auth_token)).get().status_code == 200
    assert code(Caller(cloud, Token(account.expired_auth_token)).get()) == (401, "APIGW.0307")
    assert code(Caller(cloud, Token("x")).get()) == (401, "APIGW.0301")

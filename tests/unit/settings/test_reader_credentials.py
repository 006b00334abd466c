"""Settings: key pairs, tokens and secrets, which are taken whole or not at all."""

from __future__ import annotations

import pytest

from function.model.errors import SettingsInvalid
from function.settings.model import Credentials
from function.settings.reader import read
from tests.unit.settings.needed import NEEDED, ROUTES, problems, taken


@pytest.mark.parametrize(
    ("secret", "right"),
    [
        ("whsec_" + "QUJD" * 8, True),
        ("whsec_" + "QUJD" * 8 + "QUI=", True),
        ("whsec_" + "QUJD" * 8 + "QUI", False),
        ("whsec_" + "QUJD" * 7, False),
        ("whsec_this-is-no-base64-but-it-is-long-enough", False),
        ("whsec_", False),
        ("plain-text-that-is-no-key-of-a-webhook", True),
    ],
)
@pytest.mark.parametrize("form", ["{}", "another-secret-of-mine,{}"])
def test_a_key_of_standard_webhooks_is_the_base64_of_24_bytes(
    secret: str, right: bool, form: str
) -> None:
    given = {"DIRECT_SECRETS": form.format(secret)}
    if right:
        assert taken(**given).auth.secrets["direct"][-1] == secret.encode()
        return

    (line,) = problems({**NEEDED, **given})

    assert line.startswith("DIRECT_SECRETS: has a ")
    assert secret not in line


def test_secrets_have_no_repr() -> None:
    secret = "a-secret-that-stays-one"
    given = {f"{route.upper()}_SECRETS": secret for route in ROUTES}
    more = {"HUAWEICLOUD_SDK_SK": secret, "HUAWEICLOUD_SDK_SECURITY_TOKEN": secret}
    places = {"K_SINK": f"http://sink.example/{secret}", "PROXY_URL": f"http://u:{secret}@p:1"}

    places["LEDGER_URL"] = f"redis://:{secret}@redis.example"
    assert secret not in repr(taken(**given, **more, **places))


def test_the_second_names_of_the_keys_work_too() -> None:
    rest = {name: value for name, value in NEEDED.items() if "SDK_AK" not in name}
    del rest["HUAWEICLOUD_SDK_SK"]

    loaded = read({**rest, "CLOUD_SDK_AK": "AK", "CLOUD_SDK_SK": "SK"}, routes=ROUTES)
    (line,) = problems({**rest, "CLOUD_SDK_AK": "A K", "CLOUD_SDK_SK": "SK"})

    assert loaded.credentials == Credentials("AK", "SK")
    assert line.startswith("CLOUD_SDK_AK: ")


def test_the_first_name_of_a_key_wins_over_its_second() -> None:
    assert taken(CLOUD_SDK_AK="OTHER").credentials == Credentials("AKEXAMPLE", "sk-example")


def test_a_token_of_iam_serves_instead_of_keys() -> None:
    rest = {name: value for name, value in NEEDED.items() if "_SDK_AK" not in name}
    del rest["HUAWEICLOUD_SDK_SK"]

    loaded = read({**rest, "HUAWEICLOUD_AUTH_TOKEN": "token"}, routes=ROUTES)
    lines = problems({**NEEDED, "HUAWEICLOUD_AUTH_TOKEN": "token"})

    assert loaded.credentials == Credentials(auth_token="token")
    assert [line.partition(":")[0] for line in lines] == [
        "HUAWEICLOUD_SDK_AK",
        "HUAWEICLOUD_SDK_SK",
    ]


@pytest.mark.parametrize("only", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"])
def test_half_a_key_pair_is_rejected_even_with_platform_keys(only: str) -> None:
    rest = {name: value for name, value in NEEDED.items() if "_SDK_AK" not in name}
    del rest["HUAWEICLOUD_SDK_SK"]

    assert read(rest, routes=ROUTES, platform_credentials=True).credentials is None
    container = read({**rest, "FUNCTIONGRAPH_CONTAINER": "true"}, routes=ROUTES)
    assert container.credentials is None
    with pytest.raises(SettingsInvalid, match="HUAWEICLOUD_SDK_SK: is missing"):
        read({**rest, only: "x"}, routes=ROUTES, platform_credentials=True)

"""The least settings, and what is read or wrong where others are added to them."""

from __future__ import annotations

import pytest

from function.model.errors import SettingsInvalid
from function.settings.model import Settings
from function.settings.reader import read

ROUTES = ("alertmanager", "cloudevents", "direct", "grafana")


NEEDED = {
    "HUAWEICLOUD_SDK_AK": "AKEXAMPLE",
    "HUAWEICLOUD_SDK_SK": "sk-example",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef" * 2,
    "HUAWEICLOUD_REGION": "eu-de",
    "DRY_RUN": "true",
}


def taken(**changes: str) -> Settings:
    return read({**NEEDED, **changes}, routes=ROUTES)


def problems(given: dict[str, str], *, http_entrypoint: bool = False) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        read(given, routes=ROUTES, http_entrypoint=http_entrypoint)
    assert str(invalid.value).splitlines() == list(invalid.value.problems)
    return list(invalid.value.problems)

"""Fixtures of the event entrypoint: a bare environment, a cloud, a context of FunctionGraph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import ORDERS, SETTINGS
from tests.fake_dms import FakeDms
from tests.signed_requests import SECRET

from .invoked import Context


@pytest.fixture(name="bare_environment")
def forget_the_settings_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all settings out of the environment."""
    for name in (*SETTINGS, "CLOUD_SDK_AK", "CLOUD_SDK_SK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="cloud")
def open_a_cloud() -> Iterator[FakeDms]:
    """Open a cloud with one faulty instance."""
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        yield cloud


@pytest.fixture(name="context")
def connect_a_context(cloud: FakeDms) -> Context:
    """Return a context with all settings, and keys of its own among them."""
    return Context({"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()})

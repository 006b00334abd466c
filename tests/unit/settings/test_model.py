"""The values of the settings: none of them shows a secret where it is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from function.settings.model import (
    AuthSettings,
    Credentials,
    Limits,
    NotifySettings,
    OutboundSettings,
    Settings,
)

SECRET = "canary-secret"
AUTH = AuthSettings({"direct": (SECRET.encode(),)}, certificate_file=Path("/smn.pem"))
CREDENTIALS = Credentials("access-key", SECRET, SECRET, SECRET)
OUTBOUND = OutboundSettings(
    endpoint="https://dms.example",
    project_id="0" * 32,
    proxy_url=f"http://user:{SECRET}@proxy.example",
    sink=f"https://sink.example/{SECRET}",
    sink_extensions={"token": SECRET},
)
SETTINGS = Settings(
    Limits(dry_run=True),
    AUTH,
    OUTBOUND,
    CREDENTIALS,
    notify=NotifySettings(),
    ledger_url=f"redis://:{SECRET}@redis.example",
)


@pytest.mark.parametrize(
    "value", [AUTH, CREDENTIALS, OUTBOUND, SETTINGS], ids=lambda value: type(value).__name__
)
def test_a_value_that_holds_secrets_is_printed_without_them(value: object) -> None:
    assert SECRET not in f"{value} {value!r} {[value]}"
    assert type(value).__name__ in repr(value)

"""The target of functions-framework, without its server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import flask
import pytest

from function.lib.strict_json import LIMIT
from function.lib.version import VERSION
from tests.factories import ORDERS, SETTINGS
from tests.fake_dms import FakeDms
from tests.signed_requests import RESTART, SECRET

Remediate = Callable[[flask.Request], flask.Response]
BODY = json.dumps(RESTART).encode()
AUTHENTICATED = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    """An environment with all that is needed, and the cloud that it names."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")  # it is set at the start: take it back in the end
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        settings = {"DRY_RUN": "true", "DIRECT_SECRETS": SECRET, **cloud.environment()}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield cloud


def started(monkeypatch: pytest.MonkeyPatch) -> Remediate:
    """Import the entrypoint as a server would, once for this test."""
    monkeypatch.delitem(sys.modules, "function.main", raising=False)
    target: Remediate = import_module("function.main").remediate
    return target


@pytest.mark.parametrize(
    ("path", "request_", "status", "reason"),
    [
        ("/direct", {}, 200, "dry_run"),
        ("/direct", {"headers": {"Content-Type": "text/plain"}}, 415, "media_type"),
        ("/direct", {"headers": {}}, 401, "unauthenticated"),
        ("/direct", {"data": b"x" * (LIMIT + 1)}, 413, "too_large"),
        ("/health", {"method": "GET", "data": None}, 200, None),
        ("/invoke", {}, 404, None),
    ],
)
def test_flask_hands_every_request_to_the_same_application(
    path: str,
    request_: dict[str, object],
    status: int,
    reason: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"method": "POST", "data": BODY, "headers": AUTHENTICATED, **request_}
    remediate = started(monkeypatch)

    with flask.Flask("function").test_request_context(path, **given):
        reply = remediate(flask.request)
        assert flask.request.get_data() == b""  # which functions-framework reads in the end

    event = reply.get_json(force=True).get("data", {})
    assert (reply.status_code, event.get("reason")) == (status, reason)


def test_wrong_settings_end_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DRY_RUN")

    with pytest.raises(SystemExit) as end:
        started(monkeypatch)

    assert end.value.code == 1
    assert "Not started: DRY_RUN: is missing" in capsys.readouterr().err


def test_start_log_warns_of_a_server_without_limits_and_says_mode_routes_and_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server of functions-framework, unlike `serve`, bounds no slow caller."""
    started(monkeypatch)

    warning, start = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (warning["severity"], start["severity"]) == ("WARNING", "INFO")
    assert "`python -m function serve` does" in warning["message"]
    assert (start["mode"], start["version"]) == ("dry run", VERSION)
    assert "/direct" in start["routes"]

"""The command `serve`, with a replaced server: what it loads, and how it fails."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
from typing import Any

import pytest

from function.cli import serve
from function.entrypoints import server
from function.entrypoints.http_application import Application
from tests.factories import SETTINGS

ENVIRONMENT = {
    "HUAWEICLOUD_AUTH_TOKEN": "token",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
    "DMS_ENDPOINT": "http://127.0.0.1:9",
    "DRY_RUN": "true",
    "DIRECT_SECRETS": "0123456789abcdef",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def arguments(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return parser.parse_args(options)


def test_serve_answers_at_the_address_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(server, "serve", lambda *given: calls.append(given))

    assert serve.run(arguments("--host", "127.0.0.1", "--port", "8081")) == 0

    ((application, runtime, host, port),) = calls
    assert isinstance(application, Application)
    assert runtime.settings.limits.dry_run
    assert (host, port) == ("127.0.0.1", 8081)


def test_serve_loads_no_web_framework() -> None:
    """Flask and gunicorn are a third of the memory and of the start of functions-framework."""
    loaded = (
        "import sys; from function.entrypoints import http_application, server; print(*sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    ).stdout

    assert not {"flask", "functions_framework", "gunicorn", "werkzeug"} & {*printed.split()}


def test_address_and_port_default_to_the_platform_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert vars(arguments()) == {"host": "0.0.0.0", "port": 8080}
    monkeypatch.setenv("HOST", "127.0.0.1")
    monkeypatch.setenv("PORT", "9000")
    assert vars(arguments()) == {"host": "127.0.0.1", "port": 9000}


def test_invalid_settings_are_named_and_stop_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DRY_RUN")

    assert serve.run(arguments()) == 2
    assert "DRY_RUN: is missing" in capsys.readouterr().err


def test_address_in_use_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert serve.run(arguments("--host", "127.0.0.1", "--port", port)) == 1

    assert f"127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["99999", "-1", "http"])
def test_a_number_that_is_no_port_is_named(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        arguments("--port", number)

    assert end.value.code == 2
    assert f"invalid port value: '{number}'" in capsys.readouterr().err

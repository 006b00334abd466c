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


def address(monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[str, int]:
    """Return where a server would listen."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(server, "serve", lambda *given: calls.append(given))
    assert serve.run(arguments(*options)) == 0
    ((_, _, host, port),) = calls
    return host, port


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("0.0.0.0", 8080)),
        ({"HOST": "", "PORT": ""}, ("0.0.0.0", 8080)),
        ({"HOST": "127.0.0.1", "PORT": "9000"}, ("127.0.0.1", 9000)),
        ({"HOST": "[::1]"}, ("::1", 8080)),
    ],
)
def test_address_and_port_default_to_the_platform_variables(
    variables: dict[str, str], expected: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may stand in the file of settings, which is read after the options."""
    options = arguments()
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert vars(options) == {"host": None, "port": None}
    assert address(monkeypatch) == expected
    assert address(monkeypatch, "--host", "::1", "--port", "0") == ("::1", 0)


@pytest.mark.parametrize("number", ["99999", "-1", "http"])
def test_a_variable_that_is_no_port_is_named(
    number: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", number)

    assert serve.run(arguments()) == 2
    assert capsys.readouterr().err == (
        "PORT: must be a number from 0 to 65535; for example PORT=8080\n"
    )


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

    assert capsys.readouterr().err == f"127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("number", ["99999", "-1", "http"])
def test_a_number_that_is_no_port_is_named(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        arguments("--port", number)

    assert end.value.code == 2
    assert f"invalid port value: '{number}'" in capsys.readouterr().err

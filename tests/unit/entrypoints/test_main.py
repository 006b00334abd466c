"""The HTTP entrypoint without a server: how it reads a request, and what it starts with."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType

import flask
import pytest

from function.entrypoints.routes import RECEIVED
from function.lib.strict_json import LIMIT
from function.lib.version import VERSION
from tests.factories import ORDERS, SETTINGS
from tests.fake_dms import FakeDms
from tests.signed_requests import RESTART, SECRET

Remediate = Callable[[flask.Request], flask.Response]
BODY = json.dumps(RESTART).encode()
AUTHENTICATED = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}


class Broken(io.RawIOBase):
    """A stream that breaks off after its first part."""

    def __init__(self) -> None:
        self._parts = [BODY]

    def read(self, size: int = -1) -> bytes:
        if not self._parts:
            raise ConnectionResetError
        return self._parts.pop()


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


def answer(remediate: Remediate, path: str = "/direct", **request: object) -> tuple[int, str]:
    given = {"method": "POST", "data": BODY, "headers": AUTHENTICATED, **request}
    with flask.Flask("function").test_request_context(path, **given):
        reply = remediate(flask.request)
        again = flask.request.get_data()
    assert len(again) <= LIMIT
    if reply.mimetype != "application/cloudevents+json":
        return reply.status_code, ""
    return reply.status_code, reply.get_json(force=True)["data"]["reason"] or ""


def test_a_request_is_taken_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    remediate = started(monkeypatch)

    assert answer(remediate) == (200, "dry_run")
    assert answer(remediate, headers={"Content-Type": "text/plain"}) == (415, "media_type")
    assert answer(remediate, headers={}) == (401, "unauthenticated")
    assert answer(remediate, "/health", method="GET", data=None) == (200, "")
    assert answer(remediate, "/invoke") == (404, "")


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 400), (LIMIT + 1, 413), (17 * LIMIT, 413)])
def test_a_body_is_read_up_to_its_limit(
    size: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(started(monkeypatch), data=b"x" * size)[0] == status


def test_a_body_in_chunks_is_read_to_its_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """In chunks of one byte, 4 MiB of it would cost seven seconds of CPU."""
    stream = io.BytesIO(b"x" * 8 * LIMIT)
    environ = {"wsgi.input": stream, "wsgi.input_terminated": True}

    remediate = started(monkeypatch)
    with flask.Flask("function").test_request_context(
        "/direct", method="POST", environ_overrides=environ
    ):
        assert remediate(flask.request).status_code == 413
    assert stream.tell() < 2 * LIMIT


@pytest.mark.parametrize("length", [len(BODY) + 1, len(BODY) * 9])
def test_truncated_body_is_not_used(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"CONTENT_LENGTH": str(length), "wsgi.input_terminated": True}

    assert answer(started(monkeypatch), environ_overrides=environ) == (400, "invalid_json")


def test_body_of_a_broken_connection_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"wsgi.input": Broken(), "wsgi.input_terminated": True}

    assert answer(started(monkeypatch), environ_overrides=environ) == (400, "invalid_json")


def test_in_a_container_of_functiongraph_events_are_invoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNCTIONGRAPH_CONTAINER", "true")

    remediate = started(monkeypatch)

    assert answer(remediate, "/invoke") == (403, "route_closed")
    assert answer(remediate, "/init") == (200, "")


def test_wrong_settings_end_the_process_with_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DRY_RUN")
    monkeypatch.setenv("MAX_PURGE", "many")
    monkeypatch.setenv("DEBUG", "true")

    with pytest.raises(SystemExit) as end:
        started(monkeypatch)

    assert end.value.code == 1
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == [
        "Not started: DEBUG: opens a debugger that runs code for every caller; unset it",
        "Not started: DRY_RUN: is missing; for example DRY_RUN=true",
        "Not started: MAX_PURGE: must be a whole number from 1 to 1000; for example MAX_PURGE=20",
    ]
    assert {line["severity"] for line in lines} == {"ERROR"}


@pytest.mark.parametrize("bounded", [False, True])
def test_start_log_warns_of_a_server_without_limits(
    bounded: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server of functions-framework, unlike `serve`, bounds no slow caller."""
    monkeypatch.delitem(sys.modules, "waitress", raising=False)
    if bounded:
        monkeypatch.setitem(sys.modules, "waitress", ModuleType("waitress"))

    started(monkeypatch)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["severity"] for line in lines] == ([] if bounded else ["WARNING", "INFO"])


def test_start_log_under_functions_framework_says_mode_routes_and_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "waitress", raising=False)

    started(monkeypatch)

    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["mode"], line["version"]) == ("dry run", VERSION)
    assert "/direct" in line["routes"]


def test_slow_body_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    remediate = started(monkeypatch)
    monkeypatch.setattr(sys.modules["function.main"], "MAX_BODY_SECONDS", -1.0)

    assert answer(remediate) == (400, "invalid_json")


def test_the_deadline_begins_when_the_request_was_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that has waited for a thread until its sender gave up is not acted upon."""
    monkeypatch.setenv("DRY_RUN", "false")
    remediate = started(monkeypatch)

    late = {RECEIVED: time.monotonic() - 5}
    assert answer(remediate, environ_overrides=late) == (503, "state_unreadable")
    assert answer(remediate, environ_overrides={RECEIVED: time.monotonic()}) == (200, "")

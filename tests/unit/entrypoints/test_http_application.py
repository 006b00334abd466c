"""The HTTP application without a server: how it reads a request, and what it answers."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from function.entrypoints import http_application
from function.entrypoints.http_application import Application
from function.entrypoints.routes import RECEIVED
from function.lib.strict_json import LIMIT
from function.model.errors import SettingsInvalid
from tests.factories import ORDERS, SETTINGS
from tests.fake_dms import FakeDms
from tests.signed_requests import RESTART, SECRET

BODY = json.dumps(RESTART).encode()


class Broken(io.RawIOBase):
    """A stream that breaks off after its first part."""

    def __init__(self) -> None:
        self._parts = [BODY]

    def read(self, size: int = -1) -> bytes:
        if not self._parts:
            raise ConnectionResetError
        return self._parts.pop()


class Answer(NamedTuple):
    """What a server would send."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def reason(self) -> str | None:
        reason: str | None = json.loads(self.body)["data"]["reason"]
        return reason


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    """An environment with all that is needed, and the cloud that it names."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        settings = {"DRY_RUN": "true", "DIRECT_SECRETS": SECRET, **cloud.environment()}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield cloud


def answer(
    method: str = "POST",
    path: str = "/direct",
    body: bytes = BODY,
    environ: Mapping[str, object] = MappingProxyType({}),
    **more: str | None,
) -> Answer:
    """Have a request answered; what is None is left out of the environment of WSGI."""
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {SECRET}",
        "wsgi.input": io.BytesIO(body),
        **environ,
        **more,
    }
    named = {name: value for name, value in given.items() if value is not None}
    started: list[tuple[str, list[tuple[str, str]]]] = []
    application = Application(http_application.start(os.environ))
    content = b"".join(application(named, lambda *head: started.append(head)))
    ((status, headers),) = started
    return Answer(status, dict(headers), content)


def test_a_request_is_taken_as_it_comes() -> None:
    assert (answer().status, answer().reason) == ("200 OK", "dry_run")
    assert answer(CONTENT_TYPE="text/plain").reason == "media_type"
    assert answer(HTTP_AUTHORIZATION=None).reason == "unauthenticated"
    assert answer(method="post").reason == "dry_run"
    assert answer(path="/invoke").status == "404 Not Found"


def test_an_answer_has_its_length_and_its_type() -> None:
    event = answer()
    assert event.headers == {
        "Content-Type": "application/cloudevents+json",
        "Content-Length": str(len(event.body)),
    }


def test_head_is_answered_like_get_without_the_body() -> None:
    get, head = (answer(method, "/health", b"") for method in ("GET", "HEAD"))

    assert json.loads(get.body) == {"message": "ready"}
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


def test_an_answer_without_content_says_no_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own results, which an event broker may bring back, are not events."""
    monkeypatch.setenv("CLOUDEVENTS_SECRETS", SECRET)
    own = {
        "HTTP_CE_SPECVERSION": "1.0",
        "HTTP_CE_ID": "1",
        "HTTP_CE_SOURCE": "/kafka-remediator",
        "HTTP_CE_TYPE": "dev.kafka-remediator.result.v1",
    }
    assert answer("POST", "/", b"{}", own) == ("204 No Content", {}, b"")


def test_slashes_before_a_path_count_once() -> None:
    """Proxies and senders join an address and a path in all possible ways."""
    assert answer(path="//direct").reason == "dry_run"
    assert json.loads(answer("GET", "").body) == {"message": "Use POST."}


@pytest.mark.parametrize("path", ["/dir\xc3\xa9ct", "/dir\xe9ct", "/%64irect", "/direct\x00"])
def test_a_path_that_is_none_of_the_routes_is_not_found(path: str) -> None:
    assert answer(path=path).status == "404 Not Found"


@pytest.mark.parametrize(
    ("size", "status"), [(LIMIT, "400"), (LIMIT + 1, "413"), (17 * LIMIT, "413")]
)
def test_a_body_is_read_up_to_its_limit(size: int, status: str) -> None:
    assert answer(body=b"x" * size).status[:3] == status


def test_a_body_in_chunks_is_read_to_its_limit_only() -> None:
    """In chunks of one byte, 4 MiB of it would cost seven seconds of CPU."""
    stream = io.BytesIO(b"x" * 8 * LIMIT)

    assert answer(environ={"wsgi.input": stream}, CONTENT_LENGTH=None).status[:3] == "413"
    assert stream.tell() < 2 * LIMIT


@pytest.mark.parametrize("length", [len(BODY) + 1, len(BODY) * 9])
def test_truncated_body_is_not_used(length: int) -> None:
    assert answer(CONTENT_LENGTH=str(length)).reason == "invalid_json"


def test_body_of_a_broken_connection_is_not_used() -> None:
    assert answer(environ={"wsgi.input": Broken()}).reason == "invalid_json"


def test_slow_body_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_application, "MAX_BODY_SECONDS", -1.0)

    assert answer().reason == "invalid_json"


def test_in_a_container_of_functiongraph_events_are_invoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FUNCTIONGRAPH_CONTAINER", "true")

    assert answer(path="/invoke").reason == "route_closed"
    assert answer(path="/init").status == "200 OK"


def test_the_deadline_begins_when_the_request_was_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that has waited for a thread until its sender gave up is not acted upon."""
    monkeypatch.setenv("DRY_RUN", "false")

    late, now = (answer(environ={RECEIVED: time.monotonic() - waited}) for waited in (5, 0))

    assert (late.status[:3], late.reason) == ("503", "state_unreadable")
    assert (now.status[:3], now.reason) == ("200", None)


def test_all_problems_of_the_start_are_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DRY_RUN")
    monkeypatch.setenv("MAX_PURGE", "many")
    monkeypatch.setenv("DEBUG", "true")

    with pytest.raises(SettingsInvalid):
        http_application.start(os.environ)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == [
        "Not started: DEBUG: opens a debugger that runs code for every caller; unset it",
        "Not started: DRY_RUN: is missing; for example DRY_RUN=true",
        "Not started: MAX_PURGE: must be a whole number from 1 to 1000; for example MAX_PURGE=20",
    ]
    assert {line["severity"] for line in lines} == {"ERROR"}

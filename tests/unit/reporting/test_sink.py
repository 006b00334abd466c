"""The sink gets every result of an authenticated sender; a broken one changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from function.entrypoints import startup
from function.handler import handler
from tests.fake_dms import FakeDms

INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
SECRET = "example-secret-example"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SLOW_SECONDS = 2
REQUEST = {"action": "restart", "instances": [INSTANCE]}


class Sink(HTTPServer):
    """A sink that records events and answers with one status."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.status = status
        self.may_answer = Event()
        self.may_answer.set()
        self.taken: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/default"


class _Take(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.headers["Content-Type"], json.loads(body)))
        self.server.may_answer.wait(SLOW_SECONDS)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


@contextmanager
def sink(status: int = 202) -> Iterator[Sink]:
    with Sink(status) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def deaf() -> Iterator[str]:
    """A sink that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@contextmanager
def gone() -> Iterator[str]:
    """A sink that refuses the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/"


@contextmanager
def refusing() -> Iterator[str]:
    with sink(500) as server:
        yield server.url


@contextmanager
def none() -> Iterator[str]:
    yield ""


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        settings = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, **cloud.environment()}
        for name, value in {**settings, "DEADLINE_SECONDS": "8"}.items():  # 0.8 s for the sink
            monkeypatch.setenv(name, value)
        yield cloud


def posted(**headers: str) -> dict[str, Any]:
    """Return a request over an API gateway."""
    own = {"authorization": f"Bearer {SECRET}", "content-type": "application/json", **headers}
    request = {"httpMethod": "POST", "path": "/direct", "isBase64Encoded": False}
    return {**request, "headers": own, "body": json.dumps(REQUEST)}


def answered(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = handler(event, None)
    result: dict[str, Any] = json.loads(answer["body"])
    return answer["statusCode"], result


def test_the_sink_gets_the_event_that_the_caller_gets(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sink() as server:
        monkeypatch.setenv("K_SINK", server.url)
        _, result = answered(posted())

    assert result["data"]["outcome"] == "accepted"
    assert server.taken == [("application/cloudevents+json", result)]


def test_the_event_and_its_trace_stay_together_everywhere(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sink() as server:
        monkeypatch.setenv("K_SINK", server.url)
        _, over_http = answered(posted(traceparent=TRACE))
        event = {"specversion": "1.0", "id": "1", "source": "urn:example:script"}
        kind = {"type": "dev.kafka-remediator.request.v1", "traceparent": TRACE}
        returned = handler({**event, **kind, "data": REQUEST}, None)

    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    everywhere = [over_http, returned, *logged, *(taken for _, taken in server.taken)]
    assert [one["traceparent"] for one in everywhere] == [TRACE] * 6


def test_the_operator_may_add_extensions_for_the_sink(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sink() as server:
        monkeypatch.setenv("K_SINK", server.url)
        monkeypatch.setenv("K_CE_OVERRIDES", '{"extensions":{"team":"streaming"}}')
        _, result = answered(posted())

    assert server.taken[0][1] == {**result, "team": "streaming"}
    assert "team" not in result


def test_the_sink_gets_nothing_of_an_unauthenticated_sender(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sink() as server:
        monkeypatch.setenv("K_SINK", server.url)
        status, _ = answered(posted(authorization="Bearer wrong-secret-wrong"))

    assert status == 401
    assert server.taken == []


def test_a_slow_sink_gets_only_the_time_for_the_report(
    cloud: FakeDms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEADLINE_SECONDS", str(2 * SLOW_SECONDS))
    with sink() as server:
        monkeypatch.setenv("K_SINK", server.url)
        server.may_answer.clear()
        status, result = answered(posted())
        server.may_answer.set()

    assert (status, len(server.taken)) == (200, 1)
    log = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert ("The sink did not take the result.", result["data"]["event"]["id"]) in [
        (line["message"], line["event_id"]) for line in log
    ]


@pytest.mark.parametrize("broken", [refusing, gone, deaf])
def test_a_broken_sink_changes_nothing_else(
    broken: Any, cloud: FakeDms, monkeypatch: pytest.MonkeyPatch
) -> None:
    with none() as url:
        monkeypatch.setenv("K_SINK", url)
        without = answered(posted())
    cloud.set_status(INSTANCE, "ERROR")
    for task in cloud.tasks(INSTANCE):
        cloud.remove_task(INSTANCE, task.id)
    startup.open_ledger.cache_clear()

    with broken() as url:
        monkeypatch.setenv("K_SINK", url)
        with_it = answered(posted())

    assert with_it[0] == without[0] == 200
    for one in (without[1], with_it[1]):
        one["data"].update(duration_ms=0, api={**one["data"]["api"], "request_id": ""}, event=None)
        one.update(id="", time="")
    assert with_it == without
    assert [deed.action for deed in cloud.effects] == ["restart", "restart"]

"""How an event ends: the sink, subscription messages, unexpected exceptions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from function.ledger.memory import MemoryLedger
from function.lib.clock import Deadline
from function.model.errors import SettingsInvalid
from function.model.event import Event, RawEvent
from function.model.sent_call import Changes
from function.pipeline import run
from tests.factories import NOW, ORDERS
from tests.harness import SECRET, Remediator

REQUEST = {"action": "restart", "instances": [ORDERS]}


def broken(_: Any) -> Event:
    raise ZeroDivisionError("the event said: secret")


def break_source(remediator: Remediator, name: str) -> None:
    source = remediator.runtime.sources[name]._replace(parse=broken)
    remediator.runtime = remediator.runtime._replace(
        sources={**remediator.runtime.sources, name: source}
    )


def test_exception_before_the_call_fails_without_details(remediator: Remediator, out: Any) -> None:
    break_source(remediator, "direct")
    answer = remediator.restart()
    _, (line,) = out()

    assert answer.verdict == (500, "failed", "internal")
    assert answer.data["needs_human"]
    assert (line["severity"], line["kind"]) == ("ERROR", "ZeroDivisionError")
    assert line["at"][-1].startswith(f"{Path(__file__).name}:")
    assert "secret" not in json.dumps([line, answer.event])


class BrokenLedger(MemoryLedger):
    """A ledger that breaks when the result of a call is recorded."""

    def learn(self, changes: Changes) -> None:
        if changes.accepted:
            raise ZeroDivisionError
        super().learn(changes)


def test_exception_after_the_call_is_unknown(remediator: Remediator) -> None:
    ledger = BrokenLedger(remediator.runtime.clock.monotonic)
    remediator.runtime = remediator.runtime._replace(ledger=ledger)
    answer = remediator.restart()

    assert answer.verdict == (202, "unknown", "internal")
    assert (answer.data["api"]["attempts"], len(remediator.cloud.posts)) == (1, 1)
    assert answer.data["request"] == REQUEST


def test_exception_ends_only_its_own_event(remediator: Remediator) -> None:
    break_source(remediator, "alertmanager")

    assert remediator.alert().data["reason"] == "internal"
    assert remediator.restart().verdict == (200, "accepted", None)


class Sink(HTTPServer):
    """A sink that records events and answers with a given status."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.status = status
        self.got: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Keeper(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.got.append(json.loads(self.rfile.read(length)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(name="sink", params=[202, 500])
def a_sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with Sink(request.param) as sink:
        yield sink
        sink.shutdown()


def test_the_result_of_an_authenticated_event_is_posted_to_the_sink_once(
    remediator: Remediator, sink: Sink, out: Any
) -> None:
    remediator.set(K_SINK=sink.url, K_CE_OVERRIDES='{"extensions":{"tenant":"streaming"}}')
    answer = remediator.restart()
    remediator.post("/direct", REQUEST, authorization="Bearer wrong-secret-of-16")
    warned = "The sink did not take the result." in [line["message"] for line in out()[1]]

    assert answer.status == 200
    assert sink.got == [{**answer.event, "tenant": "streaming"}]
    assert warned == (sink.status != 202)


def test_settings_that_are_wrong_at_an_event_are_a_result_too(remediator: Remediator) -> None:
    def wrong(_: Any) -> Event:
        raise SettingsInvalid(("A: is missing",))

    source = remediator.runtime.sources["direct"]._replace(parse=wrong)
    remediator.runtime = remediator.runtime._replace(
        sources={**remediator.runtime.sources, "direct": source}
    )

    assert remediator.restart().verdict == (500, "failed", "settings")


def test_ignored_event_logs_its_duration(remediator: Remediator) -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    received = RawEvent("direct", b"{", NOW, headers)
    begin = remediator.runtime.clock.monotonic() - 2
    result = run(received, remediator.runtime, Deadline(begin, 4.5), credentials=None)

    assert result is not None
    assert 2000 <= result.data["duration_ms"] < 60_000

"""Log lines and the sink: each line in one piece, and a failing sink breaks nothing."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from function.lib import timestamps
from function.model.result import ResultEvent
from function.reporting import emit
from function.settings.model import OutboundSettings
from tests.fake_dms import Close, Drip, FakeDms, Fault, Hold, Raw, Reply, Reset, gzip_bomb, redirect
from tests.fault_matrix.certificates import tls_endpoint

EVENT = {"specversion": "1.0", "id": "7", "type": "dev.kafka-remediator.result.v1"}
BROKEN: list[Fault] = [
    *(Reset("request"), Close("request"), Reply(500), Reply(404), Reply(503), Raw(b"nonsense")),
    *(Reset("connect"), Close("answer"), redirect("http://127.0.0.1:9/")),
]


def result(**fields: Any) -> ResultEvent:
    return ResultEvent(
        {**EVENT, "data": {"outcome": "accepted", "reason": None, "needs_human": False, **fields}},
        200,
    )


@pytest.fixture
def sink() -> Iterator[FakeDms]:
    with FakeDms() as sink:
        yield sink


def posted(sink: FakeDms, *, seconds: float = 10.0, **fields: Any) -> bool:
    outgoing = OutboundSettings(
        "https://unused.example", "0" * 32, sink=f"{sink.url}/events", **fields
    )
    return emit.post_to_sink(result(), outgoing, seconds=seconds)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outcome": "accepted"}, "INFO"),
        ({"outcome": "skipped"}, "INFO"),
        ({"outcome": "failed"}, "WARNING"),
        ({"outcome": "unknown"}, "WARNING"),
        ({"outcome": "rejected"}, "WARNING"),
        ({"outcome": "skipped", "needs_human": True}, "ERROR"),
    ],
)
def test_result_that_needs_a_person_is_logged_as_error(
    fields: dict[str, Any], expected: str
) -> None:
    assert emit.severity(result(**fields)) == expected


def test_unauthenticated_sender_gets_a_reduced_result() -> None:
    bare = ResultEvent({**EVENT, "data": {"outcome": "rejected", "reason": "unauthenticated"}}, 401)

    assert emit.severity(bare) == "WARNING"


def test_a_result_is_one_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    emit.log_result(result(message="two\nlines\u2028and more"))

    written = capsys.readouterr()
    (line,) = written.out.split("\n")[:-1]
    assert (
        json.loads(line).items()
        >= {"severity": "INFO", "message": "two\nlines\u2028and more"}.items()
    )
    assert (len(line.splitlines()), written.err) == (1, "")


def test_the_line_of_a_rejected_caller_has_a_message_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = {"outcome": "rejected", "reason": "unauthenticated"}
    emit.log_result(ResultEvent({**EVENT, "data": data}, 401))

    assert json.loads(capsys.readouterr().out)["message"] == "rejected: unauthenticated"


def test_every_line_says_when_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    emit.log("INFO", "said", place="here")

    line = json.loads(capsys.readouterr().err)
    assert timestamps.parse(line.pop("time")) is not None
    assert line == {"severity": "INFO", "message": "said", "place": "here"}


@pytest.mark.parametrize("least", emit.LEVELS)
def test_the_log_level_leaves_out_what_is_quieter(
    least: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for level in emit.LEVELS:
        emit.log(level, "said", min_level=least, more=1)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["severity"] for line in lines] == [*emit.LEVELS[emit.LEVELS.index(least) :]]


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_closed_log_stream_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", Broken())
    monkeypatch.setattr(sys, "stderr", closed)

    before = emit.dropped_lines()
    emit.log_result(result())
    emit.log("ERROR", "said")
    assert emit.dropped_lines() == before + 2

    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    emit.log("ERROR", "said")
    emit.log("ERROR", "said")
    assert [json.loads(line).get("dropped") for line in heard.getvalue().splitlines()] == [2, None]


def test_lines_of_many_threads_stay_whole(capfd: pytest.CaptureFixture[str]) -> None:
    long = "x" * 5000
    threads = [
        threading.Thread(target=emit.log, args=("INFO", long), kwargs={"number": number})
        for number in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert sorted(line["number"] for line in lines) == [*range(40)]


def test_sink_is_verified_with_the_configured_roots() -> None:
    with FakeDms(endpoint=tls_endpoint("good")) as sink:
        sink.fault(Reply(202), times=None)

        assert posted(sink, ca_bundle_file=sink.endpoint.authority)
        assert not posted(sink)
        assert len(sink.requests) == 1


def test_a_sink_gets_the_event_with_the_extensions_of_its_operator(sink: FakeDms) -> None:
    sink.fault(Reply(202))

    assert posted(sink, sink_extensions={"team": "a"})
    (arrival,) = sink.requests
    assert (arrival.method, arrival.target) == ("POST", "/events")
    assert arrival.headers["content-type"] == "application/cloudevents+json"
    assert arrival.json == {**EVENT, "data": dict(result().data), "team": "a"}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_sink_that_fails_is_asked_once(sink: FakeDms, fault: Fault) -> None:
    sink.fault(fault)

    assert not posted(sink)
    assert sink.connections == 1


@pytest.mark.parametrize("fault", [gzip_bomb(20), Reply(200, b"x" * (1024 * 1024 + 1))])
def test_sink_response_is_read_up_to_a_limit(sink: FakeDms, fault: Fault) -> None:
    sink.fault(fault)

    assert posted(sink)


@pytest.mark.parametrize("fault", [Hold("request"), Drip("head"), Hold("connect")])
def test_a_slow_sink_is_not_waited_for_and_gets_nothing_later(sink: FakeDms, fault: Fault) -> None:
    sink.fault(fault)

    assert not posted(sink, seconds=0.2)
    assert sink.connections <= 1


@pytest.mark.parametrize("seconds", [0.0, -3.0])
def test_without_time_or_without_a_sink_nothing_is_posted(sink: FakeDms, seconds: float) -> None:
    assert not posted(sink, seconds=seconds)
    assert not emit.post_to_sink(
        result(), OutboundSettings("https://unused.example", "0" * 32), seconds=9
    )
    assert sink.connections == 0


@pytest.mark.parametrize("url", ["http://a..b/", "http://[::1/"])
def test_unresolvable_sink_counts_as_failed(url: str) -> None:
    outgoing = OutboundSettings("https://unused.example", "0" * 32, sink=url)

    assert not emit.post_to_sink(result(), outgoing, seconds=5)


def test_sink_fails_without_threads(sink: FakeDms, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("function.lib.threads._pool._idle", [])
        patch.setattr(threading.Thread, "start", refuse)
        assert not posted(sink)
    assert sink.connections == 0

"""The path of one event: exactly one result, whatever comes and whatever breaks on the way."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from function.clock import Deadline
from function.errors import SettingsInvalid
from function.invocation import invoke
from function.locks import InFlight
from function.model import Event, Received
from function.pipeline import run
from function.routes import HttpRequest, answer

from .stand_in import Behaviour, Hold
from .values import AUDIT, DAY, NOW, ORDERS, PAYMENTS
from .world import SECRET, World, alerts, ces_alarm, world

REQUEST = {"action": "restart", "instances": [ORDERS]}


@pytest.fixture(name="night")
def a_night() -> Iterator[World]:
    with world() as night:
        yield night


@pytest.fixture(name="out")
def what_is_printed(capfd: pytest.CaptureFixture[str]) -> Any:
    def lines() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        printed = capfd.readouterr()
        results, log = (
            [json.loads(line) for line in text.splitlines()] for text in (printed.out, printed.err)
        )
        return results, log

    return lines


def broken(_: Any) -> Event:
    raise ZeroDivisionError("the event said: secret")


def break_source(night: World, name: str) -> None:
    source = replace(night.runtime.sources[name], read=broken)
    night.runtime = replace(night.runtime, sources={**night.runtime.sources, name: source})


@pytest.mark.parametrize(
    ("path", "document", "headers", "status", "reason"),
    [
        ("/direct", REQUEST, {}, 200, None),
        ("/direct", {"action": "purge"}, {}, 400, "schema"),
        ("/direct", b"{", {}, 400, "invalid_json"),
        ("/direct", b"x" * 10, {"content-type": "text/plain"}, 415, "media_type"),
        (
            "/direct",
            REQUEST,
            {"authorization": "Bearer wrong-secret-of-16"},
            401,
            "unauthenticated",
        ),
        ("/smn", REQUEST, {}, 403, "route_closed"),
        ("/alertmanager", alerts("none"), {}, 200, "not_mapped"),
    ],
)
def test_every_event_gets_one_result_in_the_answer_and_as_one_line(
    night: World, out: Any, path: str, document: Any, headers: Any, status: int, reason: Any
) -> None:
    found = night.post(path, document, **headers)
    results, _ = out()

    assert (found.status, found.data["reason"]) == (status, reason)
    assert len(results) == 1
    assert results[0].pop("severity") in {"INFO", "WARNING"}
    assert results[0] == found.event


def test_an_unproven_sender_learns_nothing_about_the_project(night: World) -> None:
    found = night.post("/direct", REQUEST, authorization="Bearer wrong-secret-of-16")

    assert found.data == {"outcome": "rejected", "reason": "unauthenticated"}
    assert found.event["source"] == "/kafka-remediator"
    assert not night.cloud.arrivals


def test_a_result_of_ours_that_comes_back_is_no_event(night: World, out: Any) -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    own = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/kafka-remediator"}
    kind = {"ce-type": "dev.kafka-remediator.result.v1"}
    request = HttpRequest("POST", "/", {**headers, **own, **kind}, b"{}")

    assert answer(request, night.runtime).status == 204
    assert out() == ([], [])


def test_a_result_that_needs_a_person_is_an_error_in_the_log(night: World, out: Any) -> None:
    night.alert(AUDIT)
    ((result,), _) = out()

    assert (result["severity"], result["needshuman"]) == ("ERROR", True)


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_the_call_is_announced_before_it_is_sent_whatever_the_log_level(
    night: World, out: Any, level: str
) -> None:
    night.set(LOG_LEVEL=level)
    night.ask(**REQUEST, id="change-7")
    _, (line,) = out()

    assert (line["message"], line["event_id"]) == ("About to send.", "change-7")
    assert line["request"] == REQUEST


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 1), ("WARNING", 1), ("ERROR", 0)])
def test_the_operator_says_how_loud_the_log_is_and_results_are_always_in_it(
    night: World, out: Any, level: str, lines: int
) -> None:
    night.set(LOG_LEVEL=level)
    night.cloud.set_status(ORDERS, "RESTARTING")
    night.alert()
    results, log = out()

    assert (len(results), len(log)) == (1, lines)


def test_an_event_that_asks_for_nothing_needs_no_credentials_and_any_other_names_them(
    night: World,
) -> None:
    settings = replace(night.runtime.settings, credentials=None)
    night.runtime = replace(night.runtime, settings=settings)

    assert night.post("/alertmanager", alerts("none")).brief == (200, "skipped", "not_mapped")
    found = night.restart()
    assert found.brief == (500, "failed", "settings")
    assert "HUAWEICLOUD_SDK_AK" in found.data["message"]
    assert found.data["needs_human"]
    assert not night.cloud.arrivals


def test_a_defect_before_the_call_is_a_failure_that_tells_nobody_the_details(
    night: World, out: Any
) -> None:
    break_source(night, "direct")
    found = night.restart()
    _, (line,) = out()

    assert found.brief == (500, "failed", "internal")
    assert found.data["needs_human"]
    assert (line["severity"], line["kind"]) == ("ERROR", "ZeroDivisionError")
    assert line["at"][-1].startswith("test_pipeline.py:")
    assert "secret" not in json.dumps([line, found.event])


class BrokenFlight(InFlight):
    """Flights that break when they land."""

    def land(self, instances: Any) -> None:
        raise ZeroDivisionError


def test_a_defect_after_the_call_leaves_its_end_unknown(night: World) -> None:
    flight = BrokenFlight(night.runtime.clock.monotonic)
    night.runtime = replace(night.runtime, in_flight=flight)
    found = night.restart()

    assert found.brief == (202, "unknown", "internal")
    assert (found.data["api"]["attempts"], len(night.cloud.posts)) == (1, 1)
    assert found.data["request"] == REQUEST


def test_one_defect_is_the_end_of_one_event_only(night: World) -> None:
    break_source(night, "alertmanager")

    assert night.alert().data["reason"] == "internal"
    assert night.restart().brief == (200, "accepted", None)


def test_an_instance_that_another_event_holds_is_busy(night: World) -> None:
    night.set(DEADLINE_SECONDS="1")
    with night.runtime.locks.hold([ORDERS], lambda: 1.0):
        found = night.restart()

    assert found.brief == (503, "failed", "busy")
    assert (found.data["retryable"], found.data["needs_human"]) == (True, False)
    assert not night.cloud.arrivals


def test_events_at_once_for_one_instance_lead_to_one_call() -> None:
    with world(Behaviour(status_lag=0.0)) as night:
        found: list[str | None] = []
        threads = [
            threading.Thread(target=lambda: found.append(night.alert().data["reason"]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(map(str, found)) == ["None", *["already_restarting"] * 3]
        assert len(night.cloud.posts) == 1


def test_events_at_once_see_each_others_restarts_before_the_cloud_shows_them(
    night: World,
) -> None:
    for one in (PAYMENTS, AUDIT):
        night.cloud.add_instance(one, status="ERROR")
    night.set(MAX_RESTARTING="2")
    hold = Hold(at="request")
    night.cloud.fault(hold, kind="action")
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(night.alert(ORDERS, PAYMENTS)))
    thread.start()
    night.cloud.wait_for(1, "action")

    assert night.alert(AUDIT).brief == (200, "skipped", "storm")
    hold.release.set()
    thread.join(30)
    assert first[0].brief == (200, "accepted", None)


def test_several_records_of_one_trigger_are_several_events(night: World, out: Any) -> None:
    records = ces_alarm(alarm_status="ok")["record"] * 2
    results = invoke({"record": records}, night.runtime, credentials=None, remaining=None)

    assert [one["data"]["reason"] for one in results] == ["not_firing", "not_firing"]
    assert len(out()[0]) == 2


class Sink(HTTPServer):
    """A sink that keeps what it gets and answers what it is told."""

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


def test_the_result_of_a_proven_event_is_posted_to_the_sink_once(
    night: World, sink: Sink, out: Any
) -> None:
    night.set(K_SINK=sink.url, K_CE_OVERRIDES='{"extensions":{"tenant":"streaming"}}')
    found = night.restart()
    night.post("/direct", REQUEST, authorization="Bearer wrong-secret-of-16")
    warned = "The sink did not take the result." in [line["message"] for line in out()[1]]

    assert found.status == 200
    assert sink.got == [{**found.event, "tenant": "streaming"}]
    assert warned == (sink.status != 202)


TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"
LINK = "https://smn.example/confirm?token=7"


def signed_notice(kind: str, folder: Path, **fields: str) -> tuple[dict[str, str], Path]:
    """Return a message about the subscription, signed as the topic service does."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smn.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    file = folder / "smn.pem"
    file.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    message = {
        "type": kind,
        "message": "Hello.",
        "message_id": "m1",
        "topic_urn": TOPIC,
        "timestamp": "2026-01-05T03:00:00Z",
        **fields,
    }
    text = "".join(f"{name}\n{message[name]}\n" for name in sorted(message))
    signature = b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
    return {**message, "signature": signature, "signature_version": "v1"}, file


@pytest.mark.parametrize(
    ("kind", "fields", "reason", "needs_human"),
    [
        ("SubscriptionConfirmation", {"subscribe_url": LINK}, "subscription_confirmation", False),
        ("UnsubscribeConfirmation", {"subscribe_url": LINK}, "unsubscribe_confirmation", True),
        ("UnsubscribeConfirmation", {}, "unsubscribe_confirmation", True),
    ],
)
def test_a_message_about_the_subscription_is_for_a_person_and_its_link_is_in_the_log(
    night: World,
    out: Any,
    tmp_path: Path,
    kind: str,
    fields: dict[str, str],
    reason: str,
    *,
    needs_human: bool,
) -> None:
    message, file = signed_notice(kind, tmp_path, **fields)
    night.set(SMN_TOPIC_URNS=TOPIC, SMN_CERTIFICATE_FILE=str(file), LOG_LEVEL="ERROR")
    found = night.post("/smn", message)

    assert found.brief == (200, "skipped", reason)
    assert (found.data["needs_human"], found.data["event"]["id"]) == (needs_human, "m1")
    assert [line["link"] for line in out()[1]] == ([LINK] if fields else [])
    assert not night.cloud.arrivals


def test_settings_that_are_wrong_at_an_event_are_a_result_too(night: World) -> None:
    def wrong(_: Any) -> Event:
        raise SettingsInvalid(("A: is missing",))

    source = replace(night.runtime.sources["direct"], read=wrong)
    night.runtime = replace(night.runtime, sources={**night.runtime.sources, "direct": source})

    assert night.restart().brief == (500, "failed", "settings")


def test_a_path_that_ends_in_nothing_says_how_long_it_took(night: World) -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    received = Received("direct", b"{", NOW, headers)
    begin = night.runtime.clock.monotonic() - 2
    result = run(received, night.runtime, Deadline(begin, 4.5), credentials=None)

    assert result is not None
    assert 2000 <= result.data["duration_ms"] < 60_000

"""Routes: every path and method, what each sender gets back, and one result for each event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from tests.factories import NOW, ORDERS, PAYMENTS
from tests.fake_dms import throttled
from tests.harness import SCHEMAS, Answered, Remediator, alerts, open_remediator
from tests.signed_requests import LINK, RESTART, TOPIC, alarm, bearer, smn, smn_settings, webhook

EVENTS = ("/smn", "/alertmanager", "/grafana", "/direct", "/")
PING = "dev.knative.sources.ping"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER_TRACE = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00"
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": PING}
STRUCTURED = {"specversion": "1.0", "id": "1", "source": "/test", "type": PING, "data": RESTART}


@pytest.fixture
def remediator(tmp_path: Path) -> Iterator[Remediator]:
    """The function with every route open."""
    with open_remediator(None, **smn_settings(tmp_path)) as remediator:
        yield remediator


def ask(
    open_remediator: Remediator, method: str, path: str, body: Any = b"", **headers: str
) -> HttpResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return handle_request(HttpRequest(method, path, given, raw), open_remediator.runtime)


def post(open_remediator: Remediator, path: str, body: Any, **headers: str) -> Answered:
    """Post with a proof, and return the result, which keeps its schema."""
    kind = {"content_type": "application/json", **bearer()}
    reply = ask(open_remediator, "POST", path, body, **{**kind, **headers})
    event = json.loads(reply.body)
    SCHEMAS.check("result", event)
    return Answered(reply.status, event)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("path", EVENTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "post"])
def test_a_wrong_method_is_no_event(
    path: str, method: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = ask(remediator, method, path)

    assert (reply.status, reply.headers["Allow"]) == (405, "OPTIONS, POST")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "path", ["/smn/", "//smn", "/SMN", "/healthz", "/init", "/invoke", "/direct?x", "", "*", "/.."]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_route_is_no_event(
    path: str, method: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(remediator, method, path, RESTART, **bearer()).status == 404
    assert capsys.readouterr() == ("", "")


def test_health_says_ready_and_no_more(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("GET", "HEAD"):
        reply = ask(remediator, method, "/health")
        assert (reply.status, json.loads(reply.body)) == (200, {"message": "ready"})
    assert ask(remediator, "POST", "/health").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert ask(remediator, "POST", "/health").status == 405
    assert ask(remediator, "OPTIONS", "/health").status == 200
    assert remediator.cloud.requests == ()
    assert capsys.readouterr() == ("", "")


def test_a_web_hook_of_cloudevents_is_granted_where_the_route_is_open(
    remediator: Remediator,
) -> None:
    asked = {"webhook_request_origin": "broker.example", "webhook_request_rate": "120"}
    granted = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}

    reply = ask(remediator, "OPTIONS", "/", **asked)
    assert reply.status == 200
    assert reply.headers.items() >= {**granted, "Allow": "OPTIONS, POST"}.items()
    for path, headers in (("/", {}), ("/direct", asked), ("/health", asked)):
        assert not granted.keys() & ask(remediator, "OPTIONS", path, **headers).headers.keys()
    remediator.set(CLOUDEVENTS_SECRETS="")
    assert not granted.keys() & ask(remediator, "OPTIONS", "/", **asked).headers.keys()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/alertmanager", alerts()),
        ("/grafana", {**alerts(), "version": "1"}),
        ("/direct", RESTART),
        ("/smn", smn()),
        ("/smn", smn(message=json.dumps(RESTART))),
        ("/", STRUCTURED),
    ],
    ids=["alertmanager", "grafana", "direct", "smn", "smn request", "cloudevents"],
)
def test_every_sender_can_have_an_instance_restarted(
    path: str, body: Any, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = "application/cloudevents+json" if path == "/" else "application/json"

    found = post(remediator, path, body, content_type=kind)

    assert found.brief == (200, "accepted", None)
    assert [deed.instance for deed in remediator.cloud.effects] == [ORDERS]
    (line,) = lines(capsys.readouterr().out)
    assert {**line, "severity": None} == {**found.event, "severity": None}


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"{}", "application/json", 400, "schema"),
        (b'{"action":"purge_failed"}', "text/plain", 415, "media_type"),
        ({"action": "delete", "instances": [ORDERS], "confirm": [PAYMENTS]}, "", 400, "confirm"),
        (
            {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]},
            "",
            403,
            "action_disabled",
        ),
        (
            {**RESTART, "instances": [f"{n:08x}-0000-4000-8000-000000000000" for n in range(11)]},
            "",
            403,
            "too_many",
        ),
    ],
    ids=["no JSON", "schema", "media type", "confirm", "disabled", "too many"],
)
def test_what_is_refused_is_one_result_and_no_call(
    body: Any,
    kind: str,
    status: int,
    reason: str,
    remediator: Remediator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = post(remediator, "/direct", body, content_type=kind or "application/json")

    assert found.brief == (status, "rejected", reason)
    assert len(lines(capsys.readouterr().out)) == 1
    assert remediator.cloud.requests == ()


def test_a_body_that_is_too_large_is_refused_before_its_proof(remediator: Remediator) -> None:
    reply = handle_request(HttpRequest("POST", "/direct", {}, too_large=True), remediator.runtime)

    assert reply.status == 413
    assert json.loads(reply.body)["data"] == {"outcome": "rejected", "reason": "too_large"}


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/smn", smn(message='{"action":"purge_failed"}'), "text/plain"),
        (
            "/",
            {
                **STRUCTURED,
                "data": {"action": "delete", "instances": [ORDERS], "confirm": [ORDERS]},
            },
            "application/cloudevents+json",
        ),
    ],
    ids=["purge by a topic", "delete by a CloudEvent"],
)
def test_a_source_may_ask_only_for_what_is_its_own(
    path: str, body: Any, kind: str, remediator: Remediator
) -> None:
    remediator.set(ENABLED_ACTIONS="restart,purge_failed,delete")

    found = post(remediator, path, body, content_type=kind)

    assert found.brief == (403, "rejected", "action_not_for_source")
    assert remediator.cloud.requests == ()


@pytest.mark.parametrize("status", ["ok", "insufficient_data"])
def test_an_alarm_that_is_over_is_skipped(status: str, remediator: Remediator) -> None:
    found = post(remediator, "/smn", smn(message=alarm(alarm_status=status)))

    assert found.brief == (200, "skipped", "not_firing")


def test_an_alarm_of_another_service_is_skipped(remediator: Remediator) -> None:
    other = alarm(namespace="SYS.ECS", dimension="instance_id:i-1", metric_name="cpu_util")

    assert post(remediator, "/smn", smn(message=other)).brief == (200, "skipped", "not_mapped")


def test_a_plain_text_message_of_a_topic_is_refused(remediator: Remediator) -> None:
    found = post(remediator, "/smn", smn(message="Maintenance starts at noon.", subject=""))

    assert found.brief == (400, "rejected", "invalid_json")
    assert found.data["event"]["id"] == "m1"


def test_a_repeat_of_an_alarm_is_answered_by_any_restart_of_the_day(remediator: Remediator) -> None:
    remediator.set(COOLDOWN_SECONDS="0")
    hours = 20 * 3600
    began, ended = NOW.timestamp() - hours, NOW.timestamp() - hours + 60
    remediator.cloud.add_task(
        ORDERS,
        id="t",
        name="kafkaInstanceRestart",
        status="SUCCESS",
        created_at=began,
        updated_at=ended,
    )

    repeat = smn(message=alarm(template_variable={"IsCycleTrigger": True}))

    assert post(remediator, "/smn", repeat).brief == (200, "skipped", "already_answered")
    assert post(remediator, "/smn", smn()).brief == (200, "accepted", None)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_the_link_of_a_confirmation_is_logged_for_a_person_and_nowhere_else(
    kind: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(LOG_LEVEL="ERROR")

    found = post(remediator, "/smn", smn(type=kind, subscribe_url=LINK, subject=None))

    out, err = capsys.readouterr()
    assert found.status == 200
    assert found.data["reason"].replace("_", "") == kind.lower()
    assert found.data["needs_human"] is (kind == "UnsubscribeConfirmation")
    (line,) = lines(err)
    assert (line["severity"], line["link"]) == ("WARNING", LINK)
    assert LINK not in out
    assert remediator.cloud.connections == 0


def test_the_link_of_a_confirmation_of_another_topic_is_logged_nowhere(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    message = smn(
        type="SubscriptionConfirmation",
        subscribe_url=LINK,
        subject=None,
        topic_urn=TOPIC.replace("kafka", "other"),
    )

    found = post(remediator, "/smn", message)

    out, err = capsys.readouterr()
    assert found.brief == (403, "rejected", "topic_not_listed")
    assert set(found.data) == {"outcome", "reason"}
    assert "token=" not in out + err


def test_a_result_of_ours_that_comes_back_is_no_event(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    result = post(remediator, "/direct", RESTART).event
    own = {f"ce_{name}": str(value) for name, value in result.items() if name != "data"}
    capsys.readouterr()

    structured = ask(
        remediator, "POST", "/", result, content_type="application/cloudevents+json", **bearer()
    )
    binary = ask(
        remediator, "POST", "/", result["data"], content_type="application/json", **own, **bearer()
    )

    assert (structured.status, structured.body) == (binary.status, binary.body) == (204, "")
    assert capsys.readouterr() == ("", "")
    assert (
        ask(remediator, "POST", "/", result, content_type="application/cloudevents+json").status
        == 401
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({**BINARY, "traceparent": TRACE}, RESTART),
        ({**BINARY, "ce-traceparent": TRACE, "traceparent": OTHER_TRACE}, RESTART),
        ({"content-type": "application/cloudevents+json", "traceparent": TRACE}, STRUCTURED),
        ({"content-type": "application/cloudevents+json"}, {**STRUCTURED, "traceparent": TRACE}),
    ],
    ids=["header", "binary", "beside structured", "structured"],
)
def test_the_trace_goes_on_in_the_result(
    headers: dict[str, str], body: Any, remediator: Remediator
) -> None:
    found = post(remediator, "/", body, **headers)

    assert found.brief == (200, "accepted", None)
    assert found.event["traceparent"] == TRACE


@pytest.mark.parametrize("trace", ["", "00-x", TRACE.upper(), TRACE + "\n", f"{TRACE},{TRACE}"])
def test_a_malformed_trace_goes_nowhere(trace: str, remediator: Remediator) -> None:
    assert "traceparent" not in post(remediator, "/direct", RESTART, traceparent=trace).event


def test_a_binary_event_is_a_request(remediator: Remediator) -> None:
    found = post(
        remediator,
        "/",
        RESTART,
        **{**BINARY, "ce-id": "caf%C3%A9", "ce-time": "2026-01-05T03:00:00Z"},
    )

    assert found.brief == (200, "accepted", None)
    assert found.data["event"] == {
        "source": "cloudevents",
        "id": "café",
        "time": "2026-01-05T03:00:00Z",
        "name": PING,
    }


def test_a_time_that_a_sender_did_not_send_is_not_in_the_result(remediator: Remediator) -> None:
    assert post(remediator, "/", RESTART, **BINARY).data["event"]["time"] is None


def test_a_failure_that_may_pass_says_when_to_come_again(remediator: Remediator) -> None:
    remediator.cloud.fault(throttled(), times=None)

    body = json.dumps(RESTART).encode()
    reply = ask(
        remediator, "POST", "/direct", body, content_type="application/json", **webhook(body)
    )

    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.headers["Content-Type"] == "application/cloudevents+json"


def test_the_line_before_a_call_is_written_at_any_log_level(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(LOG_LEVEL="ERROR")

    post(remediator, "/direct", RESTART)

    out, err = capsys.readouterr()
    assert [line["request"] for line in lines(err)] == [RESTART]
    assert len(lines(out)) == 1


@pytest.mark.parametrize(("level", "logged"), [("WARNING", 1), ("ERROR", 0)])
def test_the_log_level_keeps_the_log_quiet(
    level: str, logged: int, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(LOG_LEVEL=level)

    assert ask(remediator, "POST", "/direct", b"{}", content_type="application/json").status == 401

    out, err = capsys.readouterr()
    assert (len(lines(out)), len(lines(err))) == (1, logged)

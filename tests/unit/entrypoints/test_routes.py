"""Routes: every path and method, the answer to each sender, one result per event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from function.lib import timestamps
from function.model.result import notification_mark
from tests.factories import HOUR, NOW, ORDERS, PAYMENTS
from tests.fake_dms import throttled
from tests.harness import SCHEMAS, EventReply, Remediator, alerts, open_remediator
from tests.signed_requests import (
    LINK,
    RESTART,
    TOPIC,
    alarm,
    alarm_template,
    bearer,
    grafana,
    smn,
    smn_settings,
    webhook,
)

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


def post(open_remediator: Remediator, path: str, body: Any, **headers: str) -> EventReply:
    """Post with a credentials, and return the result, which keeps its schema."""
    kind = {"content_type": "application/json", **bearer()}
    reply = ask(open_remediator, "POST", path, body, **{**kind, **headers})
    event = json.loads(reply.body)
    SCHEMAS.check("result", event)
    return EventReply(reply.status, event)


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


@pytest.mark.parametrize("path", ["/init", "/invoke", "/admin", "", "*", "/..", "/x" * 9000])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_route_is_no_event(
    path: str, method: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = ask(remediator, method, path, RESTART, **bearer())

    assert (reply.status, json.loads(reply.body)["message"]) == (404, "There is no such route.")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/smn/", "/smn"),
        ("//smn", "/smn"),
        ("/SMN", "/smn"),
        ("/alertmanager/", "/alertmanager"),
        ("/alert-manager", "/alertmanager"),
        ("/prod/alertmanager", "/alertmanager"),
        ("/alertmanager/api/v2/alerts", "/alertmanager"),
        ("/direct?dry_run=true", "/direct"),
        ("/healthz", "/health"),
        ("//", "/"),
    ],
)
def test_similar_path_gets_a_hint_and_one_log_line(
    path: str, route: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = ask(remediator, "POST", path, RESTART, **bearer())

    out, err = capsys.readouterr()
    message = f"There is no such route; did you mean {route}?"
    assert (reply.status, json.loads(reply.body)["message"], out) == (404, message, "")
    (line,) = lines(err)
    assert (line["severity"], line["message"], line["route"]) == ("WARNING", message, route)
    assert remediator.cloud.requests == ()


STALE = str(round(NOW.timestamp()) - 301)
REJECTED_CALLERS: dict[str, tuple[str, dict[str, str], str]] = {
    "nothing": ("/alertmanager", {}, "there is no Authorization header"),
    "another scheme": (
        "/alertmanager",
        {"authorization": "Basic aGVsbG8="},
        "Authorization is no Bearer token",
    ),
    "another secret": (
        "/alertmanager",
        bearer("another-secret-of-mine"),
        "the Bearer token is none of ALERTMANAGER_SECRETS",
    ),
    "no signature": (
        "/direct",
        {},
        "there is no Authorization header and there is no webhook-signature header",
    ),
    "an old signature": (
        "/direct",
        {"webhook_signature": "v1,AAAA", "webhook_id": "1", "webhook_timestamp": STALE},
        "webhook-timestamp is missing or more than 5 minutes off",
    ),
    "a wrong signature of Svix": (
        "/",
        {
            "svix_signature": "v1,AAAA",
            "svix_id": "1",
            "svix_timestamp": str(round(NOW.timestamp())),
        },
        "svix-signature matches none of CLOUDEVENTS_SECRETS",
    ),
    "no signature of Grafana": (
        "/grafana",
        {},
        "there is no x-grafana-alerting-signature header",
    ),
    "a wrong signature of Grafana": (
        "/grafana",
        {"x_grafana_alerting_signature": "00"},
        "x-grafana-alerting-signature matches none of GRAFANA_SECRETS",
    ),
}


@pytest.mark.parametrize(
    ("path", "headers", "missing"), REJECTED_CALLERS.values(), ids=REJECTED_CALLERS
)
def test_an_unauthenticated_caller_leaves_one_line_with_route_and_what_was_missing(
    path: str,
    headers: dict[str, str],
    missing: str,
    remediator: Remediator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reply = ask(remediator, "POST", path, RESTART, content_type="application/json", **headers)

    (line,) = lines(capsys.readouterr().err)
    assert (reply.status, line["severity"], line["route"]) == (401, "WARNING", path)
    assert missing in line["message"]
    assert not [value for value in headers.values() if value in line["message"]]
    assert missing not in reply.body


def test_a_late_timestamp_of_grafana_is_named_where_one_is_set_up(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(GRAFANA_TIMESTAMP_HEADER="X-Sent", GRAFANA_SIGNATURE_HEADER="X-Mark")

    assert ask(remediator, "POST", "/grafana", b"{}", x_mark="00", x_sent=STALE).status == 401
    now = str(round(NOW.timestamp()))
    assert ask(remediator, "POST", "/grafana", b"{}", x_mark="00", x_sent=now).status == 401

    late, wrong = (line["message"] for line in lines(capsys.readouterr().err))
    assert "x-sent is missing or more than 5 minutes off" in late
    assert "x-mark matches none of GRAFANA_SECRETS" in wrong


@pytest.mark.parametrize(
    ("path", "setting", "missing"),
    [
        ("/smn", "SMN_TOPIC_URNS", "SMN_TOPIC_URNS is not set"),
        ("/direct", "DIRECT_SECRETS", "DIRECT_SECRETS is not set"),
        ("/", "CLOUDEVENTS_SECRETS", "CLOUDEVENTS_SECRETS is not set"),
    ],
)
def test_a_closed_route_leaves_one_line_that_says_what_opens_it(
    path: str,
    setting: str,
    missing: str,
    remediator: Remediator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    remediator.set(**{setting: ""})

    assert ask(remediator, "POST", path, RESTART).status == 403

    (line,) = lines(capsys.readouterr().err)
    assert (line["route"], line["message"]) == (path, f"Rejected: {missing}.")


def test_a_request_without_a_content_type_is_json(remediator: Remediator) -> None:
    body = json.dumps(RESTART).encode()

    assert ask(remediator, "POST", "/direct", body, **bearer()).status == 200
    assert ask(remediator, "POST", "/", body, **BINARY, **bearer()).status == 200


def test_grafana_may_sign_in_the_header_that_is_set_up(remediator: Remediator) -> None:
    remediator.set(GRAFANA_SIGNATURE_HEADER="X-Hub-Mark")
    body = json.dumps({**alerts(), "version": "1"}).encode()
    signature = grafana(body)["x-grafana-alerting-signature"]

    assert ask(remediator, "POST", "/grafana", body, **grafana(body)).status == 401
    assert ask(remediator, "POST", "/grafana", body, x_hub_mark=signature).status == 200


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

    response = post(remediator, path, body, content_type=kind)

    assert response.verdict == (200, "accepted", None)
    assert [deed.instance for deed in remediator.cloud.effects] == [ORDERS]
    (line,) = lines(capsys.readouterr().out)
    assert response.event.items() <= line.items()


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
def test_rejected_event_has_one_result_and_no_call(
    body: Any,
    kind: str,
    status: int,
    reason: str,
    remediator: Remediator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    response = post(remediator, "/direct", body, content_type=kind or "application/json")

    assert response.verdict == (status, "rejected", reason)
    assert len(lines(capsys.readouterr().out)) == 1
    assert remediator.cloud.requests == ()


def test_a_body_that_is_too_large_is_rejected_before_authentication(remediator: Remediator) -> None:
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

    response = post(remediator, path, body, content_type=kind)

    assert response.verdict == (403, "rejected", "action_not_for_source")
    assert remediator.cloud.requests == ()


def test_an_alarm_of_the_json_template_restarts_its_instance(remediator: Remediator) -> None:
    response = post(remediator, "/smn", smn(message=alarm_template()))

    assert response.verdict == (200, "accepted", None)
    assert response.data["event"]["name"] == "kafka-broker-alive"
    assert [effect.instance for effect in remediator.cloud.effects] == [ORDERS]


def test_an_unmapped_alarm_of_the_json_template_says_which_setting_decides(
    remediator: Remediator,
) -> None:
    unmapped = smn(message=alarm_template(MetricName="Nodo activo"))

    response = post(remediator, "/smn", unmapped)

    assert response.verdict == (200, "skipped", "not_mapped")
    assert not response.data["needs_human"]
    assert "ALARM_METRICS decides which names ask for a restart" in response.data["message"]
    remediator.set(ALARM_METRICS="broker_alive,nodo activo")
    assert post(remediator, "/smn", unmapped).verdict == (200, "accepted", None)


def test_a_firing_alarm_that_names_no_instance_calls_a_person(remediator: Remediator) -> None:
    for message in (
        alarm(dimension="kafka_broker:broker-0"),
        alarm_template(ResourceId="broker-0"),
    ):
        response = post(remediator, "/smn", smn(message=message))

        assert (response.verdict, response.event["needshuman"]) == (
            (200, "skipped", "not_mapped"),
            True,
        )
        assert "names no Kafka instance" in response.data["message"]


def test_an_alarm_that_cannot_be_read_calls_a_person_and_other_texts_do_not(
    remediator: Remediator,
) -> None:
    unreadable = post(remediator, "/smn", smn(message=alarm_template(IsAlarm=None)))
    text = post(remediator, "/smn", smn(message='{"hello":"world"}'))
    forged = post(remediator, "/smn", {**smn(message=alarm_template(IsAlarm=None)), "subject": "x"})

    assert unreadable.verdict == (400, "rejected", "schema")
    assert unreadable.event["needshuman"]
    assert (text.verdict, text.data["needs_human"]) == ((400, "rejected", "schema"), False)
    assert (forged.status, "needshuman" in forged.event) == (401, False)


def test_malformed_alert_does_not_reject_its_group(remediator: Remediator) -> None:
    group = alerts()
    group["alerts"] = [{"status": "firing", "labels": None}, *group["alerts"], "alert"]

    response = post(remediator, "/alertmanager", {**group, "version": "3", "groupKey": 7})

    assert response.verdict == (200, "accepted", None)
    assert "2 alerts could not be read and were left out." in response.data["message"]
    nothing = post(remediator, "/alertmanager", {"version": "4", "alerts": ["alert"]})
    assert nothing.verdict == (400, "rejected", "schema")


@pytest.mark.parametrize(
    ("status", "reason"), [("ok", "not_recovered"), ("insufficient_data", "not_firing")]
)
def test_an_alarm_that_is_over_is_skipped(status: str, reason: str, remediator: Remediator) -> None:
    response = post(remediator, "/smn", smn(message=alarm(alarm_status=status)))

    assert response.verdict == (200, "skipped", reason)


def test_a_notification_of_our_own_is_recognised_only_where_it_is_signed(
    remediator: Remediator,
) -> None:
    own = smn(message=f"Restart of 1 instance accepted.\n{notification_mark('0' * 32)}")

    assert post(remediator, "/smn", own).verdict == (200, "skipped", "own_notification")
    assert post(remediator, "/smn", {**own, "subject": "forged"}).status == 401


def test_an_alarm_of_another_service_is_skipped(remediator: Remediator) -> None:
    other = alarm(namespace="SYS.ECS", dimension="instance_id:i-1", metric_name="cpu_util")

    assert post(remediator, "/smn", smn(message=other)).verdict == (200, "skipped", "not_mapped")


def test_a_plain_text_message_of_a_topic_is_rejected(remediator: Remediator) -> None:
    response = post(remediator, "/smn", smn(message="Maintenance starts at noon.", subject=""))

    assert response.verdict == (400, "rejected", "invalid_json")
    assert response.data["event"]["id"] == "m1"


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

    assert post(remediator, "/smn", repeat).verdict == (200, "skipped", "already_answered")
    assert post(remediator, "/smn", smn()).verdict == (200, "accepted", None)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_the_link_of_a_confirmation_is_logged_for_a_person_and_nowhere_else(
    kind: str, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(LOG_LEVEL="ERROR")

    response = post(remediator, "/smn", smn(type=kind, subscribe_url=LINK, subject=None))

    out, err = capsys.readouterr()
    assert response.status == 200
    assert response.data["reason"].replace("_", "") == kind.lower()
    assert response.data["needs_human"] is (kind == "UnsubscribeConfirmation")
    (line,) = lines(err)
    assert (line["severity"], line["link"]) == ("WARNING", LINK)
    assert LINK not in out
    assert remediator.cloud.connections == 0


@pytest.mark.parametrize(("hours", "dead"), [(47, False), (49, True)])
def test_confirmation_older_than_48_hours_is_reported_expired(
    hours: int, dead: bool, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = timestamps.text(NOW - hours * HOUR)
    message = smn(type="SubscriptionConfirmation", subscribe_url=LINK, subject=None, timestamp=sent)

    response = post(remediator, "/smn", message)

    assert response.verdict == (200, "skipped", "subscription_confirmation")
    (line,) = lines(capsys.readouterr().err)
    assert (LINK in line.values()) is not dead
    assert ("dead" in response.data["message"] and "dead" in line["message"]) is dead


@pytest.mark.parametrize("member", ["message_id", "subject", "subscribe_url", "unsubscribe_url"])
@pytest.mark.parametrize("line_break", ["\n", "\r", "x\nmessage_id\ny"])
def test_a_line_break_in_a_signed_member_of_smn_is_rejected(
    member: str, line_break: str, remediator: Remediator
) -> None:
    """Else one signature would cover two messages, and moving text from one to the other."""
    broken: dict[str, Any] = {member: f"a{line_break}"}
    response = post(remediator, "/smn", smn(**broken))

    assert (response.status, response.data) == (400, {"outcome": "rejected", "reason": "schema"})


def test_the_link_of_a_confirmation_of_another_topic_is_logged_nowhere(
    remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    message = smn(
        type="SubscriptionConfirmation",
        subscribe_url=LINK,
        subject=None,
        topic_urn=TOPIC.replace("kafka", "other"),
    )

    response = post(remediator, "/smn", message)

    out, err = capsys.readouterr()
    assert response.verdict == (403, "rejected", "topic_not_listed")
    assert set(response.data) == {"outcome", "reason"}
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
def test_result_continues_the_trace(
    headers: dict[str, str], body: Any, remediator: Remediator
) -> None:
    response = post(remediator, "/", body, **headers)

    assert response.verdict == (200, "accepted", None)
    assert response.event["traceparent"] == TRACE


@pytest.mark.parametrize("trace", ["", "00-x", TRACE.upper(), TRACE + "\n", f"{TRACE},{TRACE}"])
def test_malformed_trace_is_dropped(trace: str, remediator: Remediator) -> None:
    assert "traceparent" not in post(remediator, "/direct", RESTART, traceparent=trace).event


def test_a_binary_event_is_a_request(remediator: Remediator) -> None:
    response = post(
        remediator,
        "/",
        RESTART,
        **{**BINARY, "ce-id": "caf%C3%A9", "ce-time": "2026-01-05T03:00:00Z"},
    )

    assert response.verdict == (200, "accepted", None)
    assert response.data["event"] == {
        "source": "cloudevents",
        "id": "café",
        "time": "2026-01-05T03:00:00Z",
        "name": PING,
    }


def test_result_has_no_invented_send_time(remediator: Remediator) -> None:
    assert post(remediator, "/", RESTART, **BINARY).data["event"]["time"] is None


def test_transient_failure_sends_retry_after(remediator: Remediator) -> None:
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
def test_log_level_suppresses_lower_levels(
    level: str, logged: int, remediator: Remediator, capsys: pytest.CaptureFixture[str]
) -> None:
    remediator.set(LOG_LEVEL=level)

    assert ask(remediator, "POST", "/direct", b"{}", content_type="application/json").status == 401

    out, err = capsys.readouterr()
    assert (len(lines(out)), len(lines(err))) == (1, logged)

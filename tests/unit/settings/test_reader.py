"""Settings: valid values, and all invalid ones reported together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.entrypoints import startup
from function.model.event import Action
from function.settings.model import Credentials, Limits
from function.settings.reader import read
from tests.factories import ORDERS, PAYMENTS, SETTINGS
from tests.signed_requests import TOPIC, certificate
from tests.unit.settings.needed import NEEDED, ROUTES, problems, taken

LISTS = (
    *("ENABLED_ACTIONS", "ALLOWED_INSTANCES", "BLOCKED_INSTANCES", "RESTART_STATUSES"),
    *("ALARM_METRICS", "SMN_TOPIC_URNS", "PLATFORM_AUTHENTICATED", "DIRECT_SECRETS"),
    *("ALERTMANAGER_SECRETS", "GRAFANA_SECRETS", "CLOUDEVENTS_SECRETS", "NOTIFY_ON"),
)


WRONG = (
    ("HUAWEICLOUD_SDK_AK", "has blanks"),
    ("HUAWEICLOUD_SDK_SK", "line\nbreak"),
    ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "tökén"),
    ("HUAWEICLOUD_SDK_PROJECT_ID", "my-project"),
    ("HUAWEICLOUD_SDK_PROJECT_ID", "0123456789abcdef"),
    ("HUAWEICLOUD_REGION", "Frankfurt"),
    ("HUAWEICLOUD_REGION", "eu-de.evil.example/"),
    ("DMS_ENDPOINT", "dms.example"),
    ("DMS_ENDPOINT", "http://dms.example"),
    ("DMS_ENDPOINT", "https://dms.example/v2"),
    ("DMS_ENDPOINT", "https://user@dms.example"),
    ("DMS_ENDPOINT", "https://dms.example?x=1"),
    ("DMS_ENDPOINT", "https://dms.example:port"),
    ("DMS_ENDPOINT", "https://[::1"),
    ("DMS_ENDPOINT", "ftp://dms.example"),
    ("DMS_ENDPOINT", "https://"),
    ("DRY_RUN", "yes"),
    ("DRY_RUN", "True"),
    ("DRY_RUN", "1"),
    ("ENABLED_ACTIONS", "restart,reboot"),
    ("ALLOWED_INSTANCES", "*,*"),
    ("ALLOWED_INSTANCES", "kafka-orders"),
    ("BLOCKED_INSTANCES", "*"),
    ("MAX_INSTANCES", "0"),
    ("MAX_INSTANCES", "51"),
    ("MAX_INSTANCES", "ten"),
    ("MAX_PURGE", "-1"),
    ("MAX_RESTARTING", "3.0"),
    ("COOLDOWN_SECONDS", "1h"),
    ("COOLDOWN_SECONDS", "86401"),
    ("MAX_RESTARTS_PER_DAY", "\u0663"),
    ("RESTART_STATUSES", "running"),
    ("ALARM_METRICS", "broker|alive"),
    ("MAX_EVENT_AGE_SECONDS", "0"),
    ("DEADLINE_SECONDS", "0.5"),
    ("DEADLINE_SECONDS", "61"),
    ("DEADLINE_SECONDS", "nan"),
    *(("RESTART_TASK_PATTERN", text) for text in ("restart|reboot", "a,b", "re.*", "x" * 65)),
    *(("DMS_ENDPOINT", f"https://{host}") for host in ("x\\y", "x%2fy", "x:", ".", "-", "x..y")),
    ("DIRECT_SECRETS", "fifteen-letters"),
    ("GRAFANA_SECRETS", "a-long-enough-secret,too-short"),
    ("CLOUDEVENTS_SECRETS", "a secret with blanks"),
    ("ALERTMANAGER_SECRETS", "sixteen-letters-ü"),
    ("SMN_TOPIC_URNS", "kafka-alarms"),
    ("SMN_TOPIC_URNS", f"{TOPIC},*"),
    ("SMN_CERTIFICATE_FILE", "/no/such/file.pem"),
    ("SMN_CERTIFICATE_FILE", "/"),
    ("GRAFANA_TIMESTAMP_HEADER", "X Timestamp"),
    ("PLATFORM_AUTHENTICATED", "smn"),
    ("PLATFORM_AUTHENTICATED", "direct,everyone"),
    ("FUNCTIONGRAPH_CONTAINER", "on"),
    ("CA_BUNDLE_FILE", "/no/such/file.pem"),
    ("PROXY_URL", "proxy.example:3128"),
    ("K_SINK", "broker"),
    ("K_CE_OVERRIDES", "team=a"),
    ("K_CE_OVERRIDES", "[1]"),
    ("K_CE_OVERRIDES", '{"extensions":[1]}'),
    ("K_CE_OVERRIDES", '{"extensions":{"Upper":"x"}}'),
    ("K_CE_OVERRIDES", '{"extensions":{"number":1}}'),
    ("K_CE_OVERRIDES", '{"extensions":{"type":"mine"}}'),
    ("GRAFANA_SIGNATURE_HEADER", "X Signature"),
    ("DEFAULT_MODE", "on"),
    ("FOLLOW_UP", "yes"),
    ("VERIFY_PERIOD_SECONDS", "59"),
    ("LEDGER_URL", "http://redis.example"),
    ("LEDGER_URL", "redis.example:6379"),
    ("LEDGER_URL", "rediss://redis.example:port"),
    ("LEDGER_URL", "rediss://redis.example/0?ssl_cert_reqs=none"),
    ("LEDGER_URL", "rediss://redis.example/zero"),
    ("LEDGER_URL", "rediss://redis.example/0#1"),
    ("METRICS", "on"),
    ("NOTIFY_TOPIC_URN", f"{TOPIC},{TOPIC}"),
    ("NOTIFY_ON", "acted,everything"),
    ("SMN_ENDPOINT", "http://smn.example"),
    ("ENABLED_ACTIONS", "restart,check"),
    ("LOG_LEVEL", "verbose"),
)


def test_required_settings_suffice() -> None:
    loaded = taken()

    assert loaded.limits == Limits(dry_run=True)
    assert loaded.credentials == Credentials("AKEXAMPLE", "sk-example")
    assert loaded.outbound.endpoint == "https://dms.eu-de.myhuaweicloud.com"
    assert loaded.outbound.project_id == "0123456789abcdef" * 2
    assert (loaded.deadline_seconds, loaded.log_level) == (4.5, "INFO")
    assert (loaded.functiongraph_container, loaded.outbound.sink) == (False, None)
    assert not any(loaded.auth.is_enabled(route) for route in (*ROUTES, "smn"))


def test_everything_that_is_missing_is_named_at_once() -> None:
    lines = problems({})

    assert sorted(line.partition(":")[0] for line in lines) == sorted(NEEDED)
    assert all(f"is missing; for example {line.partition(':')[0]}=" in line for line in lines)


def test_a_dry_run_has_no_default() -> None:
    for value in ({}, {"DRY_RUN": ""}, {"DRY_RUN": "  "}):
        (line,) = problems({**{n: v for n, v in NEEDED.items() if n != "DRY_RUN"}, **value})
        assert line == "DRY_RUN: is missing; for example DRY_RUN=true"
    assert taken(DRY_RUN="false").limits.dry_run is False


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{n}={v}"[:50] for n, v in WRONG])
def test_a_wrong_value_is_one_line_that_does_not_quote_it(name: str, value: str) -> None:
    (line,) = problems({**NEEDED, name: value})

    assert line.startswith(f"{name}: ")
    assert f"; for example {name}=" in line
    assert len(value) < 5 or value not in line.partition("; for example ")[0]


def test_all_that_is_wrong_is_said_together() -> None:
    wrong = {name: value for name, value in WRONG if name != "HUAWEICLOUD_SDK_SECURITY_TOKEN"}

    lines = problems({**NEEDED, **wrong})

    assert sorted(line.partition(":")[0] for line in lines) == sorted(wrong)


def test_every_example_that_is_given_is_right() -> None:
    wrong = dict(WRONG)
    lines = problems({**NEEDED, **wrong})
    examples = dict(line.partition("; for example ")[2].split("=", 1) for line in lines)
    files = {"SMN_CERTIFICATE_FILE", "CA_BUNDLE_FILE"}

    assert set(examples) == set(wrong)
    taken(**{name: value for name, value in examples.items() if name not in files})


def test_a_topic_that_brings_alarms_and_takes_notifications_stops_the_start() -> None:
    (line,) = problems({**NEEDED, "SMN_TOPIC_URNS": TOPIC, "NOTIFY_TOPIC_URN": TOPIC})

    assert line.startswith("NOTIFY_TOPIC_URN: is among SMN_TOPIC_URNS")


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "https://smn.eu-de.myhuaweicloud.com"),
        ({"HUAWEICLOUD_REGION": "eu-west-101"}, "https://smn.eu-west-101.myhuaweicloud.eu"),
        ({"SMN_ENDPOINT": "https://smn.example/"}, "https://smn.example"),
        (
            {"HUAWEICLOUD_REGION": "", "DMS_ENDPOINT": "https://dms.example"},
            "https://smn.eu-de.myhuaweicloud.com",
        ),
    ],
)
def test_notifications_go_to_the_endpoint_of_the_region(
    changes: dict[str, str], endpoint: str
) -> None:
    assert taken(NOTIFY_TOPIC_URN=TOPIC, **changes).notify.endpoint == endpoint


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("form", ["{},", ",{}", "{0},,{0}", ","])
def test_an_empty_item_stops_the_start(name: str, form: str) -> None:
    (line,) = problems({**NEEDED, name: form.format("some-long-secret-x")})

    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("name", sorted(SETTINGS - set(NEEDED) - {"ALLOWED_INSTANCES"}))
def test_empty_means_unset(name: str) -> None:
    assert taken(**{name: ""}) == taken() == taken(**{name: "  "})


@pytest.mark.parametrize("empty", ["", "  "])
def test_a_list_of_allowed_instances_that_is_empty_stops_the_start(empty: str) -> None:
    (line,) = problems({**NEEDED, "ALLOWED_INSTANCES": empty})

    assert line.startswith("ALLOWED_INSTANCES: is set but empty")


@given(st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.text(max_size=40), min_size=1))
def test_no_part_of_a_wrong_value_is_ever_printed(values: dict[str, str]) -> None:
    marked = {name: f"§{value}§" for name, value in values.items()}

    lines = problems({**NEEDED, **marked})

    assert len(lines) >= len(marked)
    assert "§" not in "".join(lines)


@pytest.mark.parametrize(
    "name", ["Broker Alive", "节点存活状态", "État d'activité du nœud", "Node Alive (0/1)", "a.b-c"]
)
def test_a_metric_may_be_named_as_the_console_shows_it(name: str) -> None:
    assert taken(ALARM_METRICS=f"broker_alive, {name}").limits.alarm_metrics == {
        "broker_alive",
        name,
    }


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("cn-north-4", "https://dms.cn-north-4.myhuaweicloud.com"),
        ("eu-west-101", "https://dms.eu-west-101.myhuaweicloud.eu"),
    ],
)
def test_a_region_gives_the_endpoint(region: str, endpoint: str) -> None:
    assert taken(HUAWEICLOUD_REGION=region).outbound.endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    ["https://dms.example", "https://dms.example:8443", "http://127.0.0.1:1", "http://localhost"],
)
def test_an_endpoint_overrides_that_of_the_region(endpoint: str) -> None:
    assert taken(DMS_ENDPOINT=endpoint + "/", HUAWEICLOUD_REGION="").outbound.endpoint == endpoint
    assert taken(DMS_ENDPOINT=endpoint).outbound.endpoint == endpoint
    assert taken(DMS_ENDPOINT="http://[::1]:80").outbound.endpoint == "http://[::1]:80"


def test_settings_fill_their_fields(tmp_path: Path) -> None:
    (tmp_path / "smn.pem").write_bytes(certificate() * 2)
    loaded = taken(
        ALLOWED_INSTANCES=f" {ORDERS.upper()} , {PAYMENTS}",
        ENABLED_ACTIONS="restart, delete",
        COOLDOWN_SECONDS="0",
        MAX_EVENT_AGE_SECONDS="60",
        RESTART_TASK_PATTERN="Restart",
        GRAFANA_TIMESTAMP_HEADER="X-Grafana-Timestamp",
        SMN_CERTIFICATE_FILE=str(tmp_path / "smn.pem"),
        CA_BUNDLE_FILE=certifi.where(),
        PLATFORM_AUTHENTICATED="cloudevents",
        DIRECT_SECRETS="the-first-of-two-secrets, the-second-of-two-secrets",
        K_CE_OVERRIDES='{"extensions":{"team":"a"}}',
        DEADLINE_SECONDS="2.5",
    )

    assert loaded.limits.allowed == frozenset({ORDERS, PAYMENTS})
    assert loaded.limits.enabled_actions == {Action.RESTART, Action.DELETE}
    assert (loaded.limits.cooldown, loaded.limits.max_event_age) == (
        timedelta(0),
        timedelta(minutes=1),
    )
    assert loaded.limits.restart_task_pattern == "restart"
    assert loaded.auth.grafana_timestamp_header == "x-grafana-timestamp"
    assert loaded.auth.secrets["direct"] == (
        b"the-first-of-two-secrets",
        b"the-second-of-two-secrets",
    )
    assert [route for route in ROUTES if loaded.auth.is_enabled(route)] == ["cloudevents", "direct"]
    assert loaded.outbound.sink_extensions == {"team": "a"}
    assert taken(K_CE_OVERRIDES="{}").outbound.sink_extensions == {}
    assert taken(ALLOWED_INSTANCES="*").limits.allowed is None


@pytest.mark.parametrize("name", ["SMN_CERTIFICATE_FILE", "CA_BUNDLE_FILE"])
@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_certificates_stops_the_start(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "file.pem").write_text(text)

    (line,) = problems({**NEEDED, name: str(tmp_path / "file.pem")})

    assert line.startswith(f"{name}: must be the path of a file with PEM certificates")


@pytest.mark.parametrize(
    "opener",
    [
        *({f"{route.upper()}_SECRETS": "a-long-random-secret"} for route in ROUTES),
        {"SMN_TOPIC_URNS": TOPIC},
        {"PLATFORM_AUTHENTICATED": "cloudevents"},
        {"FUNCTIONGRAPH_CONTAINER": "true"},
    ],
    ids=str,
)
def test_http_entrypoint_needs_an_authentication_method(opener: dict[str, str]) -> None:
    read({**NEEDED, **opener}, routes=ROUTES, http_entrypoint=True)
    read(NEEDED, routes=ROUTES)
    (line,) = problems(NEEDED, http_entrypoint=True)

    assert "DIRECT_SECRETS" in line
    assert "SMN_TOPIC_URNS: set at least one" in line


def test_missing_authentication_is_reported_with_other_problems() -> None:
    lines = problems({}, http_entrypoint=True)

    assert len(lines) == len(NEEDED) + 1
    (line,) = problems({**NEEDED, "DIRECT_SECRETS": "short"}, http_entrypoint=True)
    assert line.startswith("DIRECT_SECRETS: has a secret of fewer than 16 characters")


def test_a_process_looks_at_no_other_variables() -> None:
    routes = startup.routed_sources()
    secrets = {f"{route.upper()}_SECRETS" for route in routes}
    assert set(ROUTES) <= set(routes)
    assert startup.variable_names() == SETTINGS | secrets | {"CLOUD_SDK_AK", "CLOUD_SDK_SK"}

    runtime = startup.runtime({**NEEDED, "HTTPS_PROXY": "http://other", "PATH": "/bin"})

    assert runtime.settings == read(NEEDED, routes=routes)
    assert startup.runtime(NEEDED).settings is runtime.settings

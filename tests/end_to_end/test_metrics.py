"""GET /metrics: the counters that Prometheus reads, without ids or names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from function.reporting.metrics import Metrics
from tests.factories import ORDERS, PAYMENTS
from tests.fake_dms import Reset
from tests.harness import Remediator, open_remediator

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(name="measured")
def open_a_measured_remediator() -> Iterator[Remediator]:
    with open_remediator(METRICS="true") as remediator:
        fresh = Metrics(lambda: 7)
        remediator.runtime = remediator.runtime._replace(metrics=fresh)
        yield remediator


def ask(remediator: Remediator, method: str = "GET") -> HttpResponse:
    return handle_request(HttpRequest(method, "/metrics", {}), remediator.runtime)


def samples(remediator: Remediator) -> Samples:
    families = text_string_to_metric_families(ask(remediator).body)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def events(remediator: Remediator) -> dict[str, float]:
    """Return the counted events, each by `outcome action reason source`."""
    return {
        " ".join(f"{dict(labels)[name]}" for name in ("outcome", "action", "reason", "source")): (
            value
        )
        for (name, labels), value in samples(remediator).items()
        if name == "kafka_remediator_events_total"
    }


def test_events_are_counted_by_outcome(measured: Remediator) -> None:
    measured.alert(ORDERS)
    measured.alert(ORDERS)
    measured.restart(PAYMENTS)
    measured.post("/direct", {"action": "restart"}, authorization="Bearer wrong")

    assert events(measured) == {
        "accepted restart  alertmanager": 1,
        "skipped restart already_restarting alertmanager": 1,
        "skipped restart not_found direct": 1,
        "rejected  unauthenticated direct": 1,
    }


def test_durations_are_a_histogram(measured: Remediator) -> None:
    measured.alert(ORDERS)

    counted = samples(measured)
    name = "kafka_remediator_event_duration_seconds"
    assert counted[f"{name}_count", ()] == 1
    assert counted[f"{name}_sum", ()] > 0
    assert counted[f"{name}_bucket", (("le", "+Inf"),)] == 1


def test_calls_for_a_person_are_counted(measured: Remediator) -> None:
    assert samples(measured)["kafka_remediator_needs_human_total", ()] == 0

    measured.alert(PAYMENTS)  # an instance that is gone

    assert samples(measured)["kafka_remediator_needs_human_total", ()] == 1


def test_results_that_do_not_arrive_are_counted(measured: Remediator) -> None:
    name = "kafka_remediator_undelivered_total"
    topic = {
        "NOTIFY_TOPIC_URN": measured.cloud.account.topic_urn,
        "SMN_ENDPOINT": measured.cloud.url,
    }
    metrics = measured.runtime.metrics
    measured.set(**topic)
    measured.runtime = measured.runtime._replace(metrics=metrics)
    assert samples(measured)[name, (("to", "topic"),)] == 0

    measured.cloud.fault(Reset(), kind="publish")
    measured.alert(ORDERS)

    counted = samples(measured)
    assert (counted[name, (("to", "topic"),)], counted[name, (("to", "sink"),)]) == (1, 0)


def test_lines_that_the_log_dropped_are_counted(measured: Remediator) -> None:
    assert samples(measured)["kafka_remediator_dropped_log_lines_total", ()] == 7


def test_the_ledgers_errors_begin_at_zero(measured: Remediator) -> None:
    measured.alert(ORDERS)

    assert samples(measured)["kafka_remediator_ledger_errors_total", ()] == 0


def test_no_instance_no_project_and_no_name_is_on_the_page(measured: Remediator) -> None:
    measured.alert(ORDERS)
    measured.ces_alarm(alarm_name="orders-db-of-acme")

    page = ask(measured).body

    for secret in (ORDERS, measured.cloud.account.project_id, "acme", measured.cloud.url):
        assert secret not in page


def test_the_page_says_what_format_it_has(measured: Remediator) -> None:
    answer = ask(measured)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert ask(measured, "HEAD").status == 200


def test_only_reading_is_allowed(measured: Remediator) -> None:
    assert ask(measured, "OPTIONS").headers["Allow"] == "GET, HEAD, OPTIONS"
    refused = ask(measured, "POST")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_without_the_setting_there_is_no_such_route(remediator: Remediator) -> None:
    remediator.alert(ORDERS)

    assert ask(remediator).status == 404


def test_the_process_counts_through_a_change_of_settings() -> None:
    with open_remediator(METRICS="true") as remediator:
        before = sum(events(remediator).values())
        remediator.alert(ORDERS)
        remediator.set(COOLDOWN_SECONDS="0")

        assert sum(events(remediator).values()) == before + 1


@pytest.mark.parametrize(("metrics", "imported"), [("false", False), ("true", True)])
def test_the_client_of_prometheus_is_imported_only_where_it_is_asked_for(
    remediator: Remediator, metrics: str, imported: bool
) -> None:
    code = (
        "import sys\n"
        "from function.entrypoints import startup\n"
        f"startup.runtime({ {**remediator.settings, 'METRICS': metrics}!r})\n"
        "print('prometheus_client' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == str(imported)

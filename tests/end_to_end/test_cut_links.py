"""Each link of the chain is cut in turn: alarm, function, cloud, ledger, notification.

What notices it is the next scheduled check or verify, or a rule on silence; the rules themselves
are played by promtool, in tests/deploy/monitoring.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from function.reporting.metrics import Metrics
from tests.factories import MINUTE, ORDERS
from tests.fake_dms import Behaviour, Close, Reset, vendor_error
from tests.harness import Remediator, open_remediator

ROOT = Path(__file__).parents[2]
RULES = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(
        (ROOT / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    )["groups"]
    for rule in group["rules"]
}


def page(remediator: Remediator) -> str:
    assert remediator.runtime.metrics is not None
    return remediator.runtime.metrics.page()


@pytest.fixture(name="measured")
def open_a_measured_remediator() -> Any:
    with open_remediator(METRICS="true") as remediator:
        remediator.runtime = remediator.runtime._replace(metrics=Metrics(lambda: 0))
        yield remediator


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Close(at="connect"), "any"),
        (vendor_error(503, "APIGW.0201"), "list"),
        (vendor_error(403, "DMS.00403003"), "list"),
        (vendor_error(403, "DMS.00403003"), "tasks"),
        (vendor_error(401, "APIGW.0301"), "any"),
    ],
    ids=["unreachable", "unavailable", "no right to list", "no right to tasks", "wrong keys"],
)
def test_a_cloud_that_cannot_be_read_is_noticed_by_check_and_verify(
    measured: Remediator, fault: Any, kind: str
) -> None:
    measured.set(DEADLINE_SECONDS="2")
    measured.runtime = measured.runtime._replace(metrics=Metrics(lambda: 0))
    measured.cloud.fault(fault, kind, times=None)

    for action in ("check", "verify"):
        assert measured.ask(action=action).data["outcome"] == "failed"
        shown = f'action="{action}",outcome="failed"'
        assert re.search(rf"events_total{{{shown}[^}}]*}} 1.0", page(measured))
    assert 'action=~"check|verify", outcome="failed"' in RULES["KafkaRemediatorCheckFailed"]


def test_keys_that_are_wrong_call_a_person_at_the_next_check(remediator: Remediator) -> None:
    remediator.set(HUAWEICLOUD_SDK_SK="another-secret-key")

    result = remediator.ask(action="check")

    assert (result.data["outcome"], result.data["needs_human"]) == ("failed", True)


def test_a_ledger_that_is_gone_is_noticed_by_check_and_verify(measured: Remediator) -> None:
    measured.set(LEDGER_URL="redis://127.0.0.1:9/0")
    measured.runtime = measured.runtime._replace(metrics=Metrics(lambda: 0))

    assert measured.ask(action="check").data["outcome"] == "failed"
    assert measured.ask(action="verify").data["outcome"] == "failed"
    assert measured.alert(ORDERS).data["reason"] == "ledger_unreadable"
    assert "kafka_remediator_ledger_errors_total 2.0" in page(measured)
    assert "kafka_remediator_ledger_errors_total" in RULES["KafkaRemediatorLedgerErrors"]


def test_failing_topic_is_noticed_by_the_undelivered_rule(
    measured: Remediator,
) -> None:
    topic = measured.cloud.account.topic_urn
    measured.set(NOTIFY_TOPIC_URN=topic, SMN_ENDPOINT=measured.cloud.url)
    measured.runtime = measured.runtime._replace(metrics=Metrics(lambda: 0))
    measured.cloud.fault(Reset(), "publish")

    measured.alert(ORDERS)

    assert 'kafka_remediator_undelivered_total{to="topic"} 1.0' in page(measured)
    assert "kafka_remediator_undelivered_total" in RULES["KafkaRemediatorUndelivered"]


@pytest.mark.parametrize("outcome", ["fails", "does_not_help"])
def test_a_restart_that_does_not_help_is_noticed_without_another_alarm(outcome: Any) -> None:
    with open_remediator(Behaviour(restart_outcome=outcome)) as remediator:
        remediator.alert(ORDERS)
        remediator.clock.advance(15 * 60)

        result = remediator.ask(action="verify")

    assert (result.data["outcome"], result.data["needs_human"]) == ("failed", True)


def test_a_restart_that_hangs_is_noticed_without_another_alarm() -> None:
    with open_remediator(Behaviour(restart_seconds=24 * 3600)) as remediator:
        remediator.alert(ORDERS)
        remediator.clock.advance(21 * MINUTE.total_seconds())

        result = remediator.ask(action="verify")

    assert (result.data["reason"], result.data["needs_human"]) == ("hanging", True)


def test_an_instance_whose_alarm_does_not_arrive_is_named_by_the_next_verify(
    remediator: Remediator,
) -> None:
    result = remediator.ask(action="verify")

    assert result.reasons == {ORDERS: "status"}
    assert "source" in RULES["KafkaRemediatorNoAlarms"]


def test_missing_function_or_schedule_is_noticed_by_the_absence_rules() -> None:
    assert "absent(up" in RULES["KafkaRemediatorDown"]
    assert "vector(0)" in RULES["KafkaRemediatorNoHeartbeat"]

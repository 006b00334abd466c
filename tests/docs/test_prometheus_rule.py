"""The Prometheus rule of docs/senders.md asks for a restart, and promtool agrees where it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from function.sources import alertmanager
from tests.factories import ORDERS
from tests.readme_blocks import SENDERS, blocks

(BLOCK,) = [block for block in blocks("yaml", SENDERS) if "groups" in yaml.safe_load(block)]
RULES: dict[str, Any] = yaml.safe_load(BLOCK)
PROMTOOL = shutil.which("promtool")


def rule() -> dict[str, Any]:
    ((found,),) = [group["rules"] for group in RULES["groups"]]
    return dict(found)


def fired(broker: str) -> dict[str, Any]:
    """Return the group that Alertmanager sends when the rule fires for a broker."""
    metric = {"kafka_instance_id": ORDERS, "kafka_broker": broker, "instance": "exporter:8087"}
    labels = {"alertname": rule()["alert"], **metric, **rule()["labels"]}
    return {"version": "4", "alerts": [{"status": "firing", "labels": labels}]}


def test_the_printed_rule_asks_for_a_restart_of_the_instance_of_its_metric() -> None:
    (intent,) = alertmanager.SOURCE.parse(fired("broker-0")).intents
    (connector,) = alertmanager.SOURCE.parse(fired("connector-0")).intents

    assert (intent.skip, intent.instances) == (None, (ORDERS,))
    assert connector.skip == "not_mapped"


def test_the_printed_rule_uses_only_labels_that_the_exporter_has() -> None:
    template = rule()["annotations"]["summary"]

    assert set(re.findall(r"\$labels\.(\w+)", template)) == {"kafka_broker", "kafka_instance_id"}
    assert rule()["expr"].startswith("huaweicloud_sys_dms_broker_alive{")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: the rule was not run")
def test_promtool_fires_the_printed_rule_for_a_broker_and_for_no_connector(tmp_path: Path) -> None:
    series = "huaweicloud_sys_dms_broker_alive{{kafka_instance_id='{}',kafka_broker='{}'}}"
    labels = {"kafka_instance_id": ORDERS, "kafka_broker": "broker-0", **rule()["labels"]}
    summary = f"broker-0 of {ORDERS} is not alive"
    case = {
        "interval": "1m",
        "input_series": [
            {"series": series.format(ORDERS, broker), "values": "1 0x10"}
            for broker in ("broker-0", "connector-0")
        ],
        "alert_rule_test": [
            {"eval_time": "2m", "alertname": rule()["alert"], "exp_alerts": []},
            {
                "eval_time": "5m",
                "alertname": rule()["alert"],
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"summary": summary}}],
            },
        ],
    }
    (tmp_path / "rules.yml").write_text(BLOCK, encoding="utf-8")
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "tests.yml").write_text(json.dumps(tests), encoding="utf-8")

    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", "tests.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr

"""The alert rules and the dashboard: they ask for what the function shows, and page for silence."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from function.reporting.metrics import Metrics
from tests.fake_dms import FakeDms
from tests.http_server import HttpServer, serving
from tests.loopback import free_port

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "monitoring" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
NOT_INSTALLED = "NOT CHECKED: {} is not installed; Debian's package `prometheus` has it"
PATIENCE = 60
SECRET = "example-secret-example"

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason=NOT_INSTALLED.format("promtool"))


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return document


def expressions() -> list[str]:
    panels = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return [*panels, *(rule["expr"] for rule in rules())]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROMTOOL), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_asks_for_a_metric_that_the_function_shows(expression: str) -> None:
    shown = set(re.findall(r"^# TYPE (\S+)", Metrics(lambda: 0).page(), re.MULTILINE))
    asked = {
        name.removesuffix("_bucket") for name in re.findall(r"kafka_remediator_\w+", expression)
    }

    assert asked <= shown
    assert asked or "up{" in expression


def test_every_rule_says_what_has_happened_and_what_it_means() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_panels_have_unique_titles_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    checked = promtool("check", "rules", RULES)

    assert checked.returncode == 0, checked.stderr


@needs_promtool
def test_the_rules_page_for_what_they_should_and_for_nothing_else() -> None:
    tested = promtool("test", "rules", Path(__file__).parent / "alerts_test.yml")

    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
def test_promtool_accepts_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    variables = {"$__rate_interval": "5m", "$job": ".*"}
    recorded = []
    for number, target in enumerate(
        target for panel in dashboard()["panels"] for target in panel["targets"]
    ):
        expression = target["expr"]
        for name, value in variables.items():
            expression = expression.replace(name, value)
        recorded.append({"record": f"panel:{number}", "expr": expression})
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))

    checked = promtool("check", "rules", file)

    assert checked.returncode == 0, checked.stderr


def _query(port: int, expression: str) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expression})}"
    try:
        with urlopen(url, timeout=PATIENCE) as response:
            found: list[dict[str, Any]] = json.load(response)["data"]["result"]
            return found
    except OSError:  # it has not opened its port yet
        return []


def _await(port: int, expression: str) -> list[dict[str, Any]]:
    """Ask until there is an answer."""
    pause = threading.Event()
    for _ in range(PATIENCE * 10):
        if found := _query(port, expression):
            return found
        pause.wait(0.1)
    raise TimeoutError(expression)


@pytest.mark.timeout(180)
@pytest.mark.skipif(PROMETHEUS is None, reason=NOT_INSTALLED.format("prometheus"))
def test_a_real_prometheus_scrapes_the_real_server(tmp_path: Path) -> None:
    with FakeDms() as cloud:
        settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
        with serving({**settings, "METRICS": "true"}) as server:
            authorized = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
            request = json.dumps({"action": "purge_failed"})
            assert server.send("POST", "/direct", request, **authorized).status == 200
            found = _scraped(server, tmp_path)

    assert [(entry["metric"]["outcome"], entry["metric"]["source"]) for entry in found] == [
        ("accepted", "direct")
    ]


def _scraped(server: HttpServer, folder: Path) -> list[dict[str, Any]]:
    """Return the events that a Prometheus with our rules has read from a server."""
    port = free_port()
    target = {"targets": [f"127.0.0.1:{server.port}"]}
    job = {"job_name": "kafka-remediator", "scrape_interval": "1s", "static_configs": [target]}
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "scrape_configs": [job]}))
    command = [
        str(PROMETHEUS),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            assert _await(port, 'up{job="kafka-remediator"} == 1')
            return _await(port, "kafka_remediator_events_total")
        finally:
            process.terminate()

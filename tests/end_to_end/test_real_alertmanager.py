"""A real Alertmanager, with the configuration of docs/senders.md, sends to the real server.

Debian's package prometheus-alertmanager has it; where none is installed the tests are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.deploy.serving import served
from tests.fake_dms import FakeDms, vendor_error
from tests.loopback import free_port

ROOT = Path(__file__).parents[2]
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
SECRET = "example-secret-example"
PATIENCE = 60
# It starts within a second; on a busy machine within ten.
ATTEMPTS = 600


def documented() -> dict[str, Any]:
    """Return the configuration that docs/senders.md tells people to use."""
    text = (ROOT / "docs" / "senders.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if "/alertmanager" in block)
    configuration: dict[str, Any] = yaml.safe_load(block)
    return configuration


def installed(*names: str) -> str:
    for name in names:
        if command := shutil.which(name):
            return command
    pytest.skip(f"{names[0]} is not installed, so no real Alertmanager has been asked here")


def routed() -> Iterator[dict[str, Any]]:
    """Yield the routes of the configuration that lead to the function."""
    configuration = documented()
    yield from (
        route
        for route in configuration["route"]["routes"]
        if route["receiver"] == "kafka-remediator"
    )


class Alertmanager(NamedTuple):
    """A running Alertmanager, and the server behind it."""

    port: int
    server: str

    def skipped(self) -> int:
        """Return how many events of it the server has skipped so far."""
        with urlopen(f"{self.server}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        pattern = (
            r'kafka_remediator_events_total\{.*outcome="skipped".*source="alertmanager".*\} (\d+)'
        )
        return sum(int(count) for count in re.findall(pattern, text))

    def fire(self, *, ended: bool = False, **labels: str) -> None:
        """Post an alert, as Prometheus does."""
        now = datetime.now(timezone.utc)
        alert = {
            "labels": {
                "alertname": "KafkaBrokerDown",
                "remediation": "restart",
                "kafka_instance_id": INSTANCE,
                **labels,
            },
            "startsAt": (now - timedelta(minutes=2)).isoformat(),
            "endsAt": (now if ended else now + timedelta(hours=1)).isoformat(),
        }
        url = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        body = json.dumps([alert]).encode()
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=PATIENCE):
            pass


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(ATTEMPTS):
        try:
            with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=PATIENCE):
                return
        except (URLError, ConnectionError):
            try:
                pytest.fail(f"Alertmanager ended with {process.wait(timeout=0.1)}")
            except subprocess.TimeoutExpired:
                continue
    pytest.fail("Alertmanager does not become ready")


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        yield cloud


@pytest.fixture
def alertmanager(cloud: FakeDms, tmp_path: Path) -> Iterator[Alertmanager]:
    """Alertmanager in front of `python -m function serve` in front of the fake DMS."""
    command = installed("prometheus-alertmanager", "alertmanager")
    configuration = documented()
    settings = {**cloud.environment(), "DRY_RUN": "false", "ALERTMANAGER_SECRETS": SECRET}
    with served({**settings, "METRICS": "true"}) as server:
        (receiver,) = (
            receiver["webhook_configs"][0]
            for receiver in configuration["receivers"]
            if receiver["name"] == "kafka-remediator"
        )
        receiver["url"] = f"{server.url}/alertmanager"
        receiver["http_config"]["authorization"]["credentials"] = SECRET
        for route in configuration["route"]["routes"]:
            route["group_interval"] = "1s"  # half a minute there; the tests wait for it
        path, port = tmp_path / "alertmanager.yml", free_port()
        path.write_text(yaml.safe_dump(configuration))
        options = [
            f"--config.file={path}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with subprocess.Popen([command, *options], stderr=subprocess.DEVNULL) as process:
            try:
                wait_until_ready(process, port)
                yield Alertmanager(port, server.url)
            finally:
                process.terminate()


def until(condition: Callable[[], bool]) -> None:
    """Look until a condition holds; what it waits for happens in other processes."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_the_documented_configuration_is_one(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(documented()))

    command = [installed("amtool"), "check-config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_documented_route_sends_ungrouped_without_long_waits() -> None:
    for route in routed():
        assert route["group_interval"] == "30s"
        assert route["group_wait"] == "1s"
        assert route["continue"] is True


def test_documented_route_is_followed_by_one_that_reaches_people_for_every_alert() -> None:
    # An alert that a child route matches is not sent to the receiver of the parent.
    assert documented()["route"]["routes"][-1] == {"receiver": "people"}


def test_an_alert_restarts_its_instance_once(alertmanager: Alertmanager, cloud: FakeDms) -> None:
    alertmanager.fire()

    cloud.wait_for(1, kind="action", timeout=PATIENCE)
    until(lambda: len(cloud.effects) == 1)
    alertmanager.fire(severity="critical")  # another alert of the group, while it restarts
    until(lambda: alertmanager.skipped() > 0)

    assert [(effect.action, effect.instance) for effect in cloud.effects] == [("restart", INSTANCE)]


def test_a_failure_that_may_be_repeated_is_sent_again_by_alertmanager(
    alertmanager: Alertmanager, cloud: FakeDms
) -> None:
    cloud.fault(vendor_error(502, "APIGW.0201"), kind="list", times=4)

    alertmanager.fire()

    cloud.wait_for(1, kind="action", timeout=PATIENCE)
    until(lambda: len(cloud.effects) == 1)
    assert len(cloud.posts) == 1


def test_an_alert_without_the_label_does_not_reach_the_function(
    alertmanager: Alertmanager, cloud: FakeDms
) -> None:
    alertmanager.fire(remediation="none", kafka_instance_id="00000000-0000-0000-0000-000000000000")
    alertmanager.fire()

    cloud.wait_for(1, kind="action", timeout=PATIENCE)

    assert INSTANCE in str(cloud.posts[0])


def test_the_end_of_an_alert_restarts_nothing(alertmanager: Alertmanager, cloud: FakeDms) -> None:
    alertmanager.fire()
    cloud.wait_for(1, kind="action", timeout=PATIENCE)
    until(lambda: len(cloud.effects) == 1)

    alertmanager.fire(ended=True)
    until(lambda: alertmanager.skipped() > 0)

    assert len(cloud.posts) == 1

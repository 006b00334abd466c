"""The zip runs without other packages: the triggers of FunctionGraph, end to end."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.fake_dms import FakeDms
from tests.gateway_events import gateway_events
from tests.redis_process import redis_process

from .conftest import FAILED, INSTANCE
from .contents import HTTP_ONLY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SECRET = "example-secret-example"
TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"


def settings(cloud: FakeDms) -> dict[str, str]:
    """Return what the operator sets, and the keys of the agency."""
    return {
        "DRY_RUN": "false",
        "DMS_ENDPOINT": cloud.url,
        "HUAWEICLOUD_SDK_PROJECT_ID": cloud.account.project_id,
        "DIRECT_SECRETS": SECRET,
        "SMN_TOPIC_URNS": TOPIC,
        "access_key": cloud.account.access_key,
        "secret_key": cloud.account.secret_key,
        "security_token": str(cloud.account.security_token),
    }


def alone(*command: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with nothing but its standard library, and no environment."""
    arguments = [sys.executable, "-I", "-S", *map(str, command)]
    return subprocess.run(
        arguments, input=stdin, capture_output=True, text=True, env={}, check=False
    )


def run(tree: Path, cloud: FakeDms, *events: object, **changes: str) -> dict[str, Any]:
    """Run events through `index.handler` of a tree."""
    task = json.dumps({"settings": {**settings(cloud), **changes}, "events": events})
    done = alone(Path(__file__).with_name("run.py"), tree, stdin=task)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return answer


def example(name: str) -> dict[str, Any]:
    schema = json.loads((ROOT / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    event: dict[str, Any] = schema["examples"][0]
    return event


def smn() -> dict[str, Any]:
    """Return an alarm of now, as an SMN trigger delivers it."""
    event, at = example("envelopes/functiongraph_smn"), datetime.now(timezone.utc)
    message = event["record"][0]["smn"]
    message["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    alarm = {**json.loads(message["message"]), "time": int(at.timestamp() * 1000)}
    message["message"] = json.dumps(alarm)
    return event


def timer() -> dict[str, Any]:
    return {**example("events/timer"), "time": datetime.now(timezone.utc).isoformat()}


def gateway(path: str, document: object) -> dict[str, Any]:
    """Return a request over HTTPS, as an API gateway delivers it."""
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    body = base64.b64encode(json.dumps(document).encode()).decode()
    return {**gateway_events("api_gateway")[0], "path": path, "headers": headers, "body": body}


def direct() -> dict[str, Any]:
    return gateway("/direct", {"action": "restart", "instances": [INSTANCE]})


def test_an_alarm_of_an_smn_trigger_restarts(tree: Path, cloud: FakeDms) -> None:
    (result,) = run(tree, cloud, smn())["returned"]

    assert result["data"]["outcome"] == "accepted"
    assert [(effect.action, effect.instance) for effect in cloud.effects] == [("restart", INSTANCE)]


def test_a_timer_purges(tree: Path, cloud: FakeDms) -> None:
    (result,) = run(tree, cloud, timer())["returned"]

    assert result["data"]["outcome"] == "accepted"
    assert [(effect.action, effect.instance) for effect in cloud.effects] == [("purge", FAILED)]


def test_a_request_of_an_api_gateway_restarts(tree: Path, cloud: FakeDms) -> None:
    (answer,) = run(tree, cloud, direct())["returned"]

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["data"]["outcome"] == "accepted"
    assert [(effect.action, effect.instance) for effect in cloud.effects] == [("restart", INSTANCE)]


def test_the_signature_of_a_message_is_checked_with_what_is_packed(
    tree: Path, cloud: FakeDms
) -> None:
    ran = run(tree, cloud, gateway("/smn", {**example("envelopes/smn"), "topic_urn": TOPIC}))

    assert ran["returned"][0]["statusCode"] == 401
    assert "cryptography" in ran["loaded"]
    assert cloud.requests == ()


def test_a_second_alarm_in_the_same_process_finds_the_restart(tree: Path, cloud: FakeDms) -> None:
    first, second = run(tree, cloud, smn(), smn())["returned"]

    assert first["data"]["outcome"] == "accepted"
    assert second["data"]["reason"] == "already_restarting"
    assert len(cloud.effects) == 1


def test_two_copies_share_a_ledger_with_what_is_packed(tree: Path, cloud: FakeDms) -> None:
    with redis_process() as redis:
        shared = {"LEDGER_URL": redis.url}
        first, second = (run(tree, cloud, smn(), **shared) for _ in range(2))
        kept = redis.send("DBSIZE")

    assert "redis" in first["loaded"]
    assert [ran["returned"][0]["data"]["outcome"] for ran in (first, second)] == [
        "accepted",
        "skipped",
    ]
    assert kept > 0
    assert len(cloud.effects) == 1


def test_the_byte_code_alone_runs(tree: Path, cloud: FakeDms) -> None:
    for source in tree.rglob("*.py"):
        source.write_text("raise SystemExit('a source was read')\n")

    (result,) = run(tree, cloud, smn())["returned"]

    assert result["data"]["outcome"] == "accepted"


def test_a_run_writes_nothing_into_the_tree(tree: Path, cloud: FakeDms) -> None:
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}

    run(tree, cloud, smn(), timer(), direct())

    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_nothing_is_loaded_that_only_the_http_entrypoint_needs(tree: Path, cloud: FakeDms) -> None:
    loaded = run(tree, cloud, smn(), timer(), direct())["loaded"]

    assert "requests" in loaded
    assert not HTTP_ONLY & set(loaded)


def test_another_runtime_gets_an_error_naming_the_right_one(tree: Path) -> None:
    (tree / "python-version").write_text("3.9\n")

    done = alone("-c", f"import sys; sys.path.insert(0, {str(tree)!r}); import index")

    assert done.returncode != 0
    assert "This zip was built for Python 3.9" in done.stderr

"""Lambda's package, as `sam build` gets it from the Makefile, under AWS's own runtime client."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from deploy import package
from deploy.interpreters import Interpreter
from tests.fake_dms import FakeDms
from tests.gateway_events import gateway_events

from .conftest import FAILED, INSTANCE
from .contents import HTTP_ONLY
from .runtime_api import run

pytestmark = pytest.mark.slow

SECRET = "example-secret-example"


def settings(cloud: FakeDms) -> dict[str, str]:
    return {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}


def purge() -> dict[str, Any]:
    """Return what the schedule of template.yaml sends."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"action": "purge_failed", "id": "d32c5kddcf5bb8c3", "time": at, "reason": "scheduled"}


def function_url(document: dict[str, Any]) -> dict[str, Any]:
    event = gateway_events("function_url")[0]
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/direct"
    event["requestContext"]["http"]["method"] = "POST"
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return {**event, "headers": headers, "body": json.dumps(document), "isBase64Encoded": False}


def test_the_tree_is_what_functiongraph_gets_without_its_way_in(
    lambda_tree: Path, tree: Path
) -> None:
    def files(root: Path) -> dict[str, bytes]:
        paths = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}

    ours, theirs = files(lambda_tree), files(tree)
    only_functiongraph = {name for name in theirs if name not in ours and "__pycache" not in name}

    assert only_functiongraph == {"index.py", "python-version"}
    assert {name: theirs[name] for name in ours} == ours


def test_nothing_is_packed_that_only_http_or_the_tests_need(lambda_tree: Path) -> None:
    packed = {path.name for path in lambda_tree.iterdir()}

    assert not packed & (HTTP_ONLY | {"tests", "demo", "benchmarks", "deploy"})


def test_package_is_complete_and_small_enough(python: Interpreter, lambda_tree: Path) -> None:
    assert list(package.problems(python, lambda_tree)) == []
    files = (path for path in lambda_tree.rglob("*") if path.is_file())
    assert sum(path.stat().st_size for path in files) <= package.MAX_TREE_BYTES


def test_a_directory_that_holds_something_is_left_alone(
    python: Interpreter, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(package.NotBuilt, match="not an empty directory"):
        package.build_lambda(python, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_schedule_purges_and_a_function_url_restarts(lambda_tree: Path, cloud: FakeDms) -> None:
    request = function_url({"action": "restart", "instances": [INSTANCE]})

    purged, restarted = run(lambda_tree, settings(cloud), [purge(), request])

    assert (purged.kind, purged.document["data"]["outcome"]) == ("response", "accepted")
    assert (restarted.kind, restarted.document["statusCode"]) == ("response", 200)
    assert json.loads(restarted.document["body"])["data"]["outcome"] == "accepted"
    done = [(effect.action, effect.instance) for effect in cloud.effects]
    assert done == [("purge", FAILED), ("restart", INSTANCE)]


def test_a_failure_that_may_be_repeated_is_an_error_to_lambda_and_the_next_event_runs(
    lambda_tree: Path, cloud: FakeDms
) -> None:
    unreachable = {**settings(cloud), "DMS_ENDPOINT": "http://127.0.0.1:1"}

    first, second = run(lambda_tree, unreachable, [purge(), purge()])

    for answer in (first, second):
        assert answer.kind == "error"
        result = json.loads(answer.document["errorMessage"])
        assert (result["data"]["outcome"], result["data"]["retryable"]) == ("failed", True)


def test_invalid_settings_are_reported_at_the_first_event(
    lambda_tree: Path, cloud: FakeDms
) -> None:
    (answer,) = run(lambda_tree, {**settings(cloud), "DRY_RUN": "perhaps"}, [purge()])

    assert answer.document["data"]["reason"] == "settings"
    assert cloud.requests == ()


def test_metrics_are_served_where_they_are_switched_on(lambda_tree: Path, cloud: FakeDms) -> None:
    event = function_url({})
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/metrics"
    event["requestContext"]["http"]["method"] = "GET"

    purged, metrics = run(lambda_tree, {**settings(cloud), "METRICS": "true"}, [purge(), event])

    assert purged.document["data"]["outcome"] == "accepted"
    assert metrics.document["statusCode"] == 200
    assert 'action="purge_failed",outcome="accepted"' in metrics.document["body"]


def test_its_byte_code_is_what_runs(lambda_tree: Path, cloud: FakeDms) -> None:
    for source in lambda_tree.rglob("*.py"):
        source.write_text("raise SystemExit('a source was read')\n")

    (answer,) = run(lambda_tree, settings(cloud), [purge()])

    assert answer.document["data"]["outcome"] == "accepted"


def test_a_run_writes_nothing_into_the_tree(lambda_tree: Path, cloud: FakeDms) -> None:
    before = {path: path.stat().st_mtime_ns for path in lambda_tree.rglob("*")}

    run(lambda_tree, settings(cloud), [purge()])

    assert {path: path.stat().st_mtime_ns for path in lambda_tree.rglob("*")} == before

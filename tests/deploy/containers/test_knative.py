"""Knative: valid to the published schemas, cluster-local, one instance, settings by reference."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.factories import SETTINGS

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
KEPT = ROOT / "dist" / "knative-schemas"

Document = dict[str, Any]
Validate = Callable[[list[Document]], list[str]]

DOCUMENTS: list[Document] = list(
    yaml.safe_load_all((ROOT / "deploy" / "knative.yaml").read_text(encoding="utf-8"))
)
SERVICE, PURGE, RESULTS = DOCUMENTS
POD = SERVICE["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


@pytest.fixture(scope="module")
def validate() -> Validate:
    """The published schemas, which come from npm, locked with hashes and kept in dist/."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is not installed, and the published schemas are its package")
    lock = (HERE / "package-lock.json").read_bytes()
    if not (KEPT / "ready").is_file() or (KEPT / "ready").read_bytes() != lock:
        KEPT.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", "validate.mjs"):
            shutil.copy(HERE / name, KEPT)
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        done = subprocess.run(install, cwd=KEPT, capture_output=True, text=True, check=False)
        if done.returncode and re.search(r"ENOTFOUND|EAI_AGAIN|ECONN|network|404", done.stderr):
            pytest.skip("npm's registry does not answer, and dist/knative-schemas is not there")
        assert done.returncode == 0, done.stderr
        (KEPT / "ready").write_bytes(lock)

    def problems(documents: list[Document]) -> list[str]:
        given, command = json.dumps(documents), [node, "validate.mjs"]
        done = subprocess.run(
            command, cwd=KEPT, input=given, capture_output=True, text=True, check=True
        )
        found: list[str] = json.loads(done.stdout)
        return found

    return problems


def test_the_published_schemas_accept_every_document(validate: Validate) -> None:
    assert validate(DOCUMENTS) == []


def test_the_published_schemas_would_refuse_something(validate: Validate) -> None:
    wrong = copy.deepcopy(DOCUMENTS)
    wrong[0]["spec"]["template"]["spec"]["containerConcurrency"] = "8"
    wrong[1]["spec"]["schedule"] = 3
    wrong[2]["spec"]["sink"] = "default"

    assert [problem.partition(":")[0] for problem in validate(wrong)] == [
        "Service",
        "PingSource",
        "SinkBinding",
    ]


def test_there_is_a_service_a_schedule_and_a_binding_for_the_results() -> None:
    kinds = [(one["apiVersion"], one["kind"]) for one in DOCUMENTS]

    assert kinds == [
        ("serving.knative.dev/v1", "Service"),
        ("sources.knative.dev/v1", "PingSource"),
        ("sources.knative.dev/v1", "SinkBinding"),
    ]


def test_only_the_cluster_reaches_it() -> None:
    labels = SERVICE["metadata"]["labels"]

    assert labels["networking.knative.dev/visibility"] == "cluster-local"


def test_one_instance_answers_eight_at_once() -> None:
    annotations = SERVICE["spec"]["template"]["metadata"]["annotations"]

    assert annotations == {"autoscaling.knative.dev/max-scale": "1"}
    assert POD["containerConcurrency"] == 8


def test_it_is_probed_on_its_health() -> None:
    probes = [CONTAINER[name] for name in ("readinessProbe", "livenessProbe")]

    assert probes == [{"httpGet": {"path": "/health"}}] * 2


def test_settings_and_secrets_are_references() -> None:
    assert CONTAINER["envFrom"] == [
        {"configMapRef": {"name": "kafka-remediator-settings"}},
        {"secretRef": {"name": "kafka-remediator-secrets"}},
    ]
    assert CONTAINER["env"] == [{"name": "PLATFORM_AUTHENTICATED", "value": "cloudevents"}]
    assert {one["name"] for one in CONTAINER["env"]} <= SETTINGS


def test_it_runs_as_nobody_and_writes_nothing() -> None:
    security = CONTAINER["securityContext"]

    assert security["runAsUser"] == 1003
    assert security["runAsNonRoot"] is security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_the_schedule_sends_a_request_document_to_the_service() -> None:
    schema = json.loads((ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8"))
    document = json.loads(PURGE["spec"]["data"])

    Draft202012Validator(schema).validate(document)
    assert document["action"] == "purge_failed"
    assert PURGE["spec"]["contentType"] == "application/json"
    assert PURGE["spec"]["sink"]["ref"]["name"] == SERVICE["metadata"]["name"]


def test_the_results_of_the_service_are_bound_to_a_broker() -> None:
    assert RESULTS["spec"]["subject"]["name"] == SERVICE["metadata"]["name"]
    assert RESULTS["spec"]["subject"]["kind"] == SERVICE["kind"]
    assert RESULTS["spec"]["sink"]["ref"]["kind"] == "Broker"

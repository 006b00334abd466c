"""Kubernetes and Knative: valid to the published schemas, least rights, one copy, schedules."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.deploy.serving import served
from tests.factories import SETTINGS
from tests.fake_dms import FakeDms

from .manifests import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    Document,
    Validate,
    built,
    files,
    load,
    named,
    pod_specs,
    validator,
)

pytestmark = pytest.mark.slow

SECRET = "example-secret-example"
ACTIONS = {"check": "check", "verify": "verify", "purge": "purge_failed"}
(DEPLOYMENT,) = named(files("base"), "apps/v1 Deployment")
SERVER = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
CRON_JOBS = named(files("base"), "batch/v1 CronJob")
(KNATIVE,) = named(files("knative"), "serving.knative.dev/v1 Service")
PINGS = named(files("knative"), "sources.knative.dev/v1 PingSource")
PODS = [*pod_specs(files("base")), *pod_specs(files("knative"))]


@pytest.fixture(scope="module")
def validate() -> Validate:
    return validator()


def request_schema() -> Draft202012Validator:
    text = (ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_published_schemas_accept_every_document(validate: Validate, overlay: str) -> None:
    assert validate(list(files(overlay))) == []
    assert validate(list(built(overlay))) == []


def test_the_published_schemas_would_refuse_something(validate: Validate) -> None:
    wrong = copy.deepcopy([DEPLOYMENT, CRON_JOBS[0], KNATIVE, PINGS[0]])
    wrong[0]["spec"]["replicas"] = "one"
    wrong[1]["spec"]["suspend"] = "no"
    wrong[2]["spec"]["template"]["spec"]["containerConcurrency"] = "8"
    wrong[3]["spec"]["schedule"] = 3

    assert [problem.partition(":")[0] for problem in validate(wrong)] == [
        "apps/v1 Deployment",
        "batch/v1 CronJob",
        "serving.knative.dev/v1 Service",
        "sources.knative.dev/v1 PingSource",
    ]


COMMON = ("ConfigMap", "ConfigMap", "NetworkPolicy", "Service", "ServiceAccount")


@pytest.mark.parametrize(
    ("overlay", "kinds"),
    [
        ("base", (*COMMON, "CronJob", "CronJob", "CronJob", "Deployment")),
        ("knative", (*COMMON, "PingSource", "SinkBinding")),
    ],
)
def test_an_overlay_holds_what_it_says(overlay: str, kinds: tuple[str, ...]) -> None:
    assert sorted(document["kind"] for document in built(overlay)) == sorted(kinds)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_and_images_reach_every_pod(overlay: str) -> None:
    documents = built(overlay)
    maps = {document["metadata"]["name"] for document in named(documents, "v1 ConfigMap")}

    for pod in pod_specs(documents):
        (container,) = pod["containers"]
        assert container["image"] == "registry.example/kafka-remediator:0.2.0"
        references = [source["configMapRef"] for source in container.get("envFrom", [])[:1]]
        references += [volume["configMap"] for volume in pod.get("volumes", [])]
        assert {reference["name"] for reference in references} <= maps
        assert references


def test_the_image_has_the_version_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', text, re.MULTILINE)

    for overlay in ("base", "knative"):
        (kustomization,) = load(KUBERNETES / overlay / "kustomization.yaml")
        assert [image["newTag"] for image in kustomization["images"]] == [version]


@pytest.mark.parametrize("pod", PODS, ids=lambda pod: pod["containers"][0].get("name", "knative"))
def test_no_pod_has_rights_it_does_not_need(pod: Document) -> None:
    (container,) = pod["containers"]
    security = {**pod.get("securityContext", {}), **container["securityContext"]}

    assert pod["serviceAccountName"] == "kafka-remediator"
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert security["runAsUser"] == 1003
    assert security["runAsNonRoot"] is security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "memory" in container["resources"]["limits"]


def test_the_server_has_nothing_to_write_to() -> None:
    for pod in (DEPLOYMENT["spec"]["template"]["spec"], KNATIVE["spec"]["template"]["spec"]):
        assert "volumes" not in pod


def test_one_copy_runs_and_never_two_while_another_starts() -> None:
    annotations = KNATIVE["spec"]["template"]["metadata"]["annotations"]

    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}
    assert annotations == {"autoscaling.knative.dev/max-scale": "1"}


def test_running_events_end_before_kubernetes_loses_patience() -> None:
    from function.settings.model import Settings

    grace = DEPLOYMENT["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > Settings._field_defaults["deadline_seconds"] + 1


def test_container_has_health_probes() -> None:
    probes = [SERVER[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]

    assert [probe["httpGet"] for probe in probes] == [{"path": "/health", "port": "http"}] * 3


def test_settings_are_known_and_secrets_are_references() -> None:
    text = (KUBERNETES / "base" / "settings.env").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines())

    assert set(settings) <= SETTINGS
    assert settings["DRY_RUN"] == "true"
    assert not [name for name in settings if name.endswith(("_SECRETS", "_AK", "_SK"))]
    assert SERVER["envFrom"][1] == {"secretRef": {"name": "kafka-remediator-secrets"}}
    assert "env" not in SERVER


def test_the_policy_lets_out_only_what_is_needed() -> None:
    (policy,) = named(files("base"), "networking.k8s.io/v1 NetworkPolicy")
    everywhere, to_the_server = policy["spec"]["egress"]

    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for port in everywhere["ports"]] == [53, 53, 443]
    assert to_the_server["to"][0]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/component": "server"
    }
    assert all(rule.get("from") for rule in policy["spec"]["ingress"])


def test_the_policy_and_the_service_find_the_server() -> None:
    (policy,) = named(built("base"), "networking.k8s.io/v1 NetworkPolicy")
    (service,) = named(built("base"), "v1 Service")
    (deployment,) = named(built("base"), "apps/v1 Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()

    for selector in (
        policy["spec"]["podSelector"]["matchLabels"],
        service["spec"]["selector"],
        deployment["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    (knative,) = named(built("knative"), "serving.knative.dev/v1 Service")
    selector = policy["spec"]["podSelector"]["matchLabels"]
    assert selector.items() <= knative["spec"]["template"]["metadata"]["labels"].items()


def test_on_knative_requests_come_through_its_own_pods_and_results_leave_for_the_broker() -> None:
    (policy,) = named(built("knative"), "networking.k8s.io/v1 NetworkPolicy")

    (rule,) = policy["spec"]["ingress"]
    assert "knative-serving" in json.dumps(rule)
    assert "knative-eventing" in json.dumps(policy["spec"]["egress"])


def test_only_the_cluster_reaches_it_on_knative_where_callers_are_trusted() -> None:
    container = KNATIVE["spec"]["template"]["spec"]["containers"][0]

    assert KNATIVE["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
    assert container["env"] == [{"name": "PLATFORM_AUTHENTICATED", "value": "cloudevents"}]


@pytest.mark.parametrize("job", CRON_JOBS, ids=lambda job: job["metadata"]["name"])
def test_only_the_check_runs_until_asked_for(job: Document) -> None:
    assert job["spec"]["suspend"] is (job["metadata"]["name"] != "kafka-remediator-check")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"


@pytest.mark.parametrize("job", CRON_JOBS, ids=lambda job: job["metadata"]["name"])
def test_jobs_take_their_token_from_a_secret(job: Document) -> None:
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable for variable in container["env"]}

    assert variables["TOKEN"]["valueFrom"] == {
        "secretKeyRef": {"name": "kafka-remediator-schedules", "key": "token"}
    }
    action = ACTIONS[job["metadata"]["name"].removeprefix("kafka-remediator-")]
    assert container["command"] == ["python", "/request/request.py", action]
    request_schema().validate({"action": action, "reason": "scheduled"})


@pytest.mark.parametrize("ping", PINGS, ids=lambda ping: ping["metadata"]["name"])
def test_pings_send_request_documents_to_the_service(ping: Document) -> None:
    document = json.loads(ping["spec"]["data"])

    request_schema().validate(document)
    assert document["action"] == ACTIONS[ping["metadata"]["name"].removeprefix("kafka-remediator-")]
    assert ping["spec"]["contentType"] == "application/json"
    assert ping["spec"]["sink"]["ref"]["name"] == KNATIVE["metadata"]["name"]


def test_only_the_check_is_pinged_until_asked_for() -> None:
    (kustomization,) = load(KUBERNETES / "knative" / "kustomization.yaml")

    pings = {"check.yaml", "verify.yaml", "purge.yaml"} & set(kustomization["resources"])
    assert pings == {"check.yaml"}


def test_results_are_bound_to_a_broker() -> None:
    (binding,) = named(files("knative"), "sources.knative.dev/v1 SinkBinding")

    assert binding["spec"]["subject"]["name"] == KNATIVE["metadata"]["name"]
    assert binding["spec"]["subject"]["apiVersion"] == KNATIVE["apiVersion"]
    assert binding["spec"]["sink"]["ref"]["kind"] == "Broker"


def test_prometheus_scrapes_the_job_that_the_rules_look_for() -> None:
    (monitor,) = named(built("prometheus-operator"), "monitoring.coreos.com/v1 PodMonitor")
    (rule,) = named(built("prometheus-operator"), "monitoring.coreos.com/v1 PrometheusRule")
    (deployment,) = named(built("prometheus-operator"), "apps/v1 Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    assert labels[monitor["spec"]["jobLabel"]] == "kafka-remediator"
    assert 'job="kafka-remediator"' in json.dumps(rule).replace("\\", "")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["podMetricsEndpoints"][0] == {"port": "http", "path": "/metrics"}
    annotations = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == "/metrics"


def test_the_rules_are_those_of_the_monitoring_folder() -> None:
    alerts = ROOT / "deploy" / "monitoring" / "alerts.yml"
    rules = yaml.safe_load(alerts.read_text(encoding="utf-8"))
    (rule,) = named(files("prometheus-operator"), "monitoring.coreos.com/v1 PrometheusRule")

    assert rule["spec"] == rules, "copy deploy/monitoring/alerts.yml into prometheus-rule.yaml"


def request(url: str, action: str) -> subprocess.CompletedProcess[str]:
    """Run the jobs' own script, as their container does."""
    script = KUBERNETES / "base" / "request.py"
    environment = {"PATH": os.environ["PATH"], "URL": f"{url}/direct", "TOKEN": SECRET}
    return subprocess.run(
        [sys.executable, "-I", script, action],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_job_ends_well_where_the_function_says_so_and_fails_where_it_does_not(
    tmp_path: Path,
) -> None:
    with FakeDms() as cloud:
        cloud.add_failed_creation("b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801")
        settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
        with served(settings) as server:
            purged, unknown = request(server.url, "purge_failed"), request(server.url, "nonsense")

    assert (purged.returncode, json.loads(purged.stdout)["data"]["outcome"]) == (0, "accepted")
    assert (unknown.returncode, unknown.stderr[:4]) == (1, "400 ")
    assert SECRET not in purged.stdout + purged.stderr + unknown.stdout + unknown.stderr

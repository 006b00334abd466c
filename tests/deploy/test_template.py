"""The AWS template: clean to its linter, closed unless opened, and in the words of the settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
LAMBDA_PYTHON = "".join(
    re.findall(r"^LAMBDA_PYTHON \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
)
NOT_OFFERED = {
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "temporary keys expire, and nothing here renews them",
    "HUAWEICLOUD_AUTH_TOKEN": "a token expires, and nothing here renews it",
    "CA_BUNDLE_FILE": "the package holds no such file",
    "SMN_CERTIFICATE_FILE": "the package holds no such file",
    "PLATFORM_AUTHENTICATED": "a function URL is public",
    "FUNCTIONGRAPH_CONTAINER": "this is not FunctionGraph",
}
"""The settings without a parameter, and why."""


class ManagedPolicies:
    """What SAM would ask AWS for: the policies that AWS manages."""

    def load(self) -> dict[str, str]:
        name = "AWSLambdaBasicExecutionRole"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


def plain(text: str) -> dict[str, Any]:
    """Return a template as SAM reads it, without the linter's notes on lines and columns."""
    from cfnlint.decode import decode_str  # a second, which only the worker of these tests spends

    decoded, problems = decode_str(text)
    assert problems == []
    template: dict[str, Any] = json.loads(json.dumps(decoded))
    return template


def translated(text: str) -> str:
    """Return what CloudFormation gets from SAM: the linter looks through that, not through SAM."""
    from samtranslator.translator.transform import transform

    template = plain(text)
    template["Resources"]["Remediator"]["Properties"]["CodeUri"] = "s3://bucket/uploaded"
    return json.dumps(transform(template, {}, ManagedPolicies()))


def lint(text: str) -> list[Any]:
    """Return what the linter finds."""
    from cfnlint.api import lint

    return list(lint(text))


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return plain(TEXT)


@pytest.fixture
def function(template: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = template["Resources"]["Remediator"]["Properties"]
    return properties


@pytest.fixture
def variables(function: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = function["Environment"]["Variables"]
    return named


@pytest.mark.slow
def test_linter_reports_nothing() -> None:
    assert lint(TEXT) == []
    assert lint(translated(TEXT)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Timeout: 30", "Timeout: 3000"),
        ("python3.12", "python3.99"),
        ("!Ref DryRun", "!Ref DryRum"),
        ("If [Purges", "If [Purge"),
        ("ApplyOn: PublishedVersions", "ApplyOn: Everything"),
    ],
)
def test_linter_detects_a_seeded_error(right: str, wrong: str) -> None:
    assert right in TEXT

    assert lint(translated(TEXT.replace(right, wrong))) != []


def test_a_deployment_says_whether_it_acts(template: dict[str, Any]) -> None:
    dry_run = template["Parameters"]["DryRun"]

    assert "Default" not in dry_run
    assert dry_run["AllowedValues"] == ["true", "false"]


def test_only_known_settings_are_set(variables: dict[str, Any]) -> None:
    from tests.factories import SETTINGS

    assert set(variables) <= SETTINGS


def test_every_setting_has_its_parameter(
    template: dict[str, Any], variables: dict[str, Any]
) -> None:
    from tests.factories import SETTINGS

    assert SETTINGS - set(variables) == NOT_OFFERED.keys()
    used = set(re.findall(r"!Ref \"?(\w+)|\$\{(\w+)\}", TEXT))
    assert set(template["Parameters"]) <= {name for pair in used for name in pair}


def test_required_settings_are_set(variables: dict[str, Any]) -> None:
    needed = "DRY_RUN HUAWEICLOUD_SDK_AK HUAWEICLOUD_SDK_SK HUAWEICLOUD_SDK_PROJECT_ID"

    assert set(needed.split()) <= set(variables)
    assert {"HUAWEICLOUD_REGION", "DMS_ENDPOINT"} & set(variables)


def test_secrets_are_references(variables: dict[str, Any]) -> None:
    endings = ("_AK", "_SK", "_SECRETS", "LEDGER_URL")
    secret = {name: value for name, value in variables.items() if name.endswith(endings)}

    assert len(secret) == 7
    assert all("{{resolve:secretsmanager:${" in json.dumps(value) for value in secret.values())


def test_every_route_is_closed_by_default(
    template: dict[str, Any], variables: dict[str, Any]
) -> None:
    routes = {n: v for n, v in variables.items() if n.endswith("_SECRETS")}

    for value in routes.values():
        condition, _, otherwise = value["Fn::If"]
        ((parameter, nothing),) = (
            c["Fn::Equals"] for c in template["Conditions"][condition]["Fn::Not"]
        )
        assert otherwise == {"Ref": "AWS::NoValue"}
        assert template["Parameters"][parameter["Ref"]]["Default"] == nothing == ""
    assert template["Parameters"]["SmnTopicUrns"]["Default"] == ""


@pytest.mark.parametrize(
    ("event", "parameter", "default"),
    [
        ("Check", "CheckEnabled", "true"),
        ("Verify", "VerifyEnabled", "false"),
        ("Purge", "PurgeEnabled", "false"),
    ],
)
def test_only_the_check_is_on_until_asked_for(
    template: dict[str, Any], function: dict[str, Any], event: str, parameter: str, default: str
) -> None:
    condition, on, off = function["Events"][event]["Properties"]["State"]["Fn::If"]

    assert (on, off) == ("ENABLED", "DISABLED")
    assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": parameter}, "true"]}
    assert template["Parameters"][parameter]["Default"] == default


@pytest.mark.parametrize(
    ("event", "action"), [("Check", "check"), ("Verify", "verify"), ("Purge", "purge_failed")]
)
def test_schedules_send_request_documents(
    function: dict[str, Any], event: str, action: str
) -> None:
    schema = json.loads((ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8"))
    document = json.loads(
        function["Events"][event]["Properties"]["Input"]
        .replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")
        .replace("<aws.scheduler.scheduled-time>", "2026-03-22T18:59:43Z")
    )

    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
    assert document["action"] == action
    assert "<" not in json.dumps(document)


def test_verify_is_scheduled_as_often_as_its_setting_says(template: dict[str, Any]) -> None:
    from function.settings.model import Limits

    schedule = template["Parameters"]["VerifySchedule"]["Default"]

    assert schedule == "rate(15 minutes)"
    assert Limits(dry_run=True).verify_period.total_seconds() == 15 * 60


def test_lost_events_and_errors_notify_people_without_a_queue(template: dict[str, Any]) -> None:
    alarms = {
        body["Properties"]["MetricName"]: body
        for body in template["Resources"].values()
        if body["Type"] == "AWS::CloudWatch::Alarm"
    }

    assert alarms.keys() == {"NeedsHuman", "AsyncEventsDropped", "Errors"}
    for alarm in alarms.values():
        assert alarm["Condition"] == "Alarms"
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    alarmed = template["Conditions"]["Alarms"]
    assert alarmed == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]}


def test_snapstart_is_off_and_leaves_everything_as_it_is(
    template: dict[str, Any], function: dict[str, Any]
) -> None:
    assert template["Parameters"]["SnapStartVersion"]["Default"] == ""
    assert function["SnapStart"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}
    named = {name for name in template["Resources"] if name.startswith("SnapStart")}
    assert len(named) == 5
    assert all(template["Resources"][name]["Condition"] == "SnapStarts" for name in named)


def test_sam_builds_with_the_makefile(template: dict[str, Any]) -> None:
    assert template["Resources"]["Remediator"]["Metadata"]["BuildMethod"] == "makefile"
    assert "\nbuild-Remediator:\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    runtime = template["Resources"]["Remediator"]["Properties"]["Runtime"]
    assert runtime == f"python{LAMBDA_PYTHON}"


def test_concurrency_is_not_reserved_unless_asked_for(
    template: dict[str, Any], function: dict[str, Any]
) -> None:
    assert template["Parameters"]["ReservedConcurrency"]["Default"] == ""
    assert function["ReservedConcurrentExecutions"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_retryable_events_are_retried_twice_within_the_hour(template: dict[str, Any]) -> None:
    repetition = template["Resources"]["Repetition"]["Properties"]

    assert repetition["MaximumRetryAttempts"] == 2
    assert repetition["MaximumEventAgeInSeconds"] == 3600


def test_the_handler_is_where_the_template_says(function: dict[str, Any]) -> None:
    module, _, name = function["Handler"].rpartition(".")
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py")

    assert f"def {name}(" in source.read_text(encoding="utf-8")

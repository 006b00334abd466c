"""The AWS template: clean to its linter, closed unless opened, and in the words of the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.decode import decode_str
from jsonschema import Draft202012Validator, FormatChecker
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")


class ManagedPolicies:
    """What SAM would ask AWS for: the policies that AWS manages."""

    def load(self) -> dict[str, str]:
        name = "AWSLambdaBasicExecutionRole"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


def plain(text: str) -> dict[str, Any]:
    """Return a template as SAM reads it, without the linter's notes on lines and columns."""
    decoded, problems = decode_str(text)
    assert problems == []
    template: dict[str, Any] = json.loads(json.dumps(decoded))
    return template


def translated(text: str) -> str:
    """Return what CloudFormation gets from SAM: the linter looks through that, not through SAM."""
    template = plain(text)
    template["Resources"]["Remediator"]["Properties"]["CodeUri"] = "s3://bucket/uploaded"
    return json.dumps(transform(template, {}, ManagedPolicies()))


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


@pytest.fixture
def purge(function: dict[str, Any]) -> dict[str, Any]:
    schedule: dict[str, Any] = function["Events"]["Purge"]["Properties"]
    return schedule


def test_the_linter_finds_nothing() -> None:
    assert lint(TEXT) == []
    assert lint(translated(TEXT)) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Timeout: 30", "Timeout: 3000"),
        ("python3.12", "python3.99"),
        ("!Ref DryRun", "!Ref DryRum"),
        ("If [Purges", "If [Purge"),
    ],
)
def test_the_linter_would_find_something(right: str, wrong: str) -> None:
    assert right in TEXT

    assert lint(translated(TEXT.replace(right, wrong))) != []


def test_a_deployment_says_whether_it_acts(template: dict[str, Any]) -> None:
    dry_run = template["Parameters"]["DryRun"]

    assert "Default" not in dry_run
    assert dry_run["AllowedValues"] == ["true", "false"]


def test_it_sets_only_what_the_settings_know(variables: dict[str, Any]) -> None:
    from tests.factories import SETTINGS

    assert set(variables) <= SETTINGS


def test_it_sets_what_is_needed(variables: dict[str, Any]) -> None:
    needed = "DRY_RUN HUAWEICLOUD_SDK_AK HUAWEICLOUD_SDK_SK HUAWEICLOUD_SDK_PROJECT_ID"

    assert set(needed.split()) <= set(variables)
    assert {"HUAWEICLOUD_REGION", "DMS_ENDPOINT"} & set(variables)


def test_secrets_are_references(variables: dict[str, Any]) -> None:
    secret = {n: v for n, v in variables.items() if n.endswith(("_AK", "_SK", "_SECRETS"))}

    assert len(secret) == 6
    assert all("{{resolve:secretsmanager:${" in json.dumps(value) for value in secret.values())


def test_every_route_is_shut_unless_opened(
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


def test_the_schedule_is_off_until_asked_for(
    template: dict[str, Any], purge: dict[str, Any]
) -> None:
    condition, on, off = purge["State"]["Fn::If"]

    assert (on, off) == ("ENABLED", "DISABLED")
    assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "PurgeEnabled"}, "true"]}
    assert template["Parameters"]["PurgeEnabled"]["Default"] == "false"


def test_the_schedule_sends_a_request_document(purge: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8"))
    document = json.loads(
        purge["Input"]
        .replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")
        .replace("<aws.scheduler.scheduled-time>", "2026-03-22T18:59:43Z")
    )

    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
    assert document["action"] == "purge_failed"
    assert "<" not in json.dumps(document)


def test_concurrency_is_not_reserved_unless_asked_for(
    template: dict[str, Any], function: dict[str, Any]
) -> None:
    assert template["Parameters"]["ReservedConcurrency"]["Default"] == ""
    assert function["ReservedConcurrentExecutions"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_what_may_be_repeated_is_repeated_twice_within_the_hour(template: dict[str, Any]) -> None:
    repetition = template["Resources"]["Repetition"]["Properties"]

    assert repetition["MaximumRetryAttempts"] == 2
    assert repetition["MaximumEventAgeInSeconds"] == 3600


def test_the_handler_is_where_the_template_says(function: dict[str, Any]) -> None:
    module, _, name = function["Handler"].rpartition(".")
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py")

    assert f"def {name}(" in source.read_text(encoding="utf-8")

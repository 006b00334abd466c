"""The Terraform files: formatted, in the provider's words, least privilege, off until asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.interpreters import RUNTIMES
from function.settings.model import Limits
from tests.factories import SETTINGS

from .documented import RESOURCES, version
from .reading import (
    FOLDER,
    FUNCTION,
    LOCAL,
    MINIMUM,
    RESOURCE,
    TEXT,
    VARIABLE,
    oldest_documenting,
    undocumented,
)

ROOT = Path(__file__).parents[3]


def test_files_are_formatted() -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed, and its formatter comes with it")
    command = [terraform, "fmt", "-check", "-diff", "-recursive", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("kind", "name"), RESOURCE)
def test_every_argument_is_documented_at_the_oldest_provider_we_accept(
    kind: str, name: str
) -> None:
    assert list(undocumented(RESOURCE[kind, name], RESOURCES[kind], kind, MINIMUM)) == []


def test_the_oldest_provider_we_accept_is_the_first_that_knows_every_argument() -> None:
    needed = [oldest_documenting(body, RESOURCES[kind]) for (kind, _), body in RESOURCE.items()]

    assert max(needed) == MINIMUM


def test_wrong_argument_is_detected() -> None:
    topics: list[dict[str, Any]] = [{"name": "a", "urn": "b"}]
    rule = {"notification_save_rule": [{"template_name": "t", "user_name": "u", "topics": topics}]}
    arguments = RESOURCES["huaweicloud_lts_keywords_alarm_rule"]

    lines = list(undocumented(rule, arguments, "rule", MINIMUM))

    assert "rule.notification_save_rule.topics.urn is unknown" in lines
    assert "rule.notification_save_rule.topics.topic_urn is missing" in lines
    assert "rule.alarm_level is missing" in lines


def test_argument_of_a_later_provider_is_detected() -> None:
    arguments = RESOURCES["huaweicloud_fgs_function"]

    lines = list(undocumented({"enable_lts_log": "true"}, arguments, "function", version("1.75.1")))

    assert "function.enable_lts_log is unknown" in lines


def test_the_agencies_delegate_with_the_documented_argument() -> None:
    agencies = [body for (kind, _), body in RESOURCE.items() if kind.endswith("identity_agency")]

    assert [agency["delegated_domain_name"] for agency in agencies] == ["op_svc_cff"] * 2


def test_every_reference_has_its_target_and_every_variable_its_use() -> None:
    bare = re.sub(r"^\s*#.*$", "", TEXT, flags=re.MULTILINE)

    assert set(re.findall(r"\b(huaweicloud_\w+)\.(\w+)\b", bare)) <= set(RESOURCE)
    assert set(re.findall(r"\bvar\.(\w+)", bare)) == set(VARIABLE)
    assert set(re.findall(r"\blocal\.(\w+)", bare)) == set(LOCAL)


def test_a_deployment_says_whether_it_acts() -> None:
    assert "default" not in VARIABLE["dry_run"]
    assert VARIABLE["dry_run"]["nullable"] is False
    assert "DRY_RUN = tostring(var.dry_run)" in LOCAL["settings"]


def test_only_known_settings_are_set() -> None:
    names = set(re.findall(r"\b([A-Z][A-Z_]+) =", LOCAL["settings"]))

    assert {"DRY_RUN", "HUAWEICLOUD_REGION", "HUAWEICLOUD_SDK_PROJECT_ID"} <= names <= SETTINGS


def test_no_key_is_set_because_the_agency_brings_them() -> None:
    assert not re.search(r"HUAWEICLOUD_SDK_(AK|SK)|access_key|secret_key", TEXT)


def test_secrets_are_kept_encrypted() -> None:
    assert VARIABLE["secrets"]["sensitive"] is True
    assert "var.secrets" in FUNCTION["encrypted_user_data"]
    assert "var.secrets" not in FUNCTION["user_data"]
    refused = VARIABLE["settings"]["validation"][0]["condition"]
    assert "_SECRETS" in refused
    assert "LEDGER_URL" in refused


def test_restarting_needs_no_right_to_delete() -> None:
    policy = RESOURCE["huaweicloud_identity_role", "restarting"]["policy"]
    actions = {*LOCAL["reading"], *re.findall(r'"(dms:[\w:]+)"', policy)}

    assert actions == {
        "dms:instance:list",
        "dms:instance:get",
        "dms:instance:getBackgroundTask",
        "dms:instance:modifyStatus",
    }


def test_the_right_to_delete_is_a_second_policy_that_is_off() -> None:
    deleting = RESOURCE["huaweicloud_identity_role", "deleting"]

    assert re.findall(r'"(\w+:[\w:]+)"', deleting["policy"]) == ["dms:instance:delete"]
    assert deleting["count"] == "${var.allow_deleting ? 1 : 0}"
    assert VARIABLE["allow_deleting"]["default"] is False
    assert TEXT.count("dms:instance:delete") == 1


def test_the_code_publishes_only_where_it_notifies_people() -> None:
    execution = RESOURCE["huaweicloud_identity_agency", "execution"]
    roles = set(re.findall(r"huaweicloud_identity_role\.(\w+)", LOCAL["code_policies"]))
    publishing = RESOURCE["huaweicloud_identity_role", "publishing"]["policy"]

    assert FUNCTION["app_agency"] == "${huaweicloud_identity_agency.execution.name}"
    assert [role["roles"] for role in execution["project_role"]] == ["${local.code_policies}"]
    assert roles == {"restarting", "deleting", "publishing"}
    assert (
        "length(var.notify_on) == 0 ? [] : [huaweicloud_identity_role.publishing"
        in (LOCAL["code_policies"])
    )
    assert re.findall(r'"(\w+:[\w:]+)"', publishing) == ["smn:topic:publish"]
    assert VARIABLE["notify_on"]["default"] == []
    assert "domain_roles" not in execution


def test_the_platform_publishes_and_fetches_images_only_where_there_is_one() -> None:
    agency = RESOURCE["huaweicloud_identity_agency", "configuration"]

    assert [role["roles"] for role in agency["project_role"]] == ["${local.platform_policies}"]
    assert "local.zip ? [] : [var.image_role]" in LOCAL["platform_policies"]
    assert "huaweicloud_identity_role.publishing" in LOCAL["platform_policies"]


def test_container_deployments_get_keys_with_each_event() -> None:
    assert VARIABLE["image"]["default"] == ""
    assert LOCAL["zip"] == '${var.image == ""}'
    assert FUNCTION["enable_auth_in_header"] == "${local.zip ? null : true}"
    assert re.search(r"local\.zip \? \{\s*\} : \{\s*FUNCTIONGRAPH_CONTAINER", LOCAL["settings"])


def test_results_that_need_a_human_notify_a_person() -> None:
    condition = FUNCTION["lifecycle"][0]["precondition"][0]["condition"]

    assert 'var.log_alarm_user != ""' in condition
    assert 'contains(var.notify_on, "needs_human")' in condition


@pytest.mark.parametrize(
    ("name", "action", "enabled"),
    [("check", "check", True), ("verify", "verify", False), ("purge", "purge_failed", False)],
)
def test_timers_carry_request_documents_and_only_the_check_is_on(
    name: str, action: str, enabled: bool
) -> None:
    timer = RESOURCE["huaweicloud_fgs_function_trigger", name]

    assert timer["type"] == "TIMER"
    assert f'user_event = jsonencode({{action = "{action}"' in timer["event_data"]
    assert timer["status"] == f'${{var.{name}_enabled ? "ACTIVE" : "DISABLED"}}'
    assert VARIABLE[f"{name}_enabled"]["default"] is enabled


def test_function_has_one_instance_and_a_short_timeout() -> None:
    assert FUNCTION["max_instance_num"] == "1"
    assert FUNCTION["timeout"] == 30


def test_the_function_is_the_zip_that_is_built() -> None:
    assert '"index.handler"' in FUNCTION["handler"]
    assert "def handler" in (ROOT / "function" / "handler.py").read_text(encoding="utf-8")
    assert LOCAL["package"].endswith("dist/kafka-remediator-python${var.python}.zip")
    assert FUNCTION["runtime"] == '${local.zip ? "Python${var.python}" : "Custom Image"}'
    offered = VARIABLE["python"]["validation"][0]["condition"]
    assert set(re.findall(r"\d\.\d+", offered)) == set(RUNTIMES)


def test_retryable_events_are_retried_until_stale() -> None:
    repetition = RESOURCE["huaweicloud_fgs_async_invoke_configuration", "repetition"]

    assert repetition["max_async_retry_attempts"] == 3
    age = repetition["max_async_event_age_in_seconds"]
    assert age == Limits(dry_run=True).max_event_age.total_seconds()


def test_lasting_failures_notify_people_and_create_no_event() -> None:
    repetition = RESOURCE["huaweicloud_fgs_async_invoke_configuration", "repetition"]
    trigger = RESOURCE["huaweicloud_fgs_function_trigger", "alarms"]

    assert "huaweicloud_smn_topic.people.topic_urn" in repetition["on_failure"][0]["param"]
    assert "huaweicloud_smn_topic.alarms.topic_urn" in trigger["event_data"]
    assert "huaweicloud_smn_topic.people" not in trigger["event_data"]


def test_the_alarm_is_one_that_the_function_answers() -> None:
    alarm = RESOURCE["huaweicloud_ces_alarmrule", "broker_alive"]
    schema = json.loads((ROOT / "schemas" / "events" / "ces_alarm.json").read_text("utf-8"))
    example = schema["examples"][0]
    dimensions = [dimension["name"] for dimension in alarm["resources"][0]["dimensions"]]

    assert {alarm["condition"][0]["metric_name"]} <= Limits(dry_run=True).alarm_metrics
    assert alarm["metric"][0]["namespace"] == example["namespace"]
    assert dimensions == [part.partition(":")[0] for part in example["dimension"].split(",")]
    topics = alarm["alarm_actions"][0]["notification_list"]
    assert topics == ["${huaweicloud_smn_topic.alarms.topic_urn}"]
    assert alarm["ok_actions"] == alarm["alarm_actions"]


def test_the_purge_is_off_until_asked_for_and_needs_its_rights() -> None:
    timer = RESOURCE["huaweicloud_fgs_function_trigger", "purge"]
    rights = timer["lifecycle"][0]["precondition"][0]["condition"]

    assert timer["status"] == '${var.purge_enabled ? "ACTIVE" : "DISABLED"}'
    assert VARIABLE["purge_enabled"]["default"] is False
    assert VARIABLE["enabled_actions"]["default"] == ["restart"]
    assert "var.allow_deleting" in rights
    assert '"purge_failed"' in rights
    assert 'user_event = jsonencode({action = "purge_failed"' in timer["event_data"]


def test_the_gateway_is_optional_and_leaves_authentication_to_the_function() -> None:
    webhooks = RESOURCE["huaweicloud_fgs_function_trigger", "webhooks"]

    assert webhooks["count"] == "${var.api_gateway == null ? 0 : 1}"
    assert VARIABLE["api_gateway"]["default"] in {None, "null"}
    assert 'auth = "NONE"' in webhooks["event_data"]


def test_the_log_alarm_rings_exactly_for_results_that_need_a_human() -> None:
    rule = RESOURCE["huaweicloud_lts_keywords_alarm_rule", "needs_human"]
    word = re.compile(rf"\b{rule['keywords_requests'][0]['keywords']}\b")
    schema = json.loads((ROOT / "schemas" / "result.json").read_text(encoding="utf-8"))
    results = [result for result in schema["examples"] if "needs_human" in result["data"]]

    rings = [bool(word.search(json.dumps(result))) for result in results]

    assert rings == [result["data"]["needs_human"] for result in results]
    assert {True, False} <= set(rings)

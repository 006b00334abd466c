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

from .documented import META, RESOURCES
from .reading import FOLDER, FUNCTION, LOCAL, RESOURCE, TEXT, VARIABLE, undocumented

ROOT = Path(__file__).parents[3]


def test_the_formatter_has_nothing_to_change() -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed, and its formatter comes with it")
    command = [terraform, "fmt", "-check", "-diff", "-recursive", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("kind", "name"), RESOURCE)
def test_every_argument_is_a_documented_one(kind: str, name: str) -> None:
    own = {key: value for key, value in RESOURCE[kind, name].items() if key not in META}

    assert list(undocumented(own, RESOURCES[kind], kind)) == []


def test_a_wrong_argument_would_be_noticed() -> None:
    topics: list[dict[str, Any]] = [{"name": "a", "urn": "b"}]
    rule = {"notification_save_rule": [{"template_name": "t", "user_name": "u", "topics": topics}]}

    found = list(undocumented(rule, RESOURCES["huaweicloud_lts_keywords_alarm_rule"], "rule"))

    assert "rule.notification_save_rule.topics.urn is unknown" in found
    assert "rule.notification_save_rule.topics.topic_urn is missing" in found
    assert "rule.alarm_level is missing" in found


def test_every_reference_has_its_target_and_every_variable_its_use() -> None:
    bare = re.sub(r"^\s*#.*$", "", TEXT, flags=re.MULTILINE)

    assert set(re.findall(r"\b(huaweicloud_\w+)\.(\w+)\b", bare)) <= set(RESOURCE)
    assert set(re.findall(r"\bvar\.(\w+)", bare)) == set(VARIABLE)
    assert set(re.findall(r"\blocal\.(\w+)", bare)) == set(LOCAL)


def test_a_deployment_says_whether_it_acts() -> None:
    assert "default" not in VARIABLE["dry_run"]
    assert VARIABLE["dry_run"]["nullable"] is False
    assert "DRY_RUN = tostring(var.dry_run)" in LOCAL["settings"]


def test_it_sets_only_what_the_settings_know() -> None:
    names = set(re.findall(r"\b([A-Z][A-Z_]+) =", LOCAL["settings"]))

    assert {"DRY_RUN", "HUAWEICLOUD_REGION", "HUAWEICLOUD_SDK_PROJECT_ID"} <= names <= SETTINGS


def test_no_key_is_set_because_the_agency_brings_them() -> None:
    assert not re.search(r"HUAWEICLOUD_SDK_(AK|SK)|access_key|secret_key", TEXT)


def test_secrets_are_kept_encrypted() -> None:
    assert VARIABLE["secrets"]["sensitive"] is True
    assert "var.secrets" in FUNCTION["encrypted_user_data"]
    assert "var.secrets" not in FUNCTION["user_data"]
    assert "_SECRETS" in VARIABLE["settings"]["validation"][0]["condition"]


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


def test_the_code_may_only_what_the_two_policies_allow() -> None:
    execution = RESOURCE["huaweicloud_identity_agency", "execution"]
    roles = set(re.findall(r"huaweicloud_identity_role\.(\w+)", LOCAL["policies"]))

    assert FUNCTION["app_agency"] == "${huaweicloud_identity_agency.execution.name}"
    assert [role["roles"] for role in execution["project_role"]] == ["${local.policies}"]
    assert roles == {"restarting", "deleting"}
    assert "domain_roles" not in execution


def test_it_runs_once_at_a_time_and_not_for_long() -> None:
    assert FUNCTION["max_instance_num"] == "1"
    assert FUNCTION["timeout"] == 30


def test_the_function_is_the_zip_that_is_built() -> None:
    assert FUNCTION["handler"] == "index.handler"
    assert "def handler" in (ROOT / "function" / "handler.py").read_text(encoding="utf-8")
    assert LOCAL["package"].endswith("dist/kafka-remediator-python${var.python}.zip")
    assert FUNCTION["runtime"] == "Python${var.python}"
    offered = VARIABLE["python"]["validation"][0]["condition"]
    assert set(re.findall(r"\d\.\d+", offered)) == set(RUNTIMES)


def test_what_may_be_repeated_is_repeated_while_it_is_not_stale() -> None:
    repetition = RESOURCE["huaweicloud_fgs_async_invoke_configuration", "repetition"]

    assert repetition["max_async_retry_attempts"] == 3
    age = repetition["max_async_event_age_in_seconds"]
    assert age == Limits(dry_run=True).max_event_age.total_seconds()


def test_what_fails_for_good_goes_to_people_and_never_comes_back_as_an_event() -> None:
    repetition = RESOURCE["huaweicloud_fgs_async_invoke_configuration", "repetition"]
    trigger = RESOURCE["huaweicloud_fgs_function_trigger", "alarms"]

    assert "huaweicloud_smn_topic.people.topic_urn" in repetition["on_failure"][0]["param"]
    assert "huaweicloud_smn_topic.alarms.topic_urn" in trigger["event_data"]
    assert "huaweicloud_smn_topic.people" not in trigger["event_data"]


def test_the_alarm_is_one_that_the_function_answers() -> None:
    alarm = RESOURCE["huaweicloud_ces_alarmrule", "broker_alive"]
    schema = json.loads((ROOT / "schemas" / "events" / "ces_alarm.json").read_text("utf-8"))
    example = schema["examples"][0]
    dimensions = [one["name"] for one in alarm["resources"][0]["dimensions"]]

    assert {alarm["condition"][0]["metric_name"]} <= Limits(dry_run=True).alarm_metrics
    assert alarm["metric"][0]["namespace"] == example["namespace"]
    assert dimensions == [part.partition(":")[0] for part in example["dimension"].split(",")]
    topics = alarm["alarm_actions"][0]["notification_list"]
    assert topics == ["${huaweicloud_smn_topic.alarms.topic_urn}"]


def test_the_purge_is_off_until_asked_for_and_needs_its_rights() -> None:
    timer = RESOURCE["huaweicloud_fgs_function_trigger", "purge"]
    rights = timer["lifecycle"][0]["precondition"][0]["condition"]

    assert timer["status"] == '${var.purge_enabled ? "ACTIVE" : "DISABLED"}'
    assert VARIABLE["purge_enabled"]["default"] is False
    assert VARIABLE["enabled_actions"]["default"] == ["restart"]
    assert "var.allow_deleting" in rights
    assert '"purge_failed"' in rights
    assert 'user_event = jsonencode({action = "purge_failed"' in timer["event_data"]


def test_the_gateway_is_optional_and_leaves_proofs_to_the_function() -> None:
    webhooks = RESOURCE["huaweicloud_fgs_function_trigger", "webhooks"]

    assert webhooks["count"] == "${var.api_gateway == null ? 0 : 1}"
    assert VARIABLE["api_gateway"]["default"] in {None, "null"}
    assert 'auth = "NONE"' in webhooks["event_data"]


def test_the_log_alarm_rings_exactly_for_results_that_need_a_human() -> None:
    rule = RESOURCE["huaweicloud_lts_keywords_alarm_rule", "needs_human"]
    word = re.compile(rf"\b{rule['keywords_requests'][0]['keywords']}\b")
    schema = json.loads((ROOT / "schemas" / "result.json").read_text(encoding="utf-8"))
    results = [one for one in schema["examples"] if "needs_human" in one["data"]]

    rings = [bool(word.search(json.dumps(one))) for one in results]

    assert rings == [one["data"]["needs_human"] for one in results]
    assert {True, False} <= set(rings)

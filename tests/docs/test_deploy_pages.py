"""The pages on platforms: each leads to a passing check, and names only what exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import hcl2
import pytest
from jsonschema import Draft202012Validator

from tests.deploy.serving import served
from tests.factories import SETTINGS
from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "deploy").glob("*.md"))
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
OVERVIEW = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
DELETED = ("deploy/knative.yaml", "functions-framework")
"""A server that the pages must no longer recommend."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def test_the_overview_links_every_page() -> None:
    assert set(re.findall(r"\]\(\.\./docs/deploy/([\w-]+\.md)\)", OVERVIEW)) == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_a_page_leads_to_a_check_and_says_how_to_stop_what_it_costs_and_what_was_tried(
    name: str,
) -> None:
    for part in ("ee that it works", "rm it", "top it", "cost", "## Tried, and not", "2026-11-26"):
        assert part in TEXTS[name], part
    assert "Not tried" in TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_a_page_shows_where_values_are_found_or_whose_page_does(name: str) -> None:
    text = TEXTS[name]

    assert "*My Credentials*" in text or "functiongraph.md" in text
    assert (
        '"action":"check"' in text.replace(": ", ":").replace("\\", "")
        or "functiongraph.md" in text
    )


@pytest.mark.parametrize("name", TEXTS)
def test_files_and_links_exist(name: str) -> None:
    text = TEXTS[name]
    paths = re.findall(r"(?<![\w/.-])deploy/[\w./-]*\w", re.sub(r"https?://\S+", "", text))
    links = re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", text)

    created = {"deploy/functiongraph/terraform.tfvars"}
    assert [path for path in paths if path not in created and not (ROOT / path).exists()] == []
    here = ROOT / "docs" / "deploy"
    assert [link for link in links if not (here / link).exists()] == []
    assert not [old for old in DELETED if old in text]


@pytest.mark.parametrize("name", TEXTS)
def test_settings_are_spelled_as_they_are(name: str) -> None:
    words = set(re.findall(r"\b([A-Z][A-Z]+(?:_[A-Z]+)+)\b(?==| ?`)", TEXTS[name]))
    foreign = {"HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_DOMAIN_NAME"}

    assert words - foreign <= SETTINGS


def test_the_variables_of_terraform_are_those_that_exist() -> None:
    path = ROOT / "deploy" / "functiongraph" / "variables.tf"
    known = set(re.findall(r'^variable "(\w+)"', path.read_text("utf-8"), re.MULTILINE))

    examples = [block for text in TEXTS.values() for block in blocks(text, "hcl")]
    used = {name for block in examples for name in hcl2.loads(block) if not name.startswith("__")}
    assert {"dry_run", "region", "project_id", "people", "image"} <= used <= known


def test_the_parameters_of_the_template_are_those_that_exist() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    parameters = set(re.findall(r"^  (\w+):", template.partition("\nConditions:")[0], re.MULTILINE))
    outputs = {"Url", "SnapStartUrl", "Remediator"}

    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?:=\w+)?`", TEXTS["lambda.md"]))
    assert named - outputs <= parameters


def test_every_request_document_is_one() -> None:
    text = (ROOT / "schemas" / "events" / "direct.json").read_text(encoding="utf-8")
    schema = Draft202012Validator(json.loads(text))
    everything = " ".join(TEXTS.values()).replace('\\"', '"')
    documents = re.findall(r'\{"action":.*?\}', everything)

    assert len(documents) > 5
    for document in documents:
        uuid = "54602a9d-5e22-4239-9123-77e350df4a34"
        schema.validate(json.loads(re.sub(r"<id[^>]*>", uuid, document)))


def test_the_policy_is_that_of_terraform() -> None:
    (policy,) = blocks(TEXTS["functiongraph.md"], "json")[:1]
    terraform = (ROOT / "deploy" / "functiongraph" / "permissions.tf").read_text(encoding="utf-8")
    actions = json.loads(policy)["Statement"][0]["Action"]

    assert set(actions) == set(re.findall(r'"(dms:instance:(?!delete)\w+)"', terraform))


def test_the_services_and_units_of_the_pages_exist() -> None:
    units = set(re.findall(r"kafka-remediator[\w@-]*\.(?:service|timer)", TEXTS["machine.md"]))
    kept = {path.name for path in (ROOT / "deploy" / "machine").iterdir()}

    assert {re.sub(r"@\w+\.", "@.", unit) for unit in units} <= kept


def test_the_command_for_knative_passes_a_check() -> None:
    (command,) = re.findall(r"python -c '(.*?)'\n", TEXTS["kubernetes.md"], re.DOTALL)
    with FakeDms() as cloud:
        cloud.add_instance("54602a9d-5e22-4239-9123-77e350df4a34")
        knative = {"DRY_RUN": "true", "PLATFORM_AUTHENTICATED": "cloudevents"}
        with served({**cloud.environment(), **knative}) as server:
            done = subprocess.run(
                [sys.executable, "-c", command],
                env={"URL": f"{server.url}/"},
                capture_output=True,
                text=True,
                check=False,
            )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["outcome"] == "passed"

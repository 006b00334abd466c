"""What the README claims and a program can check is checked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from demo.serve import PORT, served
from function.entrypoints.container import INIT
from function.entrypoints.routes import HEALTH, SMN
from function.entrypoints.startup import components, routed_sources
from function.lib import schemas
from function.model.errors import EventRejected, SettingsInvalid
from function.reporting.messages import REASON_TEXTS
from function.settings import reader
from tests.factories import SETTINGS
from tests.readme_blocks import (
    ARCHITECTURE,
    OPERATIONS,
    PAGES,
    README,
    ROOT,
    SENDERS,
    blocks,
    section,
)

JSON_BLOCKS = [
    block for page in (SENDERS, OPERATIONS, ARCHITECTURE) for block in blocks("json", page)
]
SCHEMAS = schemas.load()
LEAST = {
    "HUAWEICLOUD_SDK_AK": "key",
    "HUAWEICLOUD_SDK_SK": "secret",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0123456789abcdef" * 2,
    "HUAWEICLOUD_REGION": "eu-west-101",
    "DRY_RUN": "true",
}


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def settings_table() -> dict[str, str]:
    return {name.strip("`"): default for name, default, _ in rows(PAGES["docs/settings.md"])}


def test_the_settings_table_names_the_settings_and_no_others() -> None:
    assert set(settings_table()) == SETTINGS


def test_documented_defaults_are_the_real_defaults() -> None:
    stated = {
        name: default.strip("`")
        for name, default in settings_table().items()
        if default.startswith("`")
    }
    routes = routed_sources()

    assert reader.read({**LEAST, **stated}, routes=routes) == reader.read(LEAST, routes=routes)
    assert {"MAX_INSTANCES", "COOLDOWN_SECONDS", "DEADLINE_SECONDS", "LOG_LEVEL"} <= set(stated)


@pytest.mark.parametrize("name", [n for n, d in settings_table().items() if d.startswith("needed")])
def test_documented_required_settings_are_required(name: str) -> None:
    given = {key: value for key, value in LEAST.items() if key != name}

    with pytest.raises(SettingsInvalid) as problem:
        reader.read(given, routes=routed_sources())

    assert name in str(problem.value)


def test_the_route_table_names_every_route_we_ship_and_none_that_is_not_there() -> None:
    stated = set(re.findall(r"^\| `(?:POST|GET) (/[a-z]*)`", SENDERS, re.MULTILINE))
    there = {one.route for one in components().sources.values() if one.route} | {SMN, HEALTH, INIT}

    assert {"/", "/alertmanager", "/direct", "/grafana", SMN, HEALTH, INIT} <= stated <= there


@pytest.mark.parametrize("block", JSON_BLOCKS)
def test_every_json_block_validates_against_the_schema_it_shows(block: str) -> None:
    document: Any = json.loads(block)
    if "$schema" in document:
        Draft202012Validator.check_schema(document)
    else:
        SCHEMAS.check("result" if "specversion" in document else "events/direct", document)


def test_every_kind_of_json_block_is_there() -> None:
    documents = [json.loads(block) for block in JSON_BLOCKS]

    assert {document["action"] for document in documents if "action" in document} == {
        "restart",
        "purge_failed",
        "delete",
        "check",
    }
    assert sum("specversion" in document for document in documents) == 1
    assert sum("$schema" in document for document in documents) == 1


def test_every_webhook_in_a_configuration_is_a_route() -> None:
    routes = {one.route for one in components().sources.values()}
    urls = re.findall(r"https://remediator\.example(/[a-z]*)", SENDERS)

    assert set(urls) <= routes | {SMN}
    assert {"/alertmanager", "/grafana", "/smn"} <= set(urls)


def test_the_ping_source_carries_a_request() -> None:
    (ping,) = (
        one
        for one in map(yaml.safe_load, blocks("yaml", SENDERS))
        if one.get("kind") == "PingSource"
    )

    SCHEMAS.check("events/direct", json.loads(ping["spec"]["data"]))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page])

    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]

    assert missing == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))

    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", "".join(PAGES.values()), re.M)) <= targets


def test_the_map_names_every_folder_of_the_function() -> None:
    named = set(re.findall(r"`([a-z_]+)/`", section("The folders", ARCHITECTURE)))
    folders = {path.parent.name for path in (ROOT / "function").glob("*/__init__.py")}

    assert folders <= named


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("openssl") is None,
    reason="curl or openssl is not installed",
)
def test_every_curl_line_works_as_printed() -> None:
    lines = [block for block in blocks("sh", SENDERS) if block.count("curl")]
    with served(0) as (_, printed):
        url = printed[0].split()[-1].removesuffix("/health")
        answers = [_run(line.replace(f"http://127.0.0.1:{PORT}", url)) for line in lines]

    assert [one["data"]["outcome"] for one in answers] == ["accepted", "accepted"]
    assert [one["data"]["action"] for one in answers] == ["restart", "purge_failed"]


def _run(script: str) -> Any:
    done = subprocess.run(["sh", "-ec", script], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def test_every_reason_has_one_documented_step() -> None:
    first = [cells[0] for cells in rows(section("When you are called", OPERATIONS))]
    named = re.findall(r"`([a-z_]+)`", " ".join(first))
    refusals = {one.reason for one in _refusals(EventRejected)}

    assert sorted(named) == sorted({*REASON_TEXTS} | refusals)


def _refusals(kind: type[EventRejected]) -> Iterator[type[EventRejected]]:
    for one in kind.__subclasses__():
        yield one
        yield from _refusals(one)


def test_the_readme_fits_into_ten_minutes() -> None:
    assert len(README.splitlines()) <= 250
    assert "Nothing here has been run against the real cloud" in README.partition("## ")[0]


def test_version_is_defined_once() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"', project, re.MULTILINE)

    assert version is not None
    assert f"version-{version[1]}-blue" in README
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

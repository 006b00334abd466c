"""A new event source is two files; those that docs/architecture.md prints work when copied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.readme_blocks import with_the_printed_source

SOURCE = "function/sources/backup.py"
CHECKS = {
    "ruff check": ("ruff", "check", "--no-cache", SOURCE),
    "ruff format": ("ruff", "format", "--no-cache", "--check", SOURCE),
    "mypy": ("mypy", "--cache-dir", os.devnull, SOURCE),
    "its doctest, and what holds for every source": (
        *("pytest", "-q", SOURCE, "tests/test_architecture.py"),
        "tests/unit/lib/test_schemas.py",
        "tests/unit/sources/test_sources.py",
        "tests/unit/settings/test_reader.py::test_a_process_looks_at_no_other_variables",
    ),
}
TRY_IT = """
import json, sys
from function.entrypoints import routes, startup
given = json.loads(sys.argv[1])
runtime = startup.runtime(given["environment"])
headers = {"content-type": "application/json", "authorization": "Bearer " + given["secret"]}
request = routes.HttpRequest("POST", "/backup", headers, json.dumps(given["event"]).encode())
print(routes.handle_request(request, runtime).status)
"""
SECRET = "a-secret-of-the-backup"
ENVIRONMENT = {
    "HUAWEICLOUD_AUTH_TOKEN": "token",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
    "DMS_ENDPOINT": "http://127.0.0.1:9",
    "DRY_RUN": "false",
    "BACKUP_SECRETS": SECRET,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_the_printed_source(tmp_path_factory.mktemp("added"))


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("check", CHECKS)
def test_the_printed_source_passes_every_check_as_it_is(check: str, tree: Path) -> None:
    done = python(tree, "-B", "-m", *CHECKS[check])

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("another-secret-of-16", 401)])
def test_the_two_files_open_a_route_for_callers_with_its_secret(
    secret: str, status: int, tree: Path
) -> None:
    schema = json.loads((tree / "schemas/events/backup.json").read_text(encoding="utf-8"))
    event: dict[str, Any] = {**schema["examples"][0], "result": "ok"}
    given = {"environment": ENVIRONMENT, "secret": secret, "event": event}

    done = python(tree, "-c", TRY_IT, json.dumps(given))
    result, answered = done.stdout.splitlines()

    assert int(answered) == status
    data = json.loads(result)["data"]
    assert data["reason"] == ("not_firing" if status == 200 else "unauthenticated")
    assert data.get("event", {}).get("source") == ("backup" if status == 200 else None)

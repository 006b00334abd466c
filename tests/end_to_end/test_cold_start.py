"""Cold start: the modules that the first event of a process loads."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.factories import ORDERS
from tests.fake_dms import FakeDms

ROOT = Path(__file__).parents[2]
# Signatures of SMN, a shared ledger, metrics, another server and the command line: none of them is
# part of this event.
NOT_NEEDED = {"cryptography", "redis", "prometheus_client", "waitress", "argparse", "asyncio"}
RUN = f"""
import json, sys
from function.handler import handler
result = handler({{"action": "restart", "instances": ["{ORDERS}"]}}, None)
print(json.dumps([result["data"]["outcome"], sorted(sys.modules)]))
"""


def run(code: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **settings}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )


def test_the_first_event_loads_nothing_that_it_does_not_need() -> None:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="ERROR")
        done = run(RUN, {"DRY_RUN": "false", **cloud.environment()})

    report: Any = json.loads(done.stdout.splitlines()[-1])
    assert report[0] == "accepted"
    loaded = {name.partition(".")[0] for name in report[1]}
    assert loaded & NOT_NEEDED == set()
    ours = [name for name in report[1] if name.startswith("function.")]
    assert not [name for name in ours if "cli" in name.split(".") or name.endswith(".redis")]


def _page_faults(code: str) -> int:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    run(code, {"DRY_RUN": "true"})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="only CPython 3.11 does so")
def test_imports_do_not_map_and_unmap_the_data_stack_again_and_again() -> None:
    run("import function.handler", {})  # writes the byte-code

    shallow = _page_faults("import jsonschema, requests, function.handler")
    assert _page_faults("import function.handler") < shallow + 1000

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
# Of the function itself: the command line, and what only some events need.
OWN_NOT_NEEDED = set(
    """function.cli function.dms.diagnostics function.dms.reachability function.dms.survey
    function.intake.cloudevents_http function.intake.recognize function.intake.smn_signature
    function.ledger.redis
    function.ledger.redis_server function.lib.schema_hints function.model.check
    function.pipeline.readiness function.pipeline.recovery function.policy.check
    function.policy.follow_up function.policy.verify function.reporting.metrics
    function.reporting.notify""".split()
)
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
    assert OWN_NOT_NEEDED & set(report[1]) == set()


def test_what_the_first_event_does_not_load_exists() -> None:
    """A module that was renamed would be missed by the list above."""
    files = [ROOT / name.replace(".", "/") for name in OWN_NOT_NEEDED]

    assert [file for file in files if not file.with_suffix(".py").exists() | file.is_dir()] == []


def test_no_garbage_is_collected_while_the_modules_load() -> None:
    """The collector would start 60 times, find next to nothing, and take 8 % of the CPU."""
    count = "sum(generation['collections'] for generation in gc.get_stats())"
    done = run(f"import gc; before = {count}; import function.handler; print({count} - before)", {})

    # Before and after the modules load it starts a few times: 2 to 6, by the version of Python.
    assert int(done.stdout) < 12


def _page_faults(code: str) -> int:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    run(code, {"DRY_RUN": "true"})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="only CPython 3.11 does so")
def test_imports_do_not_map_and_unmap_the_data_stack_again_and_again() -> None:
    run("import function.handler", {})  # writes the byte-code

    shallow = _page_faults("import jsonschema, requests, function.handler")
    assert _page_faults("import function.handler") < shallow + 1000

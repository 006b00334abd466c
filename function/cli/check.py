"""Check whether everything is ready for an alarm; nothing is changed, and nothing is logged.

It reads what an alarm would read, with the settings and the keys of the place it runs in, and says
for each check what was read and how to fix a failure. `unproven` means: reading cannot show it.

examples:
  python -m function check --env-file production.env
  python -m function check --instances 54602a9d-5e22-4239-9123-77e350df4a34
  python -m function check --probe
  python -m function check --json | jq -r '.data.checks[] | select(.status == "fail") | .fix'

--probe sends one restart call for a random id that exists nowhere, also while DRY_RUN=true: the
cloud refuses it for the instance where the right to restart is there, and for the right where not.
exit status: 0 passed; 1 failed; 2 wrong usage or settings.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--instances", metavar="ID", nargs="+", default=[], help="instances to look at besides"
    )
    parser.add_argument(
        "--probe", action="store_true", help="test the permission to restart with one harmless call"
    )
    parser.add_argument("--json", action="store_true", help="print the result event as JSON")


def _line(check: Mapping[str, Any]) -> str:
    from ._output import paint  # noqa: PLC0415 - the other commands do not wait for it

    status = paint(f"{check['status']:<9}", check["status"])
    fix = f" → {check['fix']}" if check["fix"] else ""
    return f"{status} {check['name']:<19} {check['detail']}{fix}"


def run(arguments: argparse.Namespace) -> int:
    """Run one check; return the exit status."""
    from ..lib import strict_json  # noqa: PLC0415 - the other commands do not wait for it
    from ..model.errors import SchemaViolated  # noqa: PLC0415 - same
    from . import _check, _files  # noqa: PLC0415 - same
    from ._output import paint, say, say_json, warn_of_misspelled_settings  # noqa: PLC0415 - same

    warn_of_misspelled_settings(os.environ)
    try:
        result = _check.run_check(os.environ, instances=arguments.instances, probe=arguments.probe)
    except SchemaViolated as problem:
        raise _files.UsageError(f"--instances: {problem}") from None
    # As programs get it: in the event itself the words are members of enumerations.
    event: Any = strict_json.loads(strict_json.dumps(result.event))
    outcome = event["data"]["outcome"]
    if arguments.json:
        say_json(event)
    else:
        for check in event["data"].get("checks", ()):  # a defect has none
            say(_line(check))
        say(paint(f"Check {outcome}.", outcome))
    return 0 if outcome == "passed" else 1

"""Explain what would become of one payload, and why; nothing is sent and nothing is written.

The payload goes through the very steps of the function, without its sender's secret or signature:
which source it is, which schema rule it breaks, what it asks for, and for each instance every rule
up to the one that decides.

examples:
  python -m function explain alarm.json
  curl -s https://example/last-alert | python -m function explain - --json
  python -m function explain alarm.json --state instances.json --at 2026-01-05T03:00:00Z
  python -m function explain alarm.json --live --env-file production.env
  python -m function explain alarm.json --expect dry_run
  python -m function explain resolved.json --expect skipped:not_firing

--state is {"instances": [rows as GET /instances answers], "tasks": {"<id>": [rows of .../tasks]}}.
exit status: 0; 1 where the event is rejected, or is not what --expect says; 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import os

from ..lib.loading import without_collections


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("file", metavar="FILE", help="the payload as it was sent; - is stdin")
    parser.add_argument(
        "--source", metavar="NAME", help="which source it is, if its shape misleads"
    )
    parser.add_argument("--at", metavar="TIME", help="when it arrives (RFC 3339); default: now")
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--state", metavar="FILE", help="the instances, and their tasks, as JSON")
    state.add_argument("--live", action="store_true", help="read the instances from the cloud")
    parser.add_argument(
        "--expect", metavar="OUTCOME", help="dry_run, skipped, rejected, …, or OUTCOME:REASON"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Explain one payload; return the exit status."""
    with without_collections():
        from . import _explain, _files, _output  # noqa: PLC0415 - the other commands do not wait

    _output.warn_of_misspelled_settings(os.environ)
    options = _explain.Options(
        source=arguments.source,
        at=arguments.at,
        state=arguments.state and _files.content(arguments.state),
        live=arguments.live,
        expect=arguments.expect,
    )
    payload = _files.content(arguments.file)
    explanations = _explain.explanations(payload, options, os.environ)
    _explain.show(explanations, as_json=arguments.json)
    return _explain.status(explanations, arguments.expect)

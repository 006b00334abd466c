"""Play recorded payloads against a simulated cloud: what would have been done, and who called.

Every line of a file is {"at": "2026-01-05T03:00:00Z", "source": "alertmanager", "payload": {...}}:
what a sender posted, and when. `source` may be left out where the shape of the payload tells. The
lines of all files are played in the order of time; a restart takes ten minutes. Nothing is sent.

examples:
  python -m function replay last-month.jsonl
  python -m function replay cluster-a.jsonl cluster-b.jsonl --env-file production.env
  MAX_RESTARTS_PER_DAY=2 python -m function replay last-month.jsonl --json

exit status: 0; 2 for a line that cannot be read (its number is printed), or for wrong settings.
"""

from __future__ import annotations

import argparse
import os


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="JSON lines; - is stdin")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Replay all files; return the exit status."""
    from . import _files, _output, _replay  # noqa: PLC0415 - the other commands do not wait

    _output.warn_of_misspelled_settings(os.environ)
    files = {file: _files.content(file) for file in arguments.files}
    report = _replay.replay(files, os.environ)
    _replay.show(report, as_json=arguments.json)
    return 0

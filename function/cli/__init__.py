"""The command line: every module of this folder without an underscore is one command.

Such a module has a docstring, whose first line is its help, `add_arguments(parser)` and
`run(arguments)`, which returns the exit status: 0 as wished, 1 not, 2 usage or settings.
It imports what it needs inside `run`, so that `--help` and the other commands do not wait for it.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from ..lib.version import VERSION
from ..model.errors import SettingsInvalid, SourceSchemaMismatch
from . import _files

USAGE_ERROR = 2
INTERRUPTED = 130  # as a shell reports SIGINT
INSTALL = "run pip install --require-hashes -r requirements.txt"
EXAMPLES = """examples:
  python -m function check --env-file production.env     is everything ready for an alarm?
  python -m function explain alarm.json                  what would become of it, and why?
  python -m function replay last-month.jsonl             what would have been done, who called?
  python -m function serve --env-file production.env     answer senders over HTTP

python -m function COMMAND --help shows more of each."""


def _commands() -> dict[str, ModuleType]:
    # By their files, as sources are found: a new command needs no entry in a list.
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: import_module(f".{name}", __name__) for name in names if name[0] != "_"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m function",
        description="Kafka remediator: restarts managed Kafka instances when that is safe.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in _commands().items():
        summary = str(module.__doc__).partition("\n")[0]
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the lines of examples
        )
        subparser.add_argument(
            "--env-file",
            metavar="FILE",
            help="settings as NAME=value lines; those in the environment win",
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command, and return the exit status of the process."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        settings = _files.settings(parsed.env_file) if parsed.env_file else {}
        for name, value in settings.items():
            os.environ.setdefault(name, value)
        status: int = parsed.run(parsed)
        print(end="", flush=True)  # noqa: T201 - to nowhere, where stdout was closed: it is None
    except (_files.UsageError, SettingsInvalid, SourceSchemaMismatch) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command prints
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as in `… | head`
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - for its descriptor
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as missing:
        # A module of our own that is missing is a defect, which has to be seen.
        if str(missing.name).startswith("function"):
            raise
        parser.exit(USAGE_ERROR, f"{missing.name} is not installed: {INSTALL}\n")
    return status

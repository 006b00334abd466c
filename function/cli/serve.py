"""Answer HTTP requests until SIGTERM or SIGINT.

The first line of its log says address, mode (dry run or acting), open routes and version; a line
for each result follows on stdout. SIGTERM lets running events end.

examples:
  python -m function serve --env-file production.env
  python -m function serve --host 127.0.0.1 --port 8080

exit status: 0 after a signal to stop; 1 where the address is taken; 2 for wrong settings.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

MAX_PORT = 65535
SOURCE = Path(__file__).parents[1] / "main.py"


def port(text: str) -> int:
    """Take the number of a port; 0 has the system choose one."""
    number = int(text)
    if not 0 <= number <= MAX_PORT:
        raise ValueError
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--host", default=os.environ.get("HOST", "0.0.0.0"))  # noqa: S104 - a container is called from outside
    parser.add_argument("--port", type=port, default=os.environ.get("PORT", "8080"))


def run(arguments: argparse.Namespace) -> int:
    """Load the application as functions-framework does, and answer with it."""
    import functions_framework  # noqa: PLC0415 - other commands need no server
    import waitress  # noqa: F401, PLC0415 - tells main.py that its limits are in front of it

    try:
        application = functions_framework.create_app("remediate", str(SOURCE))  # type: ignore[no-untyped-call]  # it has no types
    except SystemExit:  # main.py has printed the problems
        return 2
    # functions-framework has loaded main.py as the package `main`, and all below it. The server has
    # to come from there: from `function` it would count the dropped lines of another log.
    server = import_module("main.entrypoints.server")
    try:
        server.serve(application, sys.modules["main"].RUNTIME, arguments.host, arguments.port)
    except OSError as error:
        print(f"{arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 1
    return 0

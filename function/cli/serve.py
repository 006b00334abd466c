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

from ..lib.loading import without_collections

HOST, PORT, MAX_PORT = "0.0.0.0", "8080", 65535  # noqa: S104 - a container is called from outside
PORT_PROBLEM = f"PORT: must be a number from 0 to {MAX_PORT}; for example PORT={PORT}"


def port(text: str) -> int:
    """Take the number of a port; 0 has the system choose one."""
    number = int(text)
    if not 0 <= number <= MAX_PORT:
        raise ValueError
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    # Platforms set the variables; they are read in `run`, because a file may set them, too.
    parser.add_argument("--host", help=f"where to listen; else the variable HOST, else {HOST}")
    parser.add_argument("--port", type=port, help=f"else the variable PORT, else {PORT}")


def run(arguments: argparse.Namespace) -> int:
    """Answer requests, in this process, until a signal."""
    with without_collections():
        import jsonschema  # noqa: F401, PLC0415 - first, as in handler.py, for the same reason
        import requests  # noqa: F401, PLC0415 - likewise

        from ..entrypoints import http_application, server  # noqa: PLC0415 - only served here
        from ..model.errors import SettingsInvalid  # noqa: PLC0415 - same

    host = (arguments.host or os.environ.get("HOST") or HOST).strip("[]")
    try:
        number = port(os.environ.get("PORT") or PORT) if arguments.port is None else arguments.port
    except ValueError:
        return _say(PORT_PROBLEM, 2)
    try:
        runtime = http_application.start(os.environ)
    except SettingsInvalid:  # its problems are in the log
        return 2
    try:
        server.serve(http_application.Application(runtime), runtime, host, number)
    except OSError as error:  # Python repeats the address in brackets
        return _say(f"{host}:{number}: {str(error.strerror).partition(' (')[0]}", 1)
    return 0


def _say(problem: str, status: int) -> int:
    print(problem, file=sys.stderr)  # noqa: T201 - there is no server yet that would log
    return status

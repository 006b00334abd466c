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

MAX_PORT = 65535


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
    """Answer requests, in this process, until a signal."""
    import jsonschema  # noqa: F401, PLC0415 - first, as in handler.py, for the same reason
    import requests  # noqa: F401, PLC0415 - likewise

    from ..entrypoints import http_application, server  # noqa: PLC0415 - other commands need none
    from ..model.errors import SettingsInvalid  # noqa: PLC0415 - same

    try:
        runtime = http_application.start(os.environ)
    except SettingsInvalid:  # its problems are in the log
        return 2
    application = http_application.Application(runtime)
    try:
        server.serve(application, runtime, arguments.host, arguments.port)
    except OSError as error:
        print(f"{arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 1
    return 0

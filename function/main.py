"""The HTTP entrypoint: the functions-framework target `remediate`."""

from __future__ import annotations

import os
import sys
import time

import flask
import functions_framework
import jsonschema  # noqa: F401 - first, as in handler.py, for the same reason
import requests  # noqa: F401 - likewise

from .entrypoints import container, process_variables, routes, startup
from .lib import strict_json
from .model.errors import SettingsInvalid, SourceSchemaMismatch
from .pipeline import Runtime
from .reporting import emit

CHUNK_BYTES = 8192
# A sender whose body is not read to its end sees a broken connection instead of the status 413.
MAX_DRAIN_BYTES = 16 * strict_json.LIMIT
# As the server in front allows; a sender that is slower keeps a thread busy.
MAX_BODY_SECONDS = 10.0
UNBOUNDED_SERVER = (
    "This server bounds neither slow callers nor the length of a request line: a few dozen"
    " half-sent requests keep everybody else waiting. `python -m function serve` does."
)


def _runtime() -> Runtime:
    """Return what to run with, or end the process with one line for each problem."""
    startup.warn_of_misspelled_settings(frozenset(os.environ))
    problems = process_variables.problems(os.environ)
    try:
        runtime = startup.runtime(os.environ, http_entrypoint=True)
    except (SettingsInvalid, SourceSchemaMismatch) as invalid:
        problems += tuple(str(invalid).splitlines())
    for problem in problems:
        emit.log("ERROR", f"Not started: {problem}")
    if problems:
        sys.exit(1)
    if "waitress" not in sys.modules:  # `serve` loads it before this module
        emit.log("WARNING", UNBOUNDED_SERVER, min_level=runtime.settings.log_level)
        # functions-framework listens only later, where nothing of ours hears of the address.
        emit.log("INFO", "Starting under functions-framework.", **routes.start_details(runtime))
    return runtime


# gunicorn, which starts after this, would let callers from loopback rewrite the path of a request.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
RUNTIME = _runtime()
HANDLE = (
    container.handle_request if RUNTIME.settings.functiongraph_container else routes.handle_request
)


def _body(request: flask.Request) -> tuple[bytes, bool]:
    """Read a body, and tell whether it is too large to keep; one that is cut off counts as none.

    Chunks of one byte cost 1.6 µs of CPU each, so a body in chunks is read to its limit only; one
    whose length is declared costs little more than the copying.
    """
    declared = request.content_length
    most = strict_json.LIMIT if declared is None else MAX_DRAIN_BYTES
    body, length = b"", 0
    end = time.monotonic() + MAX_BODY_SECONDS
    try:
        while length <= most and (chunk := request.stream.read(CHUNK_BYTES)):
            length += len(chunk)
            body += chunk if length <= strict_json.LIMIT else b""
            if time.monotonic() > end:
                return b"", False
    except Exception:  # noqa: BLE001 - servers raise their own errors for invalid HTTP
        return b"", False
    if max(length, declared or 0) > strict_json.LIMIT:
        return b"", True
    return (body if declared in {None, length} else b""), False


def _waited(request: flask.Request) -> float:
    """Return the seconds that a whole request has waited for this thread."""
    received_at = request.environ.get(routes.RECEIVED)
    return 0.0 if received_at is None else time.monotonic() - received_at


@functions_framework.http
def remediate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    body, too_large = _body(request)
    # functions-framework would read the body once more, and without a bound.
    request._cached_data = body
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = HANDLE(
        routes.HttpRequest(
            request.method, request.path, headers, body, too_large, _waited(request)
        ),
        RUNTIME,
    )
    return flask.Response(reply.body, reply.status, dict(reply.headers))

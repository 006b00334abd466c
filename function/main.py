"""The HTTP door: the functions-framework target `remediate`."""

from __future__ import annotations

import os
import sys

import flask
import functions_framework

from .entrypoints import container, routes, startup
from .lib import strict_json
from .model.errors import SettingsInvalid, SourceSchemaMismatch
from .pipeline import Runtime


def _runtime() -> Runtime:
    """Return what to run with, or end the process with one line for each problem."""
    try:
        return startup.runtime(os.environ, http_entrypoint=True)
    except (SettingsInvalid, SourceSchemaMismatch) as problem:
        sys.exit(f"Not started:\n{problem}")


# The server, which starts after this, would let whoever calls from loopback rewrite the path.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
RUNTIME = _runtime()
HANDLE = (
    container.handle_request if RUNTIME.settings.functiongraph_container else routes.handle_request
)

CHUNK_BYTES = 65536
# A sender that is not heard out sees a broken connection instead of the status 413.
MAX_DRAIN_BYTES = 16 * strict_json.LIMIT


def _body(request: flask.Request) -> tuple[bytes, bool]:
    """Read a body, and tell whether it is too large to keep; one that is cut off counts as none."""
    body, length = b"", 0
    try:
        while length <= MAX_DRAIN_BYTES and (chunk := request.stream.read(CHUNK_BYTES)):
            length += len(chunk)
            body += chunk if length <= strict_json.LIMIT else b""
    except Exception:  # noqa: BLE001 - servers have errors of their own for what is not HTTP
        return b"", False
    if length > strict_json.LIMIT:
        return b"", True
    return (body if request.content_length in {None, length} else b""), False


@functions_framework.http
def remediate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    body, too_large = _body(request)
    # functions-framework would read the body once more, and without a bound.
    request._cached_data = body
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = HANDLE(
        routes.HttpRequest(request.method, request.path, headers, body, too_large), RUNTIME
    )
    return flask.Response(reply.body, reply.status, dict(reply.headers))

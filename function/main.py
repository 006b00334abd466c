"""The HTTP door: the functions-framework target `remediate`."""

from __future__ import annotations

import os
import sys

import flask
import functions_framework

from . import container, routes, start, strict_json
from .errors import SettingsInvalid, SourceWithoutTwin
from .runtime import Runtime


def _runtime() -> Runtime:
    """Return what to run with, or end the process with one line for each problem."""
    try:
        return start.runtime(os.environ, http_door=True)
    except (SettingsInvalid, SourceWithoutTwin) as problem:
        sys.exit(f"Not started:\n{problem}")


RUNTIME = _runtime()
ANSWER = container.answer if RUNTIME.settings.functiongraph_container else routes.answer


def _body(request: flask.Request) -> tuple[bytes, bool]:
    """Read a body of at most the limit, and tell whether there is more of it."""
    if (request.content_length or 0) > strict_json.LIMIT:
        return b"", True
    body = b""
    while len(body) <= strict_json.LIMIT and (
        chunk := request.stream.read(strict_json.LIMIT + 1 - len(body))
    ):
        body += chunk
    return (b"", True) if len(body) > strict_json.LIMIT else (body, False)


@functions_framework.http
def remediate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    body, too_large = _body(request)
    # functions-framework would read the body once more, and without a bound.
    request._cached_data = body
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = ANSWER(
        routes.HttpRequest(request.method, request.path, headers, body, too_large), RUNTIME
    )
    return flask.Response(reply.body, reply.status, dict(reply.headers))

"""The HTTP door: the functions-framework target `remediate`."""

from __future__ import annotations

import os
import sys

import flask
import functions_framework

from . import platform_context, start, strict_json
from .errors import SettingsInvalid, SourceWithoutTwin
from .invocation import TryAgain, invoke
from .pipeline import Runtime
from .read_settings import require_authenticator
from .routes import HttpAnswer, HttpRequest, answer


def _runtime() -> Runtime:
    """Return what to run with, or end the process with one line for each problem."""
    try:
        runtime = start.runtime(os.environ)
        require_authenticator(runtime.settings)
    except (SettingsInvalid, SourceWithoutTwin) as problem:
        sys.exit(f"Not started:\n{problem}")
    return runtime


RUNTIME = _runtime()
JSON = {"Content-Type": "application/json"}


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


def _invoked(request: HttpRequest) -> HttpAnswer:
    """Answer FunctionGraph, which calls a container of an event function over HTTP."""
    if request.path == "/init":
        return HttpAnswer(200)
    if "x-cff-request-id" not in request.headers:
        return HttpAnswer(403)
    try:
        event = strict_json.loads(request.body)
    except strict_json.InvalidJSON:
        event = None
    credentials = platform_context.header_credentials(request.headers)
    try:
        result = invoke(event, RUNTIME, credentials=credentials, remaining=None)
    except TryAgain as again:
        return HttpAnswer(500, str(again), JSON)
    return HttpAnswer(200, strict_json.dumps(result), JSON)


def _answered(request: HttpRequest) -> HttpAnswer:
    if not RUNTIME.settings.functiongraph_container:
        return answer(request, RUNTIME)
    if request.method == "POST" and request.path in {"/init", "/invoke"}:
        return _invoked(request)
    credentials = platform_context.header_credentials(request.headers)
    return answer(request, RUNTIME, credentials=credentials)


@functions_framework.http
def remediate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    body, too_large = _body(request)
    # functions-framework would read the body once more, and without a bound.
    request._cached_data = body
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = _answered(HttpRequest(request.method, request.path, headers, body, too_large))
    return flask.Response(reply.body, reply.status, dict(reply.headers))

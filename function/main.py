"""The HTTP entrypoint where a platform insists on functions-framework: its target `remediate`."""

from __future__ import annotations

import os
import sys

import flask
import functions_framework

from .lib.loading import without_collections

with without_collections():
    import jsonschema  # noqa: F401 - first, as in handler.py, for the same reason
    import requests  # noqa: F401 - likewise

    from .entrypoints import http_application, routes
    from .model.errors import SettingsInvalid
    from .reporting import emit

UNBOUNDED_SERVER = (
    "This server bounds neither slow callers nor the length of a request line: a few dozen"
    " half-sent requests keep everybody else waiting. `python -m function serve` does."
)


def _application() -> http_application.Application:
    """Return what answers, or end the process with one line for each problem."""
    try:
        runtime = http_application.start(os.environ)
    except SettingsInvalid:
        sys.exit(1)
    emit.log("WARNING", UNBOUNDED_SERVER, min_level=runtime.settings.log_level)
    # functions-framework listens only later, where nothing of ours hears of the address.
    emit.log("INFO", "Starting under functions-framework.", **routes.start_details(runtime))
    return http_application.Application(runtime)


# gunicorn, which starts after this, would let callers from loopback rewrite the path of a request.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
APPLICATION = _application()


@functions_framework.http
def remediate(request: flask.Request) -> flask.Response:
    """Answer one HTTP request."""
    reply = APPLICATION.answer(request.environ, request.stream, request.content_length)
    # functions-framework would read the body once more, and without a bound.
    request._cached_data = b""
    return flask.Response(reply.body, reply.status, dict(reply.headers))

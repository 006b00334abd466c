"""The HTTP application, in the terms of WSGI (PEP 3333): our own server calls it as it is.

functions-framework calls it through main.py, with Flask in between, which takes longer than a
rejected event itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ..lib import strict_json
from ..model.errors import SettingsInvalid, SourceSchemaMismatch
from ..pipeline import Runtime
from ..reporting import emit
from . import container, process_variables, routes, startup
from .routes import HttpRequest, HttpResponse

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
CHUNK_BYTES = 8192
# A sender whose body is not read to its end sees a broken connection instead of the status 413.
MAX_DRAIN_BYTES = 16 * strict_json.LIMIT
# As our own server allows; in another one a sender that is slower keeps a thread busy.
MAX_BODY_SECONDS = 10.0
# The two headers that WSGI names without `HTTP_`.
_ENTITY_HEADERS = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


def start(variables: Mapping[str, str]) -> Runtime:
    """Return what to answer with; raise SettingsInvalid when each problem is logged."""
    problems = process_variables.problems(variables)
    try:
        startup.warn_of_misspelled_settings(frozenset(variables))
        runtime = startup.runtime(variables, http_entrypoint=True)
    except (SettingsInvalid, SourceSchemaMismatch) as invalid:
        problems += tuple(str(invalid).splitlines())
    for problem in problems:
        emit.log("ERROR", f"Not started: {problem}")
    if problems:
        raise SettingsInvalid(problems)
    return runtime


def _body(stream: Any, declared: int | None) -> tuple[bytes, bool]:
    """Read a body, and tell whether it is too large to keep; one that is cut off counts as none.

    Chunks of one byte cost 1.6 µs of CPU each, so a body in chunks is read to its limit only; one
    whose length is declared costs little more than the copying.
    """
    most = strict_json.LIMIT if declared is None else MAX_DRAIN_BYTES
    body, length = b"", 0
    end = time.monotonic() + MAX_BODY_SECONDS
    try:
        while length <= most and (chunk := stream.read(CHUNK_BYTES)):
            length += len(chunk)
            body += chunk if length <= strict_json.LIMIT else b""
            if time.monotonic() > end:
                return b"", False
    except Exception:  # noqa: BLE001 - servers raise their own errors for invalid HTTP
        return b"", False
    if max(length, declared or 0) > strict_json.LIMIT:
        return b"", True
    return (body if declared in {None, length} else b""), False


def _headers(environ: Environ) -> dict[str, str]:
    """Return the headers by their names in lower case."""
    named = {
        name.removeprefix("HTTP_"): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in _ENTITY_HEADERS and value)
    }
    return {name.replace("_", "-").lower(): value for name, value in named.items()}


class Application:
    """Answers HTTP requests with one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        in_container = runtime.settings.functiongraph_container
        self._handle = container.handle_request if in_container else routes.handle_request
        self._runtime = runtime

    def answer(self, environ: Environ, stream: Any, declared: int | None) -> HttpResponse:
        """Answer one request, whose body is in a stream, and may have declared its length."""
        body, too_large = _body(stream, declared)
        received_at = environ.get(routes.RECEIVED)
        # WSGI has the bytes of a path as if they were Latin-1.
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        request = HttpRequest(
            method=environ["REQUEST_METHOD"].upper(),
            path="/" + path.lstrip("/"),
            headers=_headers(environ),
            body=body,
            too_large=too_large,
            waited=0.0 if received_at is None else time.monotonic() - received_at,
        )
        return self._handle(request, self._runtime)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request as WSGI asks."""
        length = environ.get("CONTENT_LENGTH")
        reply = self.answer(environ, environ["wsgi.input"], int(length) if length else None)
        body, headers = reply.body.encode(), [*reply.headers.items()]
        if reply.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

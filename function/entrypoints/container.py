"""Container: FunctionGraph calls an event function in a container over HTTP, /init and /invoke."""

from __future__ import annotations

from ..lib import strict_json
from ..model.event import Received
from ..pipeline import Runtime
from ..settings.model import Credentials
from . import platform_context, routes
from .invocation import TryAgain, invoke, run_each
from .routes import HttpAnswer, HttpRequest

INIT, INVOKE = "/init", "/invoke"
JSON = {"Content-Type": "application/json"}


def _result(request: HttpRequest, runtime: Runtime, credentials: Credentials | None) -> object:
    """Return the result of the event in a body, also of one that cannot be parsed."""
    try:
        event = strict_json.loads(request.body)
    except strict_json.InvalidJSON:
        now, too_large = runtime.clock.now(), request.too_large
        unreadable = [Received("trigger/unknown", request.body, now, too_large=too_large)]
        return run_each(unreadable, runtime, credentials=credentials, remaining=None)
    return invoke(event, runtime, credentials=credentials, remaining=None)


def _invoked(request: HttpRequest, runtime: Runtime, credentials: Credentials | None) -> HttpAnswer:
    """Answer an invocation; the status 500 has the platform repeat it."""
    if "x-cff-request-id" not in request.headers:
        return routes.take(request, "invoke", runtime)
    try:
        result = _result(request, runtime, credentials)
    except TryAgain as again:
        return HttpAnswer(500, str(again), JSON)
    return HttpAnswer(200, strict_json.dumps(result), JSON)


def answer(request: HttpRequest, runtime: Runtime) -> HttpAnswer:
    """Return the answer to a request; only here are the headers of FunctionGraph believed."""
    credentials = platform_context.header_credentials(request.headers)
    if request.path not in {INIT, INVOKE}:
        return routes.answer(request, runtime, credentials=credentials)
    found = routes.no_event(request, {INIT, INVOKE}, ready=True)
    if found is not None:
        return found
    return routes.plain(200) if request.path == INIT else _invoked(request, runtime, credentials)

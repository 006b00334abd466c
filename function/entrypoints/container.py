"""Answer FunctionGraph, which calls an event function in a container over /init and /invoke."""

from __future__ import annotations

from ..lib import strict_json
from ..model.event import RawEvent
from ..pipeline import Runtime
from ..settings.model import Credentials
from . import platform_context, routes
from .invocation import RetryableFailure, invoke, run_each
from .routes import HttpRequest, HttpResponse

INIT, INVOKE = "/init", "/invoke"
JSON = {"Content-Type": "application/json"}


def _result(request: HttpRequest, runtime: Runtime, credentials: Credentials | None) -> object:
    """Return the result of the event in a body, also of one that cannot be parsed."""
    try:
        event = strict_json.loads(request.body)
    except strict_json.InvalidJSON:
        now, too_large = runtime.clock.now(), request.too_large
        unreadable = [RawEvent("trigger/unknown", request.body, now, too_large=too_large)]
        return run_each(unreadable, runtime, credentials=credentials, remaining=None)
    return invoke(event, runtime, credentials=credentials, remaining=None)


def _invoked(
    request: HttpRequest, runtime: Runtime, credentials: Credentials | None
) -> HttpResponse:
    """Answer an invocation; the status 500 has the platform repeat it."""
    if "x-cff-request-id" not in request.headers:
        return routes.handle_event(request, "invoke", runtime)
    try:
        result = _result(request, runtime, credentials)
    except RetryableFailure as again:
        return HttpResponse(500, str(again), JSON)
    return HttpResponse(200, strict_json.dumps(result), JSON)


def handle_request(request: HttpRequest, runtime: Runtime) -> HttpResponse:
    """Return the answer to a request; only here are FunctionGraph's headers trusted."""
    credentials = platform_context.header_credentials(request.headers)
    if request.path not in {INIT, INVOKE}:
        return routes.handle_request(request, runtime, credentials=credentials)
    response = routes.non_event_response(request, {INIT, INVOKE}, ready=True)
    if response is not None:
        return response
    return (
        routes.json_message(200)
        if request.path == INIT
        else _invoked(request, runtime, credentials)
    )

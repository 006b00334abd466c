"""Answer one HTTP request, whichever entrypoint has received it."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..lib import strict_json
from ..lib.clock import Deadline
from ..lib.version import VERSION
from ..model.event import RawEvent, Source
from ..pipeline import Runtime, run
from ..settings.model import Credentials

if TYPE_CHECKING:
    from ..reporting.metrics import Metrics

SMN = "/smn"
HEALTH = "/health"
METRICS = "/metrics"
CLOUDEVENTS = "/"
# Where the server says in the WSGI environment when the whole request was there, monotonic.
RECEIVED = "kafka_remediator.received_at"
NOT_FOUND = 404
# A mistyped path is compared with the routes; bounded, because anybody may send one.
_MAX_SEGMENTS, _MAX_SEGMENT_LENGTH, _SIMILAR = 4, 40, 0.65
READ_METHODS, EVENT_METHODS = ("GET", "HEAD", "OPTIONS"), ("OPTIONS", "POST")


class HttpRequest(NamedTuple):
    """A request; header names in lower case. A body that is too large is not kept.

    `waited` are the seconds between its arrival and now: its deadline began when it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    too_large: bool = False
    waited: float = 0.0


class HttpResponse(NamedTuple):
    """An answer to a request."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


def json_message(
    status: int, text: str = "", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return an answer that is no result event, because the request was no event."""
    body = strict_json.dumps({"message": text}) if text else ""
    return HttpResponse(status, body, {"Content-Type": "application/json", **(headers or {})})


def channels(sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the channel of every route on which events may arrive."""
    routed = {source.route: name for name, source in sources.items() if source.route is not None}
    return {**routed, SMN: "smn"}


def enabled_routes(runtime: Runtime) -> list[str]:
    """Return the routes on which events are taken, sorted."""
    auth, container = runtime.settings.auth, runtime.settings.functiongraph_container
    named = {source.route: name for name, source in runtime.sources.items() if source.route}
    routes = [route for route, name in {**named, SMN: "smn"}.items() if auth.is_enabled(name)]
    return sorted([*routes, *(("/init", "/invoke") if container else ())])


def start_details(runtime: Runtime) -> dict[str, Any]:
    """Return what the line at the start says besides the address."""
    return {
        "mode": "dry run" if runtime.settings.limits.dry_run else "acting",
        "routes": enabled_routes(runtime),
        "version": VERSION,
    }


def probable_route(path: str, routes: Collection[str]) -> str | None:
    """Return the route that was probably meant by a path that is none, or None.

    >>> [probable_route(path, ["/", "/smn"]) for path in ("/prod/smn", "/Smn/", "/snm", "/x", "//")]
    ['/smn', '/smn', '/smn', None, '/']
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only a wrong path needs it

    segments = [part for part in path.lower().partition("?")[0].split("/") if part]
    if not segments:
        return "/" if path.startswith("/") and "/" in routes else None
    named = {route.strip("/"): route for route in (*routes, HEALTH) if route != "/"}
    for segment in reversed(segments[-_MAX_SEGMENTS:]):
        if near := get_close_matches(segment[:_MAX_SEGMENT_LENGTH], named, n=1, cutoff=_SIMILAR):
            return named[near[0]]
    return None


def _no_route(probable: str | None) -> str:
    return (
        f"There is no such route; did you mean {probable}?"
        if probable
        else "There is no such route."
    )


def non_event_response(
    request: HttpRequest, routes: Collection[str], *, ready: bool, hook: bool = False
) -> HttpResponse | None:
    """Return the answer to a request that is no event, or None for an event.

    `ready` says that events would be taken, `hook` that CloudEvents may be delivered.
    """
    health = request.path == HEALTH
    if not health and request.path not in routes:
        probable = probable_route(request.path, routes)
        return json_message(NOT_FOUND, _no_route(probable))
    methods = READ_METHODS if health else EVENT_METHODS
    allow = {"Allow": ", ".join(methods)}
    if request.method == "OPTIONS":
        asked = request.path == CLOUDEVENTS and "webhook-request-origin" in request.headers
        return json_message(
            200, headers={**allow, **(_WEBHOOK_GRANT_HEADERS if asked and hook else {})}
        )
    if request.method not in methods:
        return json_message(405, f"Use {methods[0] if health else methods[1]}.", allow)
    if not health:
        return None
    return json_message(200, "ready") if ready else json_message(503, "not ready: see the log")


# What grants a sender of CloudEvents the right to deliver, section 4 of its web-hook specification.
_WEBHOOK_GRANT_HEADERS = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}


def _metrics_page(request: HttpRequest, metrics: "Metrics") -> HttpResponse:
    """Return the page that Prometheus scrapes."""
    if request.method in {"GET", "HEAD"}:
        return HttpResponse(200, metrics.page(), {"Content-Type": metrics.content_type})
    allow = {"Allow": ", ".join(READ_METHODS)}
    if request.method == "OPTIONS":
        return json_message(200, headers=allow)
    return json_message(405, "Use GET.", allow)


def _seconds(runtime: Runtime, remaining: float | None) -> float:
    """Return the seconds for one event: the operator's, or fewer where the platform has fewer."""
    # A second is left for the platform to send the answer.
    least = runtime.settings.deadline_seconds
    return least if remaining is None else max(min(least, remaining - 1), 0.0)


def handle_event(
    request: HttpRequest,
    channel: str,
    runtime: Runtime,
    *,
    credentials: Credentials | None = None,
    remaining: float | None = None,
) -> HttpResponse:
    """Return the answer to a request that is an event: its result, if it has one."""
    # The sender has counted since it sent, also while the request waited for a thread.
    began = runtime.clock.monotonic() - request.waited
    deadline = Deadline(began, _seconds(runtime, remaining))
    raw_event = RawEvent(
        channel=channel,
        body=request.body,
        received_at=runtime.clock.now(),
        headers=request.headers,
        too_large=request.too_large,
    )
    # The operator's own keys come first: those of the platform may have other rights.
    configured = runtime.settings.credentials
    result = run(raw_event, runtime, deadline, credentials=configured or credentials)
    if result is None:
        return HttpResponse(204)
    return HttpResponse(result.status, strict_json.dumps(result.event), result.headers)


def handle_request(
    request: HttpRequest,
    runtime: Runtime,
    *,
    credentials: Credentials | None = None,
    remaining: float | None = None,
) -> HttpResponse:
    """Return the answer to a request.

    `credentials` are those the platform sent with it, `remaining` the seconds it has left.
    """
    if request.path == METRICS and runtime.metrics is not None:
        return _metrics_page(request, runtime.metrics)
    # Closed routes are known, too: they answer 403, because some senders repeat after a 404.
    routes = channels(runtime.sources)
    hook = runtime.settings.auth.is_enabled("cloudevents")
    response = non_event_response(request, routes, ready=True, hook=hook)
    if response is not None:
        wrong_path = response.status == NOT_FOUND
        probable = probable_route(request.path, routes) if wrong_path else None
        if probable is not None:
            level = runtime.settings.log_level
            runtime.log("WARNING", _no_route(probable), min_level=level, route=probable)
        return response
    return handle_event(
        request, routes[request.path], runtime, credentials=credentials, remaining=remaining
    )

"""Routes: one HTTP request, from whichever door, to one HTTP answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..lib import strict_json
from ..lib.clock import Deadline
from ..model.event import Received, Source
from ..pipeline import Runtime, run
from ..settings.model import Credentials

SMN = "/smn"
HEALTH = "/health"
CLOUDEVENTS = "/"
READING, POSTING = ("GET", "HEAD", "OPTIONS"), ("OPTIONS", "POST")


class HttpRequest(NamedTuple):
    """A request; header names in lower case. A body that is too large is not kept."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    too_large: bool = False


class HttpAnswer(NamedTuple):
    """An answer to a request."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


def plain(status: int, text: str = "", headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """Return an answer that is no result event, because the request was no event."""
    body = strict_json.dumps({"message": text}) if text else ""
    return HttpAnswer(status, body, {"Content-Type": "application/json", **(headers or {})})


def channels(sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the channel of every route on which events may arrive."""
    routed = {source.route: name for name, source in sources.items() if source.route is not None}
    return {**routed, SMN: "smn"}


def no_event(
    request: HttpRequest, routes: Collection[str], *, ready: bool, hook: bool = False
) -> HttpAnswer | None:
    """Return the answer to a request that is no event, or None for an event.

    `ready` says that events would be taken, `hook` that CloudEvents may be delivered.
    """
    health = request.path == HEALTH
    if not health and request.path not in routes:
        return plain(404, "There is no such route.")
    methods = READING if health else POSTING
    allow = {"Allow": ", ".join(methods)}
    if request.method == "OPTIONS":
        asked = request.path == CLOUDEVENTS and "webhook-request-origin" in request.headers
        return plain(200, headers={**allow, **(_GRANT if asked and hook else {})})
    if request.method not in methods:
        return plain(405, f"Use {methods[0] if health else methods[1]}.", allow)
    if not health:
        return None
    return plain(200, "ready") if ready else plain(503, "not ready: see the log")


# What grants a sender of CloudEvents the right to deliver, section 4 of its web-hook specification.
_GRANT = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}


def _seconds(runtime: Runtime, remaining: float | None) -> float:
    """Return the seconds for one event: the operator's, or fewer where the platform has fewer."""
    least = runtime.settings.deadline_seconds
    return least if remaining is None else max(min(least, remaining - 1), 0.0)


def take(
    request: HttpRequest,
    channel: str,
    runtime: Runtime,
    *,
    credentials: Credentials | None = None,
    remaining: float | None = None,
) -> HttpAnswer:
    """Return the answer to a request that is an event: its result, if it has one."""
    deadline = Deadline(runtime.clock.monotonic(), _seconds(runtime, remaining))
    received = Received(
        channel=channel,
        body=request.body,
        at=runtime.clock.now(),
        headers=request.headers,
        too_large=request.too_large,
    )
    own = runtime.settings.credentials
    result = run(received, runtime, deadline, credentials=own or credentials)
    if result is None:
        return HttpAnswer(204)
    return HttpAnswer(result.status, strict_json.dumps(result.event), result.headers)


def answer(
    request: HttpRequest,
    runtime: Runtime,
    *,
    credentials: Credentials | None = None,
    remaining: float | None = None,
) -> HttpAnswer:
    """Return the answer to a request.

    `credentials` are those the platform sent with it, `remaining` the seconds it has left.
    """
    routes = channels(runtime.sources)
    hook = runtime.settings.proofs.opens("cloudevents")
    found = no_event(request, routes, ready=True, hook=hook)
    if found is not None:
        return found
    return take(
        request, routes[request.path], runtime, credentials=credentials, remaining=remaining
    )

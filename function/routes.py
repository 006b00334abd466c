"""Routes: one HTTP request, from whichever door, to one HTTP answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import strict_json
from .clock import Deadline
from .model import Received
from .pipeline import Runtime, run
from .settings import Credentials

SMN = "/smn"
HEALTH = "/health"
CLOUDEVENTS = "/"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; header names in lower case. A body that is too large is not kept."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to a request."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def _plain(status: int, text: str, **headers: str) -> HttpAnswer:
    """Return an answer that is no result event, because the request was no event."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = strict_json.dumps({"message": text}) if text else ""
    return HttpAnswer(status, body, {"Content-Type": "application/json", **names})


def _channels(runtime: Runtime) -> dict[str, str]:
    """Return the channel of every route on which events may arrive."""
    routed = {
        source.route: name for name, source in runtime.sources.items() if source.route is not None
    }
    return {**routed, SMN: "smn"}


def _handshake(request: HttpRequest, runtime: Runtime) -> HttpAnswer:
    """Answer OPTIONS; for CloudEvents, see section 4 of its web-hook specification."""
    asked = "webhook-request-origin" in request.headers
    if request.path == CLOUDEVENTS and asked and runtime.settings.proofs.opens("cloudevents"):
        return _plain(200, "", Allow="POST", WebHook_Allowed_Origin="*", WebHook_Allowed_Rate="*")
    return _plain(200, "", Allow="OPTIONS, POST")


def _seconds(runtime: Runtime, remaining: float | None) -> float:
    """Return the seconds for one event: the operator's, or fewer where the platform has fewer."""
    least = runtime.settings.deadline_seconds
    return least if remaining is None else max(min(least, remaining - 1), 0.5)


def _event(
    request: HttpRequest,
    channel: str,
    runtime: Runtime,
    *,
    credentials: Credentials | None,
    seconds: float,
) -> HttpAnswer:
    clock = runtime.clock
    deadline = Deadline(clock.monotonic(), seconds)
    received = Received(
        channel=channel,
        body=request.body,
        at=clock.now(),
        headers=request.headers,
        too_large=request.too_large,
    )
    result = run(received, runtime, deadline, credentials=credentials)
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
    if request.path == HEALTH:
        if request.method not in {"GET", "HEAD"}:
            return _plain(405, "Use GET.", Allow="GET, HEAD")
        return _plain(200, "ready")
    channel = _channels(runtime).get(request.path)
    if channel is None:
        return _plain(404, "There is no such route.")
    if request.method == "OPTIONS":
        return _handshake(request, runtime)
    if request.method != "POST":
        return _plain(405, "Use POST.", Allow="OPTIONS, POST")
    return _event(
        request,
        channel,
        runtime,
        credentials=runtime.settings.credentials or credentials,
        seconds=_seconds(runtime, remaining),
    )

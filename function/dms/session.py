"""The API session of one event: reads, which may be repeated, and the call, which must not be."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from requests import PreparedRequest

from ..lib.clock import Clock, Deadline
from ..lib.send_gate import Gate, NoResponse, SendCancelled, Stage
from ..lib.threads import DeadlineExceeded, ThreadUnavailable, gather
from ..lib.transport import Client, RawResponse
from ..model.cloud_state import ApiResponse
from ..model.errors import StateUnreadable
from ..settings.model import Credentials, OutboundSettings
from . import responses
from .signing import Signer, TokenAuth

T = TypeVar("T")
# Three attempts with their pauses fit into the 1.8 s that an event of 4.5 s has for reads.
MAX_REPEATS = 2
FIRST_PAUSE_SECONDS = 0.1  # doubled each time
# Statuses of passing failures. 429 is not among them: refused calls count against the limit.
RETRYABLE_STATUSES = frozenset({408, 500, 502, 503, 504})
_JITTER = random.SystemRandom()  # without a state that forked copies would share
# A compressed body could unpack to any size, and the signature covers the Content-Type.
HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


def _authentication(
    credentials: Credentials | None, project_id: str, clock: Clock
) -> Callable[[PreparedRequest], PreparedRequest]:
    if credentials is None:
        return lambda request: request
    if credentials.auth_token is not None:
        return TokenAuth(token=credentials.auth_token, project_id=project_id)
    return Signer(
        access_key=str(credentials.access_key),
        secret_key=str(credentials.secret_key),
        security_token=credentials.security_token,
        project_id=project_id,
        clock=clock.now,
    )


def _host(url: str) -> str:
    """Return host and port of a URL, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


class DmsSession:
    """The API of one project, for the length of one event.

    Nothing is sent after it is closed. `attempts` counts the changing calls that may have arrived.
    """

    def __init__(
        self,
        outbound: OutboundSettings,
        credentials: Credentials | None,
        *,
        clock: Clock,
        deadline: Deadline,
        http_client: Callable[..., Client] = Client,
    ) -> None:
        self.deadline = deadline
        self.attempts = 0
        self._skews: list[int] = []
        self.platform_credentials = credentials is not None and credentials.from_platform
        self._outbound = outbound
        self._clock = clock
        self._http_client = http_client
        self._authentication = _authentication(credentials, outbound.project_id, clock)
        self._secrets = credentials.secrets() if credentials else ()
        self._base = f"{outbound.endpoint}/v2/{outbound.project_id}"
        # Connections of reads that have ended, for the next read of this event.
        self._idle: queue.SimpleQueue[Client] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._clients: list[Client] = []
        self._readers: list[Client] = []
        self._throttled: ApiResponse | None = None

    def close(self) -> None:
        """Close every connection of the event, and open none for threads that were abandoned."""
        with self._lock:
            self._closed = True
            # Not kept, because the gate of one leads back here: memory would be free, and the keys
            # gone, only when Python looks for cycles.
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    @property
    def url(self) -> str:
        """Where the API is, with the project."""
        return self._base

    def remaining(self, until: float) -> float:
        """Return the seconds left until a point on the monotonic clock."""
        return until - self._clock.monotonic()

    def sleep(self, seconds: float, *, until: float) -> None:
        """Sleep with jitter before a retry, at most to `until` on the monotonic clock."""
        jittered = min(seconds * _JITTER.uniform(1, 1.25), self.remaining(until))
        if jittered > 0:  # sleeping for 0 seconds still gives up the processor
            self._clock.sleep(jittered)

    def now(self) -> datetime:
        """Return the time of day."""
        return self._clock.now()

    def open_client(self, gate: Gate | None = None) -> Client:
        """Return a client for this event; raise SendCancelled when the event is over."""
        outbound = self._outbound
        client = self._http_client(
            ca_bundle_file=outbound.ca_bundle_file, proxy_url=outbound.proxy_url, gate=gate
        )
        with self._lock:
            if self._closed:
                raise SendCancelled
            self._clients.append(client)
        return client

    def signed_request(
        self, path: str, query: Mapping[str, Any], body: bytes | None
    ) -> PreparedRequest:
        """Return a signed request; its parts are checked by now, so nothing is prepared twice."""
        request = PreparedRequest()
        request.method = "GET" if body is None else "POST"
        request.url = self._base + path + (f"?{urlencode(query)}" if query else "")
        # A mapping that ignores the case of names costs 20 µs a request.
        request.headers = dict(HEADERS)  # type: ignore[assignment]  # each has one spelling here
        if body is not None:
            request.body = body
            request.headers["Content-Length"] = str(len(body))
        return self._authentication(request)

    def sign(self, request: PreparedRequest) -> PreparedRequest:
        """Return a request to another service of the cloud, signed with the same credentials."""
        return self._authentication(request)

    def parse(self, answer: RawResponse) -> ApiResponse:
        """Return an HTTP response as the answer of the API, with our secrets redacted."""
        response = responses.parse_response(answer, self._clock.now(), self._secrets)
        if response.clock_skew_seconds is not None:
            self._skews.append(response.clock_skew_seconds)
        return response

    @property
    def clock_skew_seconds(self) -> int:
        """How far our clock is ahead of the cloud's, by the Date of the answers so far.

        Where they differ, the earliest time counts, by which a restart was the least long ago.
        """
        return max(self._skews, default=0)

    def no_response(
        self, failure: NoResponse, *, possibly_sent: bool, timed_out: bool = False
    ) -> ApiResponse:
        """Return what to make of an exchange that failed: how far it came, and with which host."""
        outbound = self._outbound
        proxy = _host(outbound.proxy_url) if outbound.proxy_url else None
        return ApiResponse(
            possibly_sent=possibly_sent,
            timed_out=timed_out,
            problem=responses.failure_text(failure, _host(outbound.endpoint), proxy),
            lasting=failure.lasting,
        )

    def _get_once(self, path: str, parameters: Mapping[str, Any], seconds: float) -> ApiResponse:
        """Send one read over an idle connection of the event, or over a new one."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self.open_client()
            self._readers.append(client)
        request = self.signed_request(path, parameters, None)
        try:
            # A slow answer may take all the time there is; a host that does not take a connection
            # gets half of it, so that another address of the same name is tried as well.
            answer = client.send(request, read_timeout=seconds, connect_timeout=seconds / 2)
        except NoResponse as failure:
            client.close()
            return self.no_response(failure, possibly_sent=True)
        self._idle.put(client)
        return self.parse(answer)

    def _seconds_before_repeat(self, response: ApiResponse, attempt: int) -> float | None:
        """Return the pause before a read is repeated; None: it is not repeated.

        The gateway counts by the minute, and refused calls count, too: so a throttled read is
        repeated only once, where the cloud says when, and not when the call has been sent.
        """
        if response.throttled:
            repeats = attempt == 0 and self.attempts == 0
            return response.retry_after_seconds(self.now()) if repeats else None
        unclear = response.status is None or response.status in RETRYABLE_STATUSES
        return FIRST_PAUSE_SECONDS * 2**attempt if unclear and attempt < MAX_REPEATS else None

    def get(
        self, path: str, until: float, *, repeats: int = MAX_REPEATS, **parameters: Any
    ) -> ApiResponse:
        """Return the answer to a read, repeated while it is unclear and there is time.

        After a throttled read this event reads nothing else: it would be refused and counted.
        """
        response = ApiResponse(possibly_sent=False, timed_out=True)
        for attempt in range(repeats + 1):
            if self._throttled is not None:
                return self._throttled
            if self.remaining(until) <= 0:
                break
            response = self._get_once(path, parameters, self.remaining(until))
            seconds = self._seconds_before_repeat(response, attempt)
            if seconds is None or seconds >= self.remaining(until):
                break
            self.sleep(seconds, until=until)
        if response.throttled:
            self._throttled = response
        return response

    def _timeout_text(self) -> str:
        """Say how far the slowest of the reads has come."""
        stages = {client.stage for client in self._readers}
        slowest = next((stage for stage in Stage if stage in stages), Stage.ANSWER)
        return str(
            self.no_response(NoResponse(slowest, timed_out=True), possibly_sent=True).problem
        )

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, until: float) -> list[T]:
        """Return what all the work returns, or raise StateUnreadable, at `until` at the latest."""
        try:
            return gather(works, threads=threads, seconds=self.remaining(until))
        except DeadlineExceeded:
            raise StateUnreadable(self._timeout_text(), transient=True) from None
        except ThreadUnavailable:
            raise StateUnreadable("this machine gives no more threads", transient=True) from None

"""One event's exchanges with the API: reads, which may be repeated, and the call, which may not."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from ..lib import strict_json
from ..lib.clock import Clock, Deadline
from ..lib.send_gate import CalledOff, Gate, NoAnswer
from ..lib.threads import NoThread, TookTooLong, gather, within
from ..lib.transport import Answer, Client
from ..model.cloud_state import ApiReply
from ..model.decision import ApiCall
from ..model.errors import StateUnreadable
from ..settings.model import Credentials, Outgoing
from . import responses
from .signing import Signer, TokenAuth

T = TypeVar("T")
TRIES = 3
REPEATED = frozenset({408, 429, 500, 502, 503, 504})
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


class Api:
    """The API of one project, for the length of one event.

    Nothing is sent after it is closed. `attempts` counts the changing calls that may have arrived.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        credentials: Credentials | None,
        *,
        clock: Clock,
        deadline: Deadline,
    ) -> None:
        self.deadline = deadline
        self.attempts = 0
        self.platform_credentials = credentials is not None and credentials.from_platform
        self._outgoing = outgoing
        self._clock = clock
        self._authentication = _authentication(credentials, outgoing.project_id, clock)
        self._secrets = credentials.texts() if credentials else ()
        self._base = f"{outgoing.endpoint}/v2/{outgoing.project_id}"
        self._idle: queue.SimpleQueue[Client] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._clients: list[Client] = []

    def close(self) -> None:
        """Close every connection of the event, and open none for threads that were abandoned."""
        with self._lock:
            self._closed = True
        for client in self._clients:
            client.close()

    def remaining(self, until: float) -> float:
        """Return the seconds left until a point on the monotonic clock."""
        return until - self._clock.monotonic()

    def pause(self, seconds: float, *, until: float) -> None:
        """Let time pass, with jitter, before something is tried again; at most until a moment."""
        jittered = seconds * random.uniform(1, 1.25)  # noqa: S311 - jitter, no secret
        time.sleep(max(min(jittered, self.remaining(until)), 0))

    def now(self) -> datetime:
        """Return the time of day."""
        return self._clock.now()

    def _client(self, gate: Gate | None = None) -> Client:
        outgoing = self._outgoing
        client = Client(
            ca_bundle_file=outgoing.ca_bundle_file, proxy_url=outgoing.proxy_url, gate=gate
        )
        with self._lock:
            if self._closed:
                raise CalledOff
            self._clients.append(client)
        return client

    def _request(self, path: str, query: Mapping[str, Any], body: bytes | None) -> PreparedRequest:
        """Return a signed request; its parts are checked by now, so nothing is prepared twice."""
        request = PreparedRequest()
        request.method = "GET" if body is None else "POST"
        request.url = self._base + path + (f"?{urlencode(query)}" if query else "")
        request.headers = CaseInsensitiveDict(HEADERS)
        if body is not None:
            request.body = body
            request.headers["Content-Length"] = str(len(body))
        return self._authentication(request)

    def _reply(self, answer: Answer) -> ApiReply:
        return responses.reply(answer, self._clock.now(), self._secrets)

    def _get_once(self, path: str, parameters: Mapping[str, Any], seconds: float) -> ApiReply:
        """Send one read over an idle connection of the event, or over a new one."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._client()
        request = self._request(path, parameters, None)
        try:
            answer = client.exchange(request, seconds=seconds)
        except NoAnswer:
            client.close()
            return ApiReply(arrived=True)
        self._idle.put(client)
        return self._reply(answer)

    def get(self, path: str, until: float, **parameters: Any) -> ApiReply:
        """Return the answer to a read, repeated while it is unclear and there is time."""
        reply = ApiReply(arrived=False, late=True)
        for attempt in range(TRIES):
            if attempt:
                self.pause(0.05 * 2**attempt, until=until)
            if self.remaining(until) <= 0:
                break
            reply = self._get_once(path, parameters, max(self.remaining(until) / 2, 0.1))
            if reply.status is not None and reply.status not in REPEATED:
                break
        return reply

    def gather(self, works: Sequence[Callable[[], T]], *, threads: int, until: float) -> list[T]:
        """Return what all the work returns, or raise StateUnreadable, at the latest when told."""
        try:
            return gather(works, threads=threads, seconds=self.remaining(until))
        except TookTooLong:
            raise StateUnreadable("the cloud did not answer in time", passing=True) from None
        except NoThread:
            raise StateUnreadable("this machine gives no more threads", passing=True) from None

    def act(self, call: ApiCall) -> ApiReply:
        """Send the one call that changes anything, over a connection of its own; never twice.

        At the deadline the gate is closed: what has not been sent by then is not sent at all.
        """
        seconds = self.remaining(self.deadline.sending)
        if seconds <= 0:
            return ApiReply(arrived=False, late=True)
        gate = Gate(once=True)
        client = self._client(gate)
        request = self._request("/instances/action", {}, strict_json.dumps(call.body).encode())
        late = False
        try:
            # The wait for the answer is the deadline's to end, never that of the socket.
            answer = within(
                seconds,
                lambda: client.exchange(request, seconds=seconds + 1, connecting=seconds / 2),
            )
        except TookTooLong:
            late = True
        except (NoAnswer, NoThread):
            pass
        else:
            return self._reply(answer)
        finally:
            self.attempts += gate.close()
            client.close()
        return ApiReply(arrived=gate.passed, late=late)

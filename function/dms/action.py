"""The one call that changes anything in the cloud, and what `execute` needs around it.

No other file opens a one-shot gate, and nothing is posted without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from ..lib import strict_json
from ..lib.send_gate import Gate, NoResponse, SendCancelled
from ..lib.threads import DeadlineExceeded, Task, ThreadUnavailable, call_with_timeout, start
from ..model.cloud_state import ApiResponse, InstanceState
from ..model.decision import ActionCall
from .inventory import Inventory
from .session import DmsSession

Reread = Callable[[Inventory, tuple[str, ...]], Mapping[str, InstanceState]]


class _Line:
    """A connection for one request, not connected yet, and the gate in front of it."""

    def __init__(self, session: DmsSession) -> None:
        until = session.deadline.send_until
        self.gate = Gate(once=True, is_late=lambda: session.remaining(until) <= 0)
        self.client = session.open_client(self.gate)


class ActionSender:
    """Sends the one call of an event over its own connection, never twice.

    On a network connecting takes a round trip, and TLS another. So the connection can be opened
    while the live state is read; where nothing is to be sent, it is closed with the session.
    """

    def __init__(self, session: DmsSession) -> None:
        self._session = session
        self._early: tuple[_Line, Task[None]] | None = None

    def open_early(self) -> None:
        """Begin to open the connection; nothing waits for it, and it may fail."""
        session = self._session
        with suppress(SendCancelled, ThreadUnavailable):
            line = _Line(session)
            seconds = max(session.remaining(session.deadline.send_until), 0)
            opening = start(partial(line.client.open, session.url, timeout=seconds))
            self._early = line, opening

    def _line(self, seconds: float) -> _Line:
        """Return the line that was opened early, the first time, or a new line if that failed."""
        early, self._early = self._early, None
        if early is None:
            return _Line(self._session)
        line, opening = early
        try:
            opening.result(seconds)
        except (NoResponse, DeadlineExceeded):
            line.client.close()
            return _Line(self._session)
        return line

    def send(self, call: ActionCall) -> ApiResponse:
        """Send a call once; the deadline closes the gate: what is not sent by then never is."""
        session = self._session
        seconds = session.remaining(session.deadline.send_until)
        if seconds <= 0:
            return ApiResponse(possibly_sent=False, timed_out=True)
        line = self._line(seconds / 2)
        return self._exchange(line, call)

    def _exchange(self, line: _Line, call: ActionCall) -> ApiResponse:
        session, gate, client = self._session, line.gate, line.client
        seconds = session.remaining(session.deadline.send_until)
        body = strict_json.dumps(call.body).encode()
        request = session.signed_request("/instances/action", {}, body)
        # The socket waits longer than the deadline, so that the deadline alone decides.
        send = partial(client.send, request, read_timeout=seconds + 1, connect_timeout=seconds / 2)
        timed_out = False
        try:
            return session.parse(call_with_timeout(seconds, send))
        except DeadlineExceeded:
            failure, timed_out = NoResponse(client.stage, timed_out=True), True
        except NoResponse as problem:
            failure, timed_out = problem, isinstance(problem, SendCancelled)
        except ThreadUnavailable:
            return ApiResponse(possibly_sent=False, problem="this machine gives no more threads")
        finally:
            session.attempts += gate.close()
            client.close()
        return session.no_response(failure, possibly_sent=gate.sending_begun, timed_out=timed_out)


def post_action(session: DmsSession, call: ActionCall) -> ApiResponse:
    """Send one call over a connection that is opened for it now."""
    return ActionSender(session).send(call)


class DmsActions:
    """Implements the port of `execute`: sends the call and reads again, within the deadline."""

    def __init__(
        self,
        session: DmsSession,
        sender: ActionSender,
        *,
        announce: Callable[[ActionCall], None],
        look: Reread,
    ) -> None:
        self.platform_credentials = session.platform_credentials
        self._session = session
        self._sender = sender
        self._announce = announce
        self._look = look

    def send(self, call: ActionCall) -> ApiResponse:
        """Announce the call, so that a run that is killed leaves a trace, and send it once."""
        self._announce(call)
        return self._sender.send(call)

    def read_states(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        """Read instances again; raise StateUnreadable when that does not work."""
        inventory = Inventory(self._session, until=self._session.deadline.confirm_until)
        return self._look(inventory, instances)

    def _sleep(self, seconds: float, *, until: float) -> bool:
        if seconds >= self._session.remaining(until):
            return False
        self._session.sleep(seconds, until=until)
        return self._session.remaining(until) > 0

    def now(self) -> datetime:
        """Return the time of day."""
        return self._session.now()

    def sleep_before_send(self, seconds: float) -> bool:
        """Sleep before the call is sent again; False when there is no time for it."""
        return self._sleep(seconds, until=self._session.deadline.send_until)

    def sleep_before_read(self, seconds: float) -> bool:
        """Sleep before instances are read again; False when there is no time for it."""
        return self._sleep(seconds, until=self._session.deadline.confirm_until)

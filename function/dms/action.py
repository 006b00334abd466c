"""The one call that changes anything in the cloud, and what `execute` needs around it.

No other file opens a one-shot gate, and nothing is posted without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from ..lib import strict_json
from ..lib.send_gate import Gate, NoResponse
from ..lib.threads import DeadlineExceeded, ThreadUnavailable, call_with_timeout
from ..model.cloud_state import ApiResponse, InstanceState
from ..model.decision import ActionCall
from .inventory import Inventory
from .session import DmsSession

Reread = Callable[[Inventory, tuple[str, ...]], Mapping[str, InstanceState]]


def post_action(session: DmsSession, call: ActionCall) -> ApiResponse:
    """Send the one call that changes anything, over a connection of its own; never twice.

    The deadline closes the gate: what has not been sent by then is not sent at all.
    """
    seconds = session.remaining(session.deadline.send_until)
    if seconds <= 0:
        return ApiResponse(possibly_sent=False, timed_out=True)
    gate = Gate(once=True)
    client = session.open_client(gate)
    request = session.signed_request("/instances/action", {}, strict_json.dumps(call.body).encode())
    # The socket waits longer than the deadline, which closes it: only one of them may decide.
    send = partial(client.send, request, read_timeout=seconds + 1, connect_timeout=seconds / 2)
    timed_out = False
    try:
        return session.parse(call_with_timeout(seconds, send))
    except DeadlineExceeded:
        failure, timed_out = NoResponse(client.stage, timed_out=True), True
    except NoResponse as problem:
        failure = problem
    except ThreadUnavailable:
        return ApiResponse(possibly_sent=False, problem="this machine gives no more threads")
    finally:
        session.attempts += gate.close()
        client.close()
    return session.no_response(failure, possibly_sent=gate.sending_begun, timed_out=timed_out)


class DmsActions:
    """Sends and looks through one event's API, within the deadline of that event."""

    def __init__(
        self, session: DmsSession, *, announce: Callable[[ActionCall], None], look: Reread
    ) -> None:
        self.platform_credentials = session.platform_credentials
        self._session = session
        self._announce = announce
        self._look = look

    def send(self, call: ActionCall) -> ApiResponse:
        """Announce the call, so that a run that is killed leaves a trace, and send it once."""
        self._announce(call)
        return post_action(self._session, call)

    def read_states(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        """Read instances again; raise StateUnreadable when that does not work."""
        inventory = Inventory(self._session, until=self._session.deadline.confirm_until)
        return inventory.with_deadline(lambda: self._look(inventory, instances))

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

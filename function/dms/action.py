"""Hands: what executing needs of the world, over the API of one event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.cloud_state import ApiReply, InstanceState
from ..model.decision import ApiCall
from ..policy.call_result import Fate, retry_after
from .inventory import Cloud
from .session import Api

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0

Look = Callable[[Cloud, tuple[str, ...]], Mapping[str, InstanceState]]


class ApiHands:
    """Sends and looks through one event's API, within the deadline of that event."""

    def __init__(self, api: Api, *, announce: Callable[[ApiCall], None], look: Look) -> None:
        self.platform_credentials = api.platform_credentials
        self._api = api
        self._announce = announce
        self._look = look

    def send(self, call: ApiCall) -> ApiReply:
        """Announce the call, so that a run that is killed leaves a trace, and send it once."""
        self._announce(call)
        return self._api.act(call)

    def look(self, instances: tuple[str, ...]) -> Mapping[str, InstanceState]:
        """Read instances again; raise StateUnreadable when that does not work."""
        cloud = Cloud(self._api, until=self._api.deadline.confirming)
        return cloud.bounded(lambda: self._look(cloud, instances))

    def _pause(self, seconds: float, *, until: float) -> bool:
        if seconds >= self._api.remaining(until):
            return False
        self._api.pause(seconds, until=until)
        return self._api.remaining(until) > 0

    def wait_to_send(self, reply: ApiReply, found: Fate, attempt: int) -> bool:
        """Wait as long as the cloud asks, or a little, before sending again; False: no time."""
        if found is Fate.THROTTLED:
            seconds = retry_after(reply, self._api.now())
        else:
            seconds = FIRST_PAUSE_SECONDS * 2**attempt
        return seconds is not None and self._pause(seconds, until=self._api.deadline.sending)

    def wait_to_look(self, attempt: int) -> bool:
        """Wait a little before every look but the first; False: no time."""
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
        return self._pause(seconds if attempt else 0, until=self._api.deadline.confirming)

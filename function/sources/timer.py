"""FunctionGraph timers: the request document is the text of `user_event`.

>>> event = parse({"version": "v1.0", "time": "2023-06-01T08:30:00+08:00", "trigger_type": "TIMER",
...     "trigger_name": "nightly-purge", "user_event": '{"action":"purge_failed"}'})
>>> event.intents[0].action, event.id, event.name
(<Action.PURGE_FAILED: 'purge_failed'>, 'nightly-purge 2023-06-01T08:30:00+08:00', 'nightly-purge')
"""

from __future__ import annotations

from typing import Any

from ..lib import strict_json, timestamps
from ..model.event import AuthMethod, Event, Source
from . import _request_document
from ._request_document import UNATTENDED_ACTIONS


def parse(document: dict[str, Any]) -> Event:
    """Return what a timer asks for; its name and time are its id, since it has no other."""
    request: Any = strict_json.loads(document["user_event"])
    name, time = document["trigger_name"], document["time"]
    # No other member tells one firing of a timer from the next.
    event = _request_document.parse(request)
    return event._replace(id=f"{name} {time}", sent_at=timestamps.parse(time), name=name)


SOURCE = Source(
    parse=parse,
    actions=UNATTENDED_ACTIONS,
    auth_methods=(AuthMethod.PLATFORM,),
)

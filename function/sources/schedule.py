"""Schedules: a bare request document that a scheduler passes to the event entrypoint.

>>> parse({"action": "purge_failed"}).intents[0].action
<Action.PURGE_FAILED: 'purge_failed'>
"""

from __future__ import annotations

from ..model.event import AuthMethod, Source
from ._request_document import UNATTENDED_ACTIONS, parse

SOURCE = Source(
    parse=parse,
    actions=UNATTENDED_ACTIONS,
    auth_methods=(AuthMethod.PLATFORM,),
)

"""Schedules: a bare request document that a scheduler hands to the event door.

>>> read({"action": "purge_failed"}).intents[0].action
<Action.PURGE_FAILED: 'purge_failed'>
"""

from __future__ import annotations

from ..model.event import Action, Proof, Source
from ._request_document import read

SOURCE = Source(
    read=read,
    actions=frozenset({Action.RESTART, Action.PURGE_FAILED}),
    proofs=(Proof.PLATFORM,),
)

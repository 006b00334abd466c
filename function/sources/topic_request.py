"""Topic requests: a request document as the message of an SMN or SNS topic; restart only.

>>> parse({"action": "purge_failed"}).intents[0].action in SOURCE.actions
False
"""

from __future__ import annotations

from ..model.event import Action, Source
from ._request_document import parse

# Many may publish to a topic, so it may ask for no more than an alarm does.
SOURCE = Source(parse=parse, actions=frozenset({Action.RESTART}))

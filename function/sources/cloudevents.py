"""CloudEvents: a ping of Knative or a request, each with the request document as its data.

>>> event = parse({"specversion": "1.0", "id": "7", "source": "/apis/v1/namespaces/default/pings/p",
...     "type": "dev.knative.sources.ping", "data": {"action": "purge_failed"}})
>>> event.intents[0].action, event.id, event.origin, event.sent_at, event.name
(<Action.PURGE_FAILED: 'purge_failed'>, '7', '/apis/v1/namespaces/default/pings/p', None, \
'dev.knative.sources.ping')
"""

from __future__ import annotations

from typing import Any

from ..lib import timestamps
from ..model.event import AuthMethod, Event, Source
from . import _request_document
from ._request_document import UNATTENDED_ACTIONS


def parse(document: dict[str, Any]) -> Event:
    """Return what a CloudEvent asks for; only source and id together identify it."""
    event = _request_document.parse(document["data"])
    return event._replace(
        id=document["id"],
        origin=document["source"],
        # `time` is optional in CloudEvents, and never invented here.
        sent_at=timestamps.parse(document.get("time")) or event.sent_at,
        name=document["type"],
        traceparent=document.get("traceparent"),
    )


SOURCE = Source(
    parse=parse,
    actions=UNATTENDED_ACTIONS,
    route="/",
    auth_methods=(AuthMethod.BEARER, AuthMethod.STANDARD_WEBHOOKS),
)

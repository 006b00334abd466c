"""CloudEvents: a ping of Knative or a request, each with the request document as its data.

>>> event = read({"specversion": "1.0", "id": "7", "source": "/apis/v1/namespaces/default/pings/p",
...     "type": "dev.knative.sources.ping", "data": {"action": "purge_failed"}})
>>> event.intents[0].action, event.id, event.origin, event.sent, event.name
(<Action.PURGE_FAILED: 'purge_failed'>, '7', '/apis/v1/namespaces/default/pings/p', None, \
'dev.knative.sources.ping')
"""

from __future__ import annotations

from typing import Any

from ..lib import timestamps
from ..model.event import Action, Event, Proof, Source
from . import _request_document


def read(document: dict[str, Any]) -> Event:
    """Return what a CloudEvent asks for; only source and id together make it one of a kind."""
    event = _request_document.read(document["data"])
    return event._replace(
        id=document["id"],
        origin=document["source"],
        sent=timestamps.parse(document.get("time")) or event.sent,
        name=document["type"],
        traceparent=document.get("traceparent"),
    )


SOURCE = Source(
    read=read,
    actions=frozenset({Action.RESTART, Action.PURGE_FAILED}),
    route="/",
    proofs=(Proof.BEARER, Proof.STANDARD_WEBHOOKS),
)

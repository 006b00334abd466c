"""Tell by the shape of a payload which source it is, so that it need not be named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ..entrypoints import routes, triggers
from ..intake import cloudevents_http, unwrap
from ..lib import strict_json
from ..lib.schemas import Schema, Schemas, Violation
from ..model.errors import EventRejected
from ..model.event import AuthMethod, RawEvent, Source, SubscriptionNotice
from ._files import UsageError

# Names for the envelope of a topic service; the message inside decides the source.
TOPIC_SERVICES = ("smn", "sns")
SMN_TYPES = frozenset({"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"})


class Recognized(NamedTuple):
    """The events in one payload, each as a platform would hand it over, which authenticates it.

    `source` is the name of the source, or of the topic service where only the message in it tells;
    None where the shape tells neither. `assumption` says what was guessed.
    """

    raw_events: tuple[RawEvent, ...]
    source: str | None = None
    assumption: str | None = None


class Recognizer:
    """Recognizes payloads by the sources and schemas that there are."""

    def __init__(self, sources: Mapping[str, Source], schemas: Schemas) -> None:
        self._sources = sources
        self._schemas = schemas

    def recognize(self, body: bytes, at: datetime, *, source: str | None = None) -> Recognized:
        """Return the events in a payload that arrives at a moment; `source` overrides the shape."""
        source = None if source in TOPIC_SERVICES else source
        try:
            document: Any = strict_json.loads(body)
        except strict_json.InvalidJSON:
            return self._of_source(source or "unknown", body, at)
        # First what wraps others: a gateway a request, SMN a message, a trigger its records.
        request = triggers.http_request(document)
        if request is not None:
            return self._of_request(request, at)
        if _is_smn_message(document):
            return Recognized((RawEvent("smn", body, at),), "smn")
        raw_events = triggers.received(document, at)
        if raw_events[0].channel in {"trigger/smn", "trigger/sns"}:
            return Recognized(raw_events, raw_events[0].channel.removeprefix("trigger/"))
        if source is not None:
            return self._of_source(source, body, at)
        return self._of_shape(document, body, at)

    def _of_source(
        self, name: str, body: bytes, at: datetime, assumption: str | None = None
    ) -> Recognized:
        source = self._sources.get(name)
        if source is not None and _comes_by_topic(source):
            raw_event = _topic_message({"message": body.decode("utf-8", "replace")}, at)
        else:
            raw_event = RawEvent(f"trigger/{name}", body, at)
        # As the entrypoints do: a larger body is not parsed, and rejected as too_large.
        raw_event = raw_event._replace(too_large=len(body) > strict_json.LIMIT)
        return Recognized((raw_event,), name if source is not None else None, assumption)

    def _of_request(self, request: routes.HttpRequest, at: datetime) -> Recognized:
        """Take the body of a request to one of our routes."""
        channels = routes.channels(self._sources)
        channel = channels.get(request.path)
        if channel is None:
            probable = routes.probable_route(request.path, channels)
            hint = f"; did you mean {probable}?" if probable else ""
            raise UsageError(f"the path in this gateway event is no route{hint}")
        if request.method.upper() != "POST":
            raise UsageError("the request in this gateway event is no POST, so it is no event")
        if channel == "smn":
            return Recognized((RawEvent("smn", request.body, at),), "smn")
        return self._of_source(channel, self._structured(request, channel, at), at)

    def _structured(self, request: routes.HttpRequest, channel: str, at: datetime) -> bytes:
        """Return the body of a request; of a CloudEvent in binary mode with its attributes.

        What makes the headers wrong is no part of the payload: the body is explained as it is.
        """
        raw_event = RawEvent(channel, request.body, at, request.headers, request.too_large)
        try:
            unwrapped = unwrap.unwrap(raw_event, self._sources, self._schemas)
            if unwrapped.attributes is None:
                return request.body
            data = strict_json.loads(request.body)
            event = cloudevents_http.from_binary_mode(unwrapped.attributes, data)
        except (EventRejected, strict_json.InvalidJSON):
            return request.body
        return strict_json.dumps(event).encode()

    def _of_shape(self, document: Any, body: bytes, at: datetime) -> Recognized:
        """Take the source whose schema accepts the document, else the one it is most like."""
        scores = {name: self._score(name, document) for name in self._sources}
        best = max(scores, key=lambda name: scores[name])
        # Nothing of it is known, so it is taken for what no source reads, and is rejected as that.
        if scores[best] == (False, 0):
            hint = f"It is like no source; --source takes it for one of {', '.join(scores)}."
            return self._of_source("unknown", body, at, hint)
        accepting = [name for name, (accepted, _) in scores.items() if accepted]
        if len(accepting) < 2:
            guess = None if accepting else f"Its shape is most like {best} (--source overrides)."
            return self._of_source(best, body, at, guess)
        others = ", ".join(name for name in accepting if name != best)
        return self._of_source(
            best, body, at, f"It came to {best}; --source takes it for one of {others}."
        )

    def _score(self, name: str, document: Any) -> tuple[bool, int]:
        """Tell whether a schema accepts a document, and how many marks of it the document has."""
        marks = _marks(self._schemas.schema(f"events/{name}"), document)
        try:
            self._schemas.check(f"events/{name}", document)
        except Violation:
            return False, marks
        return True, marks


def _is_smn_message(document: Any) -> bool:
    return isinstance(document, dict) and "topic_urn" in document and _type(document) in SMN_TYPES


def open_smn(
    raw_event: RawEvent, sources: Mapping[str, Source], schemas: Schemas
) -> RawEvent | SubscriptionNotice:
    """Return a message of SMN over HTTPS as FunctionGraph's trigger delivers it: unsigned.

    A message about the subscription itself carries no event; EventRejected where it is none of SMN.
    """
    unwrapped = unwrap.unwrap(raw_event, sources, schemas)
    if unwrapped.notice is not None:
        return unwrapped.notice
    message: Any = strict_json.loads(raw_event.body)
    shared = ("topic_urn", "message", "message_id", "subject", "timestamp")
    return _topic_message({key: message.get(key) for key in shared}, raw_event.received_at)


def _topic_message(message: Mapping[str, Any], at: datetime) -> RawEvent:
    """Return a message of a topic as FunctionGraph's trigger delivers it."""
    body = strict_json.dumps({"record": [{"event_source": "smn", "smn": message}]}).encode()
    return RawEvent("trigger/smn", body, at)


def _comes_by_topic(source: Source) -> bool:
    """Tell whether events of a source are messages of a topic: no route, and no platform's own."""
    return source.route is None and AuthMethod.PLATFORM not in source.auth_methods


def _type(document: Mapping[str, Any]) -> str | None:
    kind = document.get("type")
    return kind if isinstance(kind, str) else None


def _marks(schema: Schema, document: Any) -> int:
    """Count declared members that a document has; a required one, and a fixed value, count more."""
    if not isinstance(document, dict):
        return 0
    required = schema.get("required", ())
    count = 0
    for name, member in schema.get("properties", {}).items():
        if name in document:
            fixed = "const" in member and document[name] == member["const"]
            # Found by trying: so weighted, each example of a schema is recognized as its source,
            # or as one that takes it, too.
            count += 1 + 2 * (name in required) + 4 * fixed
    return count

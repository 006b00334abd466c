"""Unwrap an event from its envelope: its source, its payload, and its credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..lib import strict_json, timestamps
from ..lib.schemas import Schemas, Violation
from ..model.errors import (
    EventRejected,
    InvalidJson,
    SchemaViolated,
    TooLarge,
    UnsupportedMediaType,
)
from ..model.event import (
    AuthMethod,
    RawEvent,
    SmnSignature,
    Source,
    SubscriptionNotice,
    UnwrappedEvent,
)
from ..model.result import RESULT_TYPE, is_notification

_CONFIRMATIONS = {
    "SubscriptionConfirmation": "subscription_confirmation",
    "UnsubscribeConfirmation": "unsubscribe_confirmation",
}
# SMN documents that the link of a confirmation works for 48 hours.
CONFIRMATION_LIFETIME = timedelta(hours=48)
_TYPE_KEYS = {
    "Notification": ("subject",),
    "SubscriptionConfirmation": ("subscribe_url",),
    "UnsubscribeConfirmation": ("subscribe_url", "unsubscribe_url"),
}


# What a topic service calls the text of a message, its id, when it was sent, and its subject.
_SMN_MEMBERS = ("message", "message_id", "timestamp", "subject")
_SNS_MEMBERS = ("Message", "MessageId", "Timestamp", "Subject")


def _refuse_encoded(headers: Mapping[str, str]) -> None:
    """Raise UnsupportedMediaType for a body that is compressed or otherwise encoded."""
    if headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType("the body is encoded; send it plain")


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body, JSON where none is named.

    Raises UnsupportedMediaType for a body that is encoded, or in another charset than UTF-8.
    """
    _refuse_encoded(headers)
    # `kn source ping create` and binary mode of the CloudEvents SDK for Python send no type.
    content_type = headers.get("content-type", "").strip() or "application/json"
    kind, _, parameters = content_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if charset.partition(";")[0].strip(' "') not in {"", "utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType("the body is not UTF-8")
    return kind.strip()


def _checked(schemas: Schemas, name: str, payload: bytes | str) -> Any:
    """Parse an envelope strictly and check it against its schema."""
    try:
        document: Any = strict_json.loads(payload)
        schemas.check(name, document)
    except strict_json.InvalidJSON as error:
        raise InvalidJson(error.problem) from None
    except Violation as error:
        raise SchemaViolated(error.problem, path=error.path, rule=error.rule) from None
    return document


def _signed_texts(message: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the texts an SMN signature may be over, see the signature page of SMN.

    Keys and values are sorted by key. An empty subject is signed or left out, and
    an end of the subscription has one link or the other: the samples disagree, so both are tried.
    """
    texts = []
    type_keys = _TYPE_KEYS[message["type"]]
    present = [key for key in type_keys if message.get(key) is not None]
    for type_key in present or type_keys[:1]:
        keys = ("message", "message_id", type_key, "timestamp", "topic_urn", "type")
        pairs = [(key, message[key]) for key in sorted(keys) if message.get(key) is not None]
        without_empty = [(key, value) for key, value in pairs if value or key != "subject"]
        texts += ["".join(f"{key}\n{value}\n" for key, value in pairs)]
        texts += ["".join(f"{key}\n{value}\n" for key, value in without_empty)]
    return tuple(dict.fromkeys(text.encode() for text in texts))


def _confirmation(message: Mapping[str, Any], now: datetime) -> SubscriptionNotice | None:
    """Return a notice for a confirmation, without the link where that has expired."""
    reason = _CONFIRMATIONS.get(message["type"])
    if reason is None:
        return None
    sent_at = timestamps.parse(message["timestamp"])
    dead = sent_at is not None and now - sent_at > CONFIRMATION_LIFETIME
    if dead and reason == "subscription_confirmation":
        return SubscriptionNotice(reason, expired=True)
    # Only one link is signed: beside the other one, this may be anybody's.
    link = None if message.get("unsubscribe_url") else message.get("subscribe_url")
    return SubscriptionNotice(reason, link)


def _topic_message(
    message: Mapping[str, Any], members: tuple[str, ...], auth_method: AuthMethod
) -> UnwrappedEvent:
    """Take a message of a topic; one that this function has published to people is a notice."""
    text_member, *others = members
    text: str = message[text_member]
    id_, sent_at, subject = map(message.get, others)
    return UnwrappedEvent(
        source=None,
        payload=text,
        is_topic_message=True,
        auth_methods=(auth_method,),
        notice=SubscriptionNotice("own_notification") if is_notification(text) else None,
        id=id_,
        sent_at=sent_at,
        name=subject,
    )


def _smn(raw_event: RawEvent, schemas: Schemas) -> UnwrappedEvent:
    """Take the envelope of an SMN message over HTTPS, whose signature lies inside it.

    Its media type is not looked at: SMN sends JSON as plain text.
    """
    _refuse_encoded(raw_event.headers)
    message = _checked(schemas, "envelopes/smn", raw_event.body)
    signature = SmnSignature(
        topic_urn=message["topic_urn"],
        version=message["signature_version"],
        signature=message["signature"],
        texts=_signed_texts(message),
    )
    unwrapped = _topic_message(message, _SMN_MEMBERS, AuthMethod.SMN)
    notice = _confirmation(message, raw_event.received_at) or unwrapped.notice
    # The signature of a confirmation does not cover the subject.
    name = unwrapped.name if message["type"] == "Notification" else None
    return unwrapped._replace(signature=signature, notice=notice, name=name)


def _smn_trigger(raw_event: RawEvent, schemas: Schemas) -> UnwrappedEvent:
    """Take one record of FunctionGraph's SMN trigger."""
    message = _checked(schemas, "envelopes/functiongraph_smn", raw_event.body)["record"][0]["smn"]
    return _topic_message(message, _SMN_MEMBERS, AuthMethod.PLATFORM)


def _sns_trigger(raw_event: RawEvent, schemas: Schemas) -> UnwrappedEvent:
    """Take one record of AWS Lambda's SNS trigger."""
    message = _checked(schemas, "envelopes/sns", raw_event.body)["Records"][0]["Sns"]
    return _topic_message(message, _SNS_MEMBERS, AuthMethod.PLATFORM)


def _attributes(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the context attributes of a binary-mode CloudEvent from its headers."""
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    attributes.pop("datacontenttype", None)  # in this mode the Content-Type alone says it
    content_type = headers.get("content-type", "").strip()
    return {**attributes, "datacontenttype": content_type} if content_type else attributes


def _posted(raw_event: RawEvent, name: str, source: Source) -> UnwrappedEvent:
    """Take a body that a sender posted to the route of its source."""
    kind = media_type(raw_event.headers)
    if kind != "application/json" and not re.fullmatch(r"application/[a-z0-9.-]+\+json", kind):
        raise UnsupportedMediaType("send application/json")
    # Several events in one body would need several results in one answer.
    if "cloudevents-batch" in kind:
        raise UnsupportedMediaType("send one CloudEvent at a time")
    # A broker may deliver our own results to any route: they are recognized there by their type.
    own_result = raw_event.headers.get("ce-type") == RESULT_TYPE
    binary = (source.route == "/" or own_result) and kind != "application/cloudevents+json"
    return UnwrappedEvent(
        source=name,
        payload=raw_event.body,
        auth_methods=source.auth_methods,
        attributes=_attributes(raw_event.headers) if binary else None,
    )


_ENVELOPES: Mapping[str, Callable[[RawEvent, Schemas], UnwrappedEvent]] = {
    "smn": _smn,
    "trigger/smn": _smn_trigger,
    "trigger/sns": _sns_trigger,
}


def unwrap(raw_event: RawEvent, sources: Mapping[str, Source], schemas: Schemas) -> UnwrappedEvent:
    """Return what arrived out of its envelope, or raise EventRejected.

    A trigger's message that seems to be an alarm calls a person, though its envelope is odd.
    """
    try:
        return _unwrapped(raw_event, sources, schemas)
    except EventRejected as rejection:
        if raw_event.channel.startswith("trigger/"):
            from . import recognize  # noqa: PLC0415 - costs cold start, and few are rejected

            rejection.needs_human = recognize.has_alarm_marks(None, raw_event.body, None)
        raise


def _unwrapped(
    raw_event: RawEvent, sources: Mapping[str, Source], schemas: Schemas
) -> UnwrappedEvent:
    if raw_event.too_large:
        raise TooLarge("the body is larger than 256 KiB")
    if raw_event.channel in _ENVELOPES:
        return _ENVELOPES[raw_event.channel](raw_event, schemas)
    trigger, _, name = raw_event.channel.rpartition("/")
    if not trigger:
        return _posted(raw_event, name, sources[name])
    return UnwrappedEvent(
        source=name if name in sources else None,
        payload=raw_event.body,
        auth_methods=(AuthMethod.PLATFORM,),
    )

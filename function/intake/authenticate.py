"""Authenticate the sender of an event, or report what its credentials lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.errors import RouteDisabled, TopicNotListed, Unauthenticated
from ..model.event import AuthMethod, RawEvent, UnwrappedEvent
from ..settings.model import AuthSettings, secrets_name
from . import webhook_signatures

_TOO_OLD = "is missing or more than 5 minutes off"


def is_trigger(raw_event: RawEvent) -> bool:
    """Tell whether a platform has handed the event over, which has authenticated its sender."""
    return raw_event.channel.startswith("trigger/")


def require_enabled_route(raw_event: RawEvent, auth: AuthSettings) -> None:
    """Raise RouteDisabled for an HTTP route that has no credentials configured."""
    channel = raw_event.channel
    if is_trigger(raw_event) or auth.is_enabled(channel):
        return
    opens = {
        "smn": "SMN_TOPIC_URNS is not set",
        "invoke": "the platform's X-CFF-Request-Id is missing",
    }
    raise RouteDisabled(opens.get(channel, f"{secrets_name(channel)} is not set"))


def _bearer(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> str | None:
    if webhook_signatures.bearer(raw_event.headers, auth.secrets[raw_event.channel]):
        return None
    authorization = raw_event.headers.get("authorization")
    if authorization is None:
        return "there is no Authorization header"
    if not authorization.lower().startswith("bearer "):
        return "Authorization is no Bearer token"
    return f"the Bearer token is none of {secrets_name(raw_event.channel)}"


def _standard_webhooks(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> str | None:
    headers, secrets = raw_event.headers, auth.secrets[raw_event.channel]
    now = raw_event.received_at
    if webhook_signatures.standard_webhooks(headers, raw_event.body, secrets, now):
        return None
    # Only the family that the sender used is named; the first that is there counts.
    for family in webhook_signatures.HEADER_FAMILIES:
        if f"{family}-signature" not in headers:
            continue
        if not webhook_signatures.is_recent(headers.get(f"{family}-timestamp", ""), now):
            return f"{family}-timestamp {_TOO_OLD}"
        return f"{family}-signature matches none of {secrets_name(raw_event.channel)}"
    return "there is no webhook-signature header"


def _grafana(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> str | None:
    signature_header, timestamp_header = (
        auth.grafana_signature_header,
        auth.grafana_timestamp_header,
    )
    signed = webhook_signatures.grafana(
        raw_event.headers,
        raw_event.body,
        auth.secrets[raw_event.channel],
        signature_header=signature_header,
        timestamp_header=timestamp_header,
        now=raw_event.received_at,
    )
    if signed:
        return None
    if signature_header not in raw_event.headers:
        return f"there is no {signature_header} header"
    timestamp = raw_event.headers.get(timestamp_header or "", "")
    if timestamp_header and not webhook_signatures.is_recent(timestamp, raw_event.received_at):
        return f"{timestamp_header} {_TOO_OLD}"
    return f"{signature_header} matches none of {secrets_name(raw_event.channel)}"


def _smn(raw_event: RawEvent, unwrapped: UnwrappedEvent, auth: AuthSettings) -> str | None:
    from . import smn_signature  # noqa: PLC0415 - costs cold start, and only SMN over HTTPS needs it

    file = auth.certificate_file or smn_signature.DEFAULT_CERTIFICATES
    signature = unwrapped.signature
    signed_by = smn_signature.matching_certificates(signature, file) if signature else ()
    if any(smn_signature.is_valid(cert, raw_event.received_at) for cert in signed_by):
        return None
    return smn_signature.failure_reason(signed_by, file)


def _platform(raw_event: RawEvent, _: UnwrappedEvent, __: AuthSettings) -> str | None:
    return None if is_trigger(raw_event) else "the platform has not authenticated it"


# Each returns None for a sender that is authenticated, else what was missing, never what was sent.
_CHECKS: Mapping[AuthMethod, Callable[[RawEvent, UnwrappedEvent, AuthSettings], str | None]] = {
    AuthMethod.PLATFORM: _platform,
    AuthMethod.BEARER: _bearer,
    AuthMethod.STANDARD_WEBHOOKS: _standard_webhooks,
    AuthMethod.GRAFANA: _grafana,
    AuthMethod.SMN: _smn,
}


def authenticate(raw_event: RawEvent, unwrapped: UnwrappedEvent, auth: AuthSettings) -> None:
    """Return when one authentication method of the event's channel holds.

    Raises Unauthenticated with what was missing. A verified SMN message says only that SMN sent
    it, for whichever tenant: its topic must be listed too, else it raises TopicNotListed.
    """
    if raw_event.channel not in auth.platform_authenticated:
        # All methods are tried, so that the log says of each what it lacks.
        missing = [_CHECKS[name](raw_event, unwrapped, auth) for name in unwrapped.auth_methods]
        if None not in missing:
            raise Unauthenticated(" and ".join(text for text in missing if text is not None))
    if unwrapped.signature is not None and unwrapped.signature.topic_urn not in auth.topic_urns:
        raise TopicNotListed("the topic is not in SMN_TOPIC_URNS")

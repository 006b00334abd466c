"""Authenticate: does the sender prove who it is? Nothing, or Unauthenticated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.errors import RouteDisabled, TopicNotListed, Unauthenticated
from ..model.event import AuthMethod, RawEvent, UnwrappedEvent
from ..settings.model import AuthSettings
from . import smn_signature, webhook_signatures


def require_enabled_route(raw_event: RawEvent, auth: AuthSettings) -> None:
    """Raise RouteDisabled for an HTTP route on which nobody could prove himself."""
    if not raw_event.channel.startswith("trigger/") and not auth.is_enabled(raw_event.channel):
        raise RouteDisabled("this route has no secret, so it stays shut")


def _bearer(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> bool:
    return webhook_signatures.bearer(raw_event.headers, auth.secrets[raw_event.channel])


def _standard_webhooks(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> bool:
    secrets = auth.secrets[raw_event.channel]
    return webhook_signatures.standard_webhooks(
        raw_event.headers, raw_event.body, secrets, raw_event.received_at
    )


def _grafana(raw_event: RawEvent, _: UnwrappedEvent, auth: AuthSettings) -> bool:
    return webhook_signatures.grafana(
        raw_event.headers,
        raw_event.body,
        auth.secrets[raw_event.channel],
        timestamp_header=auth.grafana_timestamp_header,
        now=raw_event.received_at,
    )


def _smn(raw_event: RawEvent, unwrapped: UnwrappedEvent, auth: AuthSettings) -> bool:
    file, signature = (
        auth.certificate_file or smn_signature.DEFAULT_CERTIFICATES,
        unwrapped.signature,
    )
    signed_by = smn_signature.matching_certificates(signature, file) if signature else ()
    if any(smn_signature.is_valid(one, raw_event.received_at) for one in signed_by):
        return True
    raise Unauthenticated(smn_signature.failure_reason(signed_by, file))


def _platform(raw_event: RawEvent, _: UnwrappedEvent, __: AuthSettings) -> bool:
    return raw_event.channel.startswith("trigger/")


_CHECKS: Mapping[AuthMethod, Callable[[RawEvent, UnwrappedEvent, AuthSettings], bool]] = {
    AuthMethod.PLATFORM: _platform,
    AuthMethod.BEARER: _bearer,
    AuthMethod.STANDARD_WEBHOOKS: _standard_webhooks,
    AuthMethod.GRAFANA: _grafana,
    AuthMethod.SMN: _smn,
}


def authenticate(raw_event: RawEvent, unwrapped: UnwrappedEvent, auth: AuthSettings) -> None:
    """Return when one proof of the event's channel holds, or raise Unauthenticated.

    A verified SMN message proves only that SMN sent it: its topic must be listed too.
    """
    held = [_CHECKS[proof](raw_event, unwrapped, auth) for proof in unwrapped.auth_methods]
    if raw_event.channel not in auth.platform_authenticated and not any(held):
        raise Unauthenticated("the proof is missing or wrong")
    if unwrapped.signature is not None and unwrapped.signature.topic_urn not in auth.topic_urns:
        raise TopicNotListed("the topic is not in SMN_TOPIC_URNS")

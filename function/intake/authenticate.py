"""Authenticate: does the sender prove who it is? Nothing, or Unauthenticated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.errors import RouteClosed, TopicNotListed, Unauthenticated
from ..model.event import Enveloped, Proof, Received
from ..settings.model import Proofs
from . import smn_signature, webhook_signatures


def require_open(received: Received, proofs: Proofs) -> None:
    """Raise RouteClosed for an HTTP route on which nobody could prove himself."""
    if not received.channel.startswith("trigger/") and not proofs.opens(received.channel):
        raise RouteClosed("this route has no secret, so it stays shut")


def _bearer(received: Received, _: Enveloped, proofs: Proofs) -> bool:
    return webhook_signatures.bearer(received.headers, proofs.secrets[received.channel])


def _standard_webhooks(received: Received, _: Enveloped, proofs: Proofs) -> bool:
    secrets = proofs.secrets[received.channel]
    return webhook_signatures.standard_webhooks(
        received.headers, received.body, secrets, received.at
    )


def _grafana(received: Received, _: Enveloped, proofs: Proofs) -> bool:
    return webhook_signatures.grafana(
        received.headers,
        received.body,
        proofs.secrets[received.channel],
        timestamp_header=proofs.grafana_timestamp_header,
        now=received.at,
    )


def _smn(received: Received, enveloped: Enveloped, proofs: Proofs) -> bool:
    file, signature = proofs.certificate_file or smn_signature.PUBLISHED, enveloped.signature
    signed_by = smn_signature.signers(signature, file) if signature else ()
    if any(smn_signature.is_valid(one, received.at) for one in signed_by):
        return True
    raise Unauthenticated(smn_signature.problem(signed_by, file))


def _platform(received: Received, _: Enveloped, __: Proofs) -> bool:
    return received.channel.startswith("trigger/")


_CHECKS: Mapping[Proof, Callable[[Received, Enveloped, Proofs], bool]] = {
    Proof.PLATFORM: _platform,
    Proof.BEARER: _bearer,
    Proof.STANDARD_WEBHOOKS: _standard_webhooks,
    Proof.GRAFANA: _grafana,
    Proof.SMN: _smn,
}


def check(received: Received, enveloped: Enveloped, proofs: Proofs) -> None:
    """Return when one proof of the event's channel holds, or raise Unauthenticated.

    A verified SMN message proves only that SMN sent it: its topic must be listed too.
    """
    held = [_CHECKS[proof](received, enveloped, proofs) for proof in enveloped.proofs]
    if received.channel not in proofs.platform_authenticated and not any(held):
        raise Unauthenticated("the proof is missing or wrong")
    if enveloped.signature is not None and enveloped.signature.topic_urn not in proofs.topic_urns:
        raise TopicNotListed("the topic is not in SMN_TOPIC_URNS")

"""The senders: each turns an ask into a delivery in the format of that sender."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from . import smn_key
from .history import Ask, Delivery

SECRETS = {
    "alertmanager": "alertmanager-secret-1",
    "grafana": "grafana-secret-00001",
    "direct": "direct-secret-000001",
    "cloudevents": "cloudevents-secret-1",
}
TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"
STRANGE_TOPIC = "urn:smn:eu-de:fedcba9876543210fedcba9876543210:kafka-alarms"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@dataclass(frozen=True, slots=True)
class Senders:
    """All of them, at one moment (epoch seconds) of a run."""

    key: RSAPrivateKey
    random: Random
    now: float

    def _id(self) -> str:
        return uuid.UUID(int=self.random.getrandbits(128), version=4).hex

    def _posted(self, source: str, path: str, document: Any, ask: Ask) -> Delivery:
        secret = SECRETS[source] if ask.genuine else self.random.choice(("", "wrong-secret-00001"))
        headers = {"content-type": "application/json"}
        if secret:
            headers["authorization"] = f"Bearer {secret}"
        return Delivery(source, _json(document), (ask,), path, headers)

    def _alerts(self, ask: Ask, *, resolved: Sequence[str] = ()) -> list[dict[str, Any]]:
        raised = {**(ask.raised or {}), **dict.fromkeys(resolved, self.now - 600)}
        return [
            {
                "status": "resolved" if one in resolved else "firing",
                "labels": {
                    "alertname": "KafkaDown",
                    "remediation": "restart",
                    "kafka_instance_id": one,
                },
                **({} if since is None else {"startsAt": _time(since)}),
            }
            for one, since in raised.items()
        ]

    def alertmanager(self, ask: Ask, *, resolved: Sequence[str] = ()) -> Delivery:
        """Post a group of alerts."""
        alerts = self._alerts(ask, resolved=resolved)
        group = {"version": "4", "truncatedAlerts": self.random.choice((0, 0, 2)), "alerts": alerts}
        return self._posted("alertmanager", "/alertmanager", group, ask)

    def grafana(self, ask: Ask, *, resolved: Sequence[str] = ()) -> Delivery:
        """Post a group of alerts, signed instead of with a secret, at times."""
        group = {"version": "1", "orgId": 1, "alerts": self._alerts(ask, resolved=resolved)}
        delivery = self._posted("grafana", "/grafana", group, ask)
        if not ask.genuine or self.random.random() < 0.5:
            return delivery
        digest = hmac.new(SECRETS["grafana"].encode(), delivery.body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-grafana-alerting-signature": digest,
        }
        return replace(delivery, headers=headers)

    def document(self, ask: Ask) -> dict[str, Any]:
        """Write the request document of an ask, with an id of its own and the time."""
        document: dict[str, Any] = {"action": ask.action, "id": self._id(), "time": _time(self.now)}
        if ask.instances:
            document["instances"] = [
                self.random.choice((instance, instance.upper())) for instance in ask.instances
            ]
        if ask.action == "delete":
            document["confirm"] = list(ask.instances)
        return document

    def direct(self, ask: Ask) -> Delivery:
        """Post a request document, as a Standard Webhook at times."""
        delivery = self._posted("direct", "/direct", self.document(ask), ask)
        if not ask.genuine or self.random.random() < 0.5:
            return delivery
        identity, timestamp = self._id(), str(int(self.now))
        text = b".".join((identity.encode(), timestamp.encode(), delivery.body))
        digest = hmac.new(SECRETS["direct"].encode(), text, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        return replace(delivery, headers=headers)

    def _cloudevent(self, ask: Ask) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self._id(),
            "source": "/people",
            "type": "dev.kafka-remediator.request.v1",
            "data": self.document(ask),
        }

    def cloudevent(self, ask: Ask) -> Delivery:
        """Post a CloudEvent, structured or binary."""
        event = self._cloudevent(ask)
        if self.random.random() < 0.5:
            delivery = self._posted("cloudevents", "/", event, ask)
            kind = {"content-type": "application/cloudevents+json"}
        else:
            delivery = self._posted("cloudevents", "/", event.pop("data"), ask)
            kind = {f"ce-{name}": value for name, value in event.items()}
        return replace(delivery, headers={**delivery.headers, **kind})

    def alarm(self, ask: Ask, *, status: str = "alarm", metric: str = "broker_alive") -> str:
        """Write the message of a Cloud Eye alarm for one instance."""
        ((instance, raised),) = (ask.raised or dict.fromkeys(ask.instances, self.now)).items()
        alarm = {
            "message_type": "alarm",
            "alarm_name": "kafka-broker-alive",
            "alarm_status": status,
            "time": int((self.now if raised is None else raised) * 1000),
            "namespace": "SYS.DMS",
            "metric_name": metric,
            "dimension": f"kafka_instance_id:{instance},kafka_broker:broker-0",
            "template_variable": {"IsCycleTrigger": raised is None},
        }
        return json.dumps(alarm)

    def smn(self, ask: Ask, message: str, *, key: RSAPrivateKey | None = None) -> Delivery:
        """Post a message of a topic; one that is not genuine has another key or another topic."""
        strange = not ask.genuine and key is None
        notification = {
            "type": "Notification",
            "message_id": self._id(),
            "subject": "From Cloud Eye",
            "topic_urn": STRANGE_TOPIC if strange else TOPIC,
            "timestamp": _time(int(self.now)),
            "message": message,
        }
        signature = smn_key.sign(key or self.key, notification)
        document = {**notification, "signature": signature, "signature_version": "v1"}
        headers = {"content-type": "text/plain"}
        return Delivery("smn", _json(document), (ask,), "/smn", headers)

    def smn_trigger(self, messages: Sequence[tuple[Ask, str]]) -> Delivery:
        """Pass one or more messages of a topic to the event entrypoint."""
        records = [
            {
                "event_source": "smn",
                "smn": {
                    "message": message,
                    "message_id": self._id(),
                    "topic_urn": TOPIC,
                    "timestamp": _time(int(self.now)),
                },
            }
            for _, message in messages
        ]
        asks = tuple(ask for ask, _ in messages)
        return Delivery("smn trigger", _json({"record": records}), asks)

    def timer(self, ask: Ask) -> Delivery:
        """Pass a tick of a timer to the event entrypoint."""
        event: Mapping[str, Any] = {
            "version": "v1.0",
            "time": _time(int(self.now)),
            "trigger_type": "TIMER",
            "trigger_name": "hourly",
            "user_event": json.dumps(self.document(ask)),
        }
        return Delivery("timer", _json(event), (ask,))

    def schedule(self, ask: Ask) -> Delivery:
        """Pass a bare request document to the event entrypoint."""
        return Delivery("schedule", _json(self.document(ask)), (ask,))

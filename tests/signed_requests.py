"""Requests signed as each sender signs them, without code of the function."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from function.lib.timestamps import text

from .factories import DAY, NOW, ORDERS

SECRET = "a-secret-for-every-route"
TOPIC = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-alarms"
LINK = "https://smn.example/smn/subscription/confirm?token=f00d&topic_urn=" + TOPIC
RESTART = {"action": "restart", "instances": [ORDERS]}


@lru_cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """Return a key, made once for each number."""
    return rsa.generate_private_key(65537, bits)


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    *,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + DAY,
) -> bytes:
    """Return a certificate of a key as PEM."""
    key = key or rsa_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer of a test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(begins).not_valid_after(ends).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


def smn_text(message: dict[str, Any], *, empty_subject: bool = True) -> bytes:
    """Return what SMN signs of a message; its samples disagree on an empty subject."""
    signed_key = "subject" if message["type"] == "Notification" else "subscribe_url"
    lines = [f"message\n{message['message']}", f"message_id\n{message['message_id']}"]
    value = message.get(signed_key)
    if value or (value == "" and empty_subject):
        lines.append(f"{signed_key}\n{value}")
    lines += [f"{name}\n{message[name]}" for name in ("timestamp", "topic_urn", "type")]
    return "".join(line + "\n" for line in lines).encode()


def smn_signature(signed: bytes, key: rsa.RSAPrivateKey | None = None) -> str:
    """Return the signature over a text."""
    raw = (key or rsa_key()).sign(signed, padding.PKCS1v15(), SHA256())
    return base64.b64encode(raw).decode()


def alarm(**changes: Any) -> str:
    """Return an alarm of Cloud Eye as the text of a message."""
    members = {
        "message_type": "alarm",
        "alarm_status": "alarm",
        "alarm_name": "kafka-broker-alive",
        "time": round(NOW.timestamp() * 1000),
        "namespace": "SYS.DMS",
        "metric_name": "broker_alive",
        "dimension": f"kafka_instance_id:{ORDERS},kafka_broker:broker-0",
    }
    return json.dumps({**members, **changes})


def alarm_template(**changes: Any) -> str:
    """Return an alarm in the form of Cloud Eye's JSON template; a value of None takes a key out."""
    data = {
        "Namespace": "Distributed Message Service",
        "DimensionName": "Kafka Premium Brokers",
        "ResourceName": "kafka-orders",
        "MetricName": "Broker Alive",
        "IsAlarm": True,
        "IsCycleTrigger": False,
        "ResourceId": f"{ORDERS},broker-0",
        "AlarmTime": NOW.strftime("%Y/%m/%d %H:%M:%S GMT+00:00"),
        "AlarmRecordID": "ah1767578400000example",
        "AlarmRuleName": "kafka-broker-alive",
    }
    merged = {key: value for key, value in {**data, **changes}.items() if value is not None}
    return json.dumps({"version": "v1", "data": merged})


def smn(*, key: rsa.RSAPrivateKey | None = None, **changes: Any) -> dict[str, Any]:
    """Return a signed message of SMN; a value of None takes a member out."""
    members = {
        "type": "Notification",
        "message": alarm(),
        "message_id": "m1",
        "subject": "An alarm",
        "topic_urn": TOPIC,
        "timestamp": text(NOW),
        "signature_version": "v1",
        "signing_cert_url": "https://smn.example/never-fetched.pem",
    }
    merged = {**members, **changes}
    message = {name: value for name, value in merged.items() if value is not None}
    return {"signature": smn_signature(smn_text(message), key), **message}


def smn_settings(directory: Path, *certificates: bytes) -> dict[str, str]:
    """Return settings that open /smn for messages signed by the keys of these certificates."""
    file = directory / "smn.pem"
    file.write_bytes(b"".join(certificates or [certificate()]))
    return {"SMN_TOPIC_URNS": TOPIC, "SMN_CERTIFICATE_FILE": str(file)}


def webhook(
    body: bytes, secret: str = SECRET, *, at: datetime = NOW, identity: str = "msg_1"
) -> dict[str, str]:
    """Return the headers of a Standard Webhooks message."""
    encoded = secret.removeprefix("whsec_")
    key = secret.encode() if encoded == secret else base64.b64decode(encoded)
    seconds = str(int(at.timestamp()))
    signature = hmac.digest(key, f"{identity}.{seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }


def grafana(body: bytes, secret: str = SECRET, *, before: bytes = b"") -> dict[str, str]:
    """Return the header with Grafana's signature, over something `before` the body too."""
    signature = hmac.digest(secret.encode(), before + body, "sha256").hex()
    return {"x-grafana-alerting-signature": signature}


def bearer(secret: str = SECRET) -> dict[str, str]:
    """Return the header that bears a secret."""
    return {"authorization": f"Bearer {secret}"}

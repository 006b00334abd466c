"""SMN's publish call, on the fake DMS's own endpoint: its limits, its refusals, what was published.

Limits and shapes: the API reference of SMN, "Publishing Messages in the Text Format", and the
docstrings of the vendor's SDK. Which code a subject or message over its limit gets is documented
nowhere; the fake DMS takes the one of templates, SMN.0024.
"""

import re
import uuid
from typing import Any

from .answer import Answer, document
from .cloud import Cloud, Publication
from .record import Arrival

MAX_SUBJECT_BYTES = 512
MAX_MESSAGE_BYTES = 256 * 1024
MAX_TIME_TO_LIVE = 3600 * 24
TOPIC_URN = re.compile(r"urn:smn:[a-z0-9-]+:[0-9a-f]{32}:[A-Za-z0-9_-]{1,255}")


def publish(cloud: Cloud, arrival: Arrival, topic_urn: str) -> Answer:
    """Take a message for the topic, or refuse it as SMN does."""
    urn, body = arrival.path.strip("/").split("/")[4], arrival.json
    if not TOPIC_URN.fullmatch(urn):
        return _refusal(400, "SMN.0005", "Parameter: TopicUrn is invalid.")
    if urn != topic_urn:
        return _refusal(404, "SMN.0006", "Topic not found.")
    if not isinstance(body, dict) or not (_is_message(body) and _is_subject(body.get("subject"))):
        return _refusal(400, "SMN.0024", "Parameter: content is invalid.")
    if not _is_time_to_live(body.get("time_to_live", "3600")):
        return _refusal(400, "SMN.0024", "Parameter: time_to_live is invalid.")
    message_id = uuid.uuid4().hex
    taken = Publication(cloud.clock(), urn, body.get("subject"), body["message"], message_id)
    with cloud.lock:
        cloud.published.append(taken)
    return document(200, {"request_id": uuid.uuid4().hex, "message_id": message_id})


def _is_message(body: dict[str, Any]) -> bool:
    text = body.get("message")
    return isinstance(text, str) and 0 < len(text.encode()) <= MAX_MESSAGE_BYTES


def _is_subject(text: Any) -> bool:
    return text is None or (isinstance(text, str) and len(text.encode()) <= MAX_SUBJECT_BYTES)


def _is_time_to_live(text: Any) -> bool:
    number = isinstance(text, str) and re.fullmatch(r"[1-9][0-9]{0,5}", text)
    return bool(number) and int(text) <= MAX_TIME_TO_LIVE


def _refusal(status: int, code: str, message: str) -> Answer:
    """Answer an error in SMN's shape, which has other keys than that of DMS."""
    return document(status, {"request_id": uuid.uuid4().hex, "code": code, "message": message})

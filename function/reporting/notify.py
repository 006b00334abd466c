"""Notifications: which results are published to SMN, their text, and the publish call.

A message is read on a phone at night, perhaps as an SMS: it is at most ten lines, and the first
one says what happened.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from requests import PreparedRequest, Request

from ..lib import strict_json
from ..lib.text import one_line
from ..lib.transport import RawResponse
from ..model.event import Outcome
from ..model.result import ResultEvent, notification_mark
from ..settings.model import NotifySettings, OutboundSettings
from . import emit, messages

Sign = Callable[[PreparedRequest], PreparedRequest]

MAX_SUBJECT_LENGTH = 120  # SMN takes 512 bytes; a phone shows less than this
# A few lines on a phone; longer texts end with a whole sentence.
MAX_LINE_LENGTH = 240
MAX_TEXT_LENGTH = 10_000  # of what is shortened; a result of fifty instances has less
# With what happened, the notes, the sender, the cloud's answer and the log: at most ten lines.
MAX_STEPS, MAX_DETAILS = 2, 3
# A message has room for three ids of 36 characters in a line; the log has the rest.
MAX_IDS = 3
# SMN does not deliver these by SMS, says the vendor's page on publishing a message.
_WITHOUT_BRACKETS = str.maketrans("[]【】", "()()")
_ACTED = frozenset({Outcome.ACCEPTED, Outcome.PARTIAL, Outcome.UNKNOWN})
_DIGEST = "[0-9a-f]{32}"
_MORE = ". More in the log."
_NOT_NOTIFIED = "People were not notified: {}."
_ERROR_CODE = r"[A-Za-z]{2,10}\.[0-9]{1,12}"


class Notification(NamedTuple):
    """One message to people."""

    subject: str
    message: str


def kinds(data: Mapping[str, Any]) -> frozenset[str]:
    """Return the words of NOTIFY_ON that hold for a result; none for a message of our own."""
    if data["reason"] == "own_notification":
        return frozenset()
    reasons = {data["reason"], *(instance["reason"] for instance in data["instances"])}
    answers = {
        "acted": data["outcome"] in _ACTED,
        "needs_human": data["needs_human"],
        "recovered": "recovered" in reasons,
        "skipped": data["outcome"] == Outcome.SKIPPED,
    }
    return frozenset(kind for kind, holds in answers.items() if holds)


def _line(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Return a text as one line; one that is too long ends with a whole sentence, if it has one."""
    line = one_line(text.translate(_WITHOUT_BRACKETS), MAX_TEXT_LENGTH)
    if len(line) <= limit:
        return line
    sentences, _, _ = line[: limit - len(_MORE)].rpartition(". ")
    return f"{sentences}{_MORE}" if sentences else line[:limit]


def _by_outcome(data: Mapping[str, Any]) -> dict[tuple[str, str | None], list[Mapping[str, Any]]]:
    """Return the instances by outcome and reason, in the order of the result."""
    # Fifty instances with one outcome are one line on a phone.
    groups: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for instance in data["instances"]:
        groups.setdefault((instance["outcome"], instance["reason"]), []).append(instance)
    return groups


def _asked_by(event: Mapping[str, Any]) -> str:
    """Return who asked, in the words of the sender where it has a name for the event."""
    source, id_ = event["source"] or "an event that was not recognized", event["id"]
    # An event without an id of its own has a digest instead, which people cannot use.
    own_id = None if id_ is None or re.fullmatch(_DIGEST, id_) else id_
    parts = [source, event["name"] or own_id, event["time"]]
    return "Asked by: " + ", ".join(part for part in parts if part)


def _steps(data: Mapping[str, Any]) -> list[str]:
    """Return what the reader can do now, the most urgent step first, each once."""
    endings = {(data["outcome"], data["reason"]), *_by_outcome(data)}
    # A verification names all it looked at; what passed needs no step.
    endings = {ending for ending in endings if ending[0] != Outcome.PASSED}
    steps = messages.next_steps(data["action"], endings)
    if data.get("checks"):
        steps = [messages.FIX_WHAT_FAILED]
    elif not steps and data["needs_human"]:
        steps = [messages.LOOK_AT_THE_LOG]
    return [f"What to do: {step}" for step in steps[:MAX_STEPS]]


def _instances(data: Mapping[str, Any]) -> list[str]:
    """Return the instances in as few lines as there are outcomes, with as many ids as are read."""
    lines = []
    for (outcome, reason), instances in _by_outcome(data).items():
        more = len(instances) - MAX_IDS
        ids = ", ".join(instance["id"] for instance in instances[:MAX_IDS])
        shown = instances[0]["status"] if len(instances) == 1 else None
        status = f", status {shown}" if shown else ""
        lines.append(
            f"{Outcome(outcome).value}{f' ({reason})' if reason else ''}: {ids}"
            + (f" and {more} more" if more > 0 else status)
        )
    return lines


def _failed_checks(data: Mapping[str, Any]) -> list[str]:
    """Return the single checks that failed, and how each is fixed."""
    failed = (check for check in data.get("checks", ()) if check["status"] == "fail")
    return [
        f"{check['name']}: {check['detail']}{' ' + check['fix'] if check['fix'] else ''}"
        for check in failed
    ]


def _details(data: Mapping[str, Any]) -> list[str]:
    lines = _failed_checks(data) + _instances(data)
    more = len(lines) - MAX_DETAILS
    return (
        [*lines[: MAX_DETAILS - 1], f"and {more + 1} more lines in the log"] if more > 0 else lines
    )


def _answer(api: Mapping[str, Any]) -> list[str]:
    """Return the cloud's refusal, with the id that the vendor's support asks for."""
    if api["error_code"] is None:
        return []
    request = f", request {api['request_id']}" if api["request_id"] else ""
    return [f"The cloud answered: {api['status']} {api['error_code']}{request}"]


def compose(result: ResultEvent) -> Notification:
    """Return a result as a message: what happened, why, what to do, the ids, where the log is."""
    data = result.data
    urgency = "Look now" if data["needs_human"] else "For information"
    # The headline ends with the first full stop; it is the subject, too.
    sentence, _, notes = data["message"].partition(". ")
    first = sentence.rstrip(".")
    if data.get("checks"):
        notes = ""  # each failed check has its own line
    lines = [
        f"{first}.",
        *([notes] if notes else []),
        _asked_by(data["event"]),
        *_steps(data),
        *_details(data),
        *_answer(data["api"]),
    ]
    mark = notification_mark(result.event["id"])
    subject = one_line(
        f"Kafka: {urgency}. {first}".translate(_WITHOUT_BRACKETS), MAX_SUBJECT_LENGTH
    )
    return Notification(subject, "\n".join([*map(_line, lines), mark]))


def is_wanted(result: ResultEvent, settings: NotifySettings) -> bool:
    """Tell whether people are to hear of this result, where a topic is configured."""
    return bool(kinds(result.data) & settings.kinds)


def _request(
    notification: Notification, outbound: OutboundSettings, settings: NotifySettings
) -> PreparedRequest:
    topic = quote(settings.topic_urn or "", safe=":")
    path = f"/v2/{outbound.project_id}/notifications/topics/{topic}/publish"
    body = strict_json.dumps(notification._asdict()).encode()
    headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
    return Request("POST", settings.endpoint + path, data=body, headers=headers).prepare()


def _refusal(response: RawResponse) -> str:
    """Return why SMN took no message: the status, and the error code where there is one.

    SMN calls it `code`, the gateway before it `error_code`.
    """
    try:
        document: Any = strict_json.loads(response.body or b"")
    except strict_json.InvalidJSON:
        document = None
    answer = document if isinstance(document, dict) else {}
    code = str(answer.get("code") or answer.get("error_code"))
    known = f" {code}" if re.fullmatch(_ERROR_CODE, code) else ""
    return f"SMN answered {response.status}{known}"


def publish(
    result: ResultEvent,
    outbound: OutboundSettings,
    settings: NotifySettings,
    sign: Sign,
    *,
    seconds: float,
) -> str | None:
    """Publish a result to the topic; return the problem to log, or None."""
    if seconds <= 0:
        return _NOT_NOTIFIED.format("no time was left")
    request = sign(_request(compose(result), outbound, settings))
    response = emit.send_once(request, outbound, proxy_url=outbound.proxy_url, seconds=seconds)
    if response is None:
        return _NOT_NOTIFIED.format("SMN gave no answer")
    return None if response.status == 200 else _NOT_NOTIFIED.format(_refusal(response))

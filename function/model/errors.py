"""The error tree: why an event is refused, and why the live state could not be read."""

from __future__ import annotations

from .cloud_state import ApiReply


class Refused(Exception):
    """An event is turned away; the text says what is wrong and never quotes the event."""

    status, reason, needs_human = 400, "schema", False


class InvalidJson(Refused):
    """The body is not strict JSON."""

    reason = "invalid_json"


class SchemaViolated(Refused):
    """The document breaks a rule of its schema."""


class WrongConfirm(Refused):
    """A delete does not repeat its ids in `confirm`."""

    reason = "confirm"


class Unauthenticated(Refused):
    """The caller could not prove who it is."""

    status, reason = 401, "unauthenticated"


class RouteClosed(Refused):
    """The route has no secret, so nobody may call it."""

    status, reason = 403, "route_closed"


class TopicNotListed(Refused):
    """The message is signed, but its topic is not ours."""

    status, reason = 403, "topic_not_listed"


class ActionNotForSource(Refused):
    """This kind of event may not ask for this action."""

    status, reason = 403, "action_not_for_source"


class ActionDisabled(Refused):
    """The action is not in ENABLED_ACTIONS."""

    status, reason = 403, "action_disabled"


class NotAllowed(Refused):
    """An instance is blocked, or not in ALLOWED_INSTANCES."""

    status, reason = 403, "not_allowed"


class TooMany(Refused):
    """The event reaches further than a limit allows; from an alarm, so many need a person."""

    status, reason = 403, "too_many"

    def __init__(self, problem: str, *, alarm: bool = False) -> None:
        super().__init__(problem)
        self.needs_human = alarm


class TooLarge(Refused):
    """The body is larger than 256 KiB."""

    status, reason = 413, "too_large"


class UnsupportedMediaType(Refused):
    """The body is not plain JSON: another media type, or a content encoding."""

    status, reason = 415, "media_type"


class OwnResult(Exception):
    """The event is one of our own results, come back: neither an event nor an error."""


class Busy(Exception):
    """Another event holds an instance of this one, and did not let go in time."""


class StateUnreadable(Exception):
    """The live state could not be read in full; `reply` is the answer that stood in the way.

    `passing` says that it may be readable the next time; an answer that makes no sense stays so.
    """

    def __init__(
        self, problem: str, *, reply: ApiReply | None = None, passing: bool = False
    ) -> None:
        super().__init__(problem)
        self.reply, self.passing = reply, passing


class SettingsInvalid(Exception):
    """The settings are wrong; each problem is one line that names its variable, not its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceWithoutTwin(Exception):
    """A source lacks its schema, or a schema its source."""

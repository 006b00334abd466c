"""The error tree: why an event is refused, and why the live state could not be read."""

from __future__ import annotations

from .cloud_state import ApiResponse


class EventRejected(Exception):
    """The event is rejected; the text says what is wrong and never quotes a value of the event."""

    status, reason = 400, "schema"
    needs_human = False


class InvalidJson(EventRejected):
    """The body is not strict JSON."""

    reason = "invalid_json"


class SchemaViolated(EventRejected):
    """The document breaks a rule of its schema: where, and which keyword of JSON Schema."""

    def __init__(self, problem: str, *, path: str = "$", rule: str | None = None) -> None:
        super().__init__(problem)
        self.path, self.rule = path, rule


class ConfirmationMismatch(EventRejected):
    """A delete does not repeat its ids in `confirm`."""

    reason = "confirm"


class Unauthenticated(EventRejected):
    """The caller could not prove who it is."""

    status, reason = 401, "unauthenticated"


class RouteDisabled(EventRejected):
    """The route has no secret, so nobody may call it."""

    status, reason = 403, "route_closed"


class TopicNotListed(EventRejected):
    """The message is signed, but its topic is not ours."""

    status, reason = 403, "topic_not_listed"


class ActionNotForSource(EventRejected):
    """This kind of event may not ask for this action."""

    status, reason = 403, "action_not_for_source"


class ActionDisabled(EventRejected):
    """The action is not in ENABLED_ACTIONS."""

    status, reason = 403, "action_disabled"


class NotAllowed(EventRejected):
    """An instance is blocked, or not in ALLOWED_INSTANCES."""

    status, reason = 403, "not_allowed"


class TooMany(EventRejected):
    """The event reaches further than a limit allows; from an alarm, so many need a person."""

    status, reason = 403, "too_many"

    def __init__(self, problem: str, *, alarm: bool = False) -> None:
        super().__init__(problem)
        self.needs_human = alarm


class TooLarge(EventRejected):
    """The body is larger than 256 KiB."""

    status, reason = 413, "too_large"


class UnsupportedMediaType(EventRejected):
    """The body is not plain JSON: another media type, or a content encoding."""

    status, reason = 415, "media_type"


class OwnResultEvent(Exception):
    """The event is one of our own results, come back: neither an event nor an error."""


class InstanceBusy(Exception):
    """Another event holds an instance of this one, and did not let go in time."""


class LedgerUnreadable(Exception):
    """The ledger could not be read or claimed, or is full; the text names no address."""


class StateUnreadable(Exception):
    """The live state could not be read in full; `reply` is the answer that stood in the way.

    `transient` says that it may be readable the next time; an answer that makes no sense stays so.
    """

    def __init__(
        self, problem: str, *, response: ApiResponse | None = None, transient: bool = False
    ) -> None:
        super().__init__(problem)
        self.reply, self.transient = response, transient

    @property
    def throttled(self) -> bool:
        """Whether the cloud refused to be read because there were too many calls."""
        return self.reply is not None and self.reply.throttled


class SettingsInvalid(Exception):
    """The settings are wrong; each problem is one line that names its variable, not its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceSchemaMismatch(Exception):
    """A source lacks its schema, or a schema its source."""

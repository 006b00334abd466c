"""The exceptions: why an event is rejected, and why the live state could not be read."""

from __future__ import annotations

from .cloud_state import ApiResponse
from .decision import Ending
from .event import Outcome


class EventRejected(Exception):
    """The event is rejected; the text says what is wrong and never quotes a value of the event."""

    # Never 404, 408, 409 or 429 below: some senders repeat those, as if they would pass.
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
    """The caller did not authenticate."""

    status, reason = 401, "unauthenticated"


class RouteDisabled(EventRejected):
    """The route has no credentials configured, so it is closed."""

    status, reason = 403, "route_closed"


class TopicNotListed(EventRejected):
    """The signature is valid, but the topic is not in SMN_TOPIC_URNS."""

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
    """The event names more instances than a limit allows; an alarm that does calls a person."""

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
    """Our own result event, delivered back to us by a broker; ignored without a result."""


class InstanceBusy(Exception):
    """Another event held an instance of this one until the time was over."""


class LedgerUnreadable(Exception):
    """The ledger could not be read or claimed, or is full; the text names no address."""


class StateUnreadable(Exception):
    """The live state could not be read in full; `response` is the answer that prevented it.

    `transient` says that a later try may succeed.
    """

    def __init__(
        self, problem: str, *, response: ApiResponse | None = None, transient: bool = False
    ) -> None:
        super().__init__(problem)
        self.response, self.transient = response, transient

    @property
    def ending(self) -> Ending:
        """How an event, or an instance, ends because of it.

        A person has to act where waiting does not help: a permission is missing, a name is wrong.
        """
        retryable = self.transient if self.response is None else self.response.may_pass
        lasting = self.response is not None and self.response.lasting
        return Ending(Outcome.FAILED, "state_unreadable", retryable, not retryable or lasting)

    @property
    def throttled(self) -> bool:
        """Whether the cloud refused to be read because there were too many calls."""
        return self.response is not None and self.response.throttled


class SettingsInvalid(Exception):
    """The settings are wrong; each problem is one line that names its variable, not its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceSchemaMismatch(Exception):
    """A source has no schema of its name, or a schema no source."""

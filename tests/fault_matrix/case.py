"""The types of the fault matrix: a case with its faults, and the expected result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.fake_dms import Answer, FakeDms, Fault
from tests.fake_dms.faults import Stage
from tests.fake_dms.stream import Stream

SOON = 0.4  # enough to begin to send on a busy machine, and little to wait until time runs out
ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"

Action = Literal["restart", "purge_failed", "delete"]
ALL: tuple[Action, ...] = ("restart", "purge_failed", "delete")
BY_ID: tuple[Action, ...] = ("restart", "delete")
EITHER: tuple[Action, ...] = ("restart", "purge_failed")
LedgerFault = Literal[
    "gone",
    "stalled",
    "drips",
    "full",
    "replica",
    "cluster",
    "no Redis",
    "killed while reading",
    "killed while sending",
]
Route = Literal[
    "cloud", "elsewhere", "refused", "unreachable", "no name", "no DNS", "slow name", "full"
]


@dataclass(frozen=True)
class Expected:
    """The expected result event and HTTP status, and the number of POSTs that arrived.

    `attempts` is the number that the result reports: higher where a POST only may have arrived.
    """

    outcome: str
    reason: str | None
    http: int
    posts: int
    attempts: int | None = None

    @property
    def reported(self) -> int:
        """The expected `api.attempts` of the result."""
        return self.posts if self.attempts is None else self.attempts

    def after(self, posts: int) -> "Expected":
        """Return the same for another number of POSTs."""
        return replace(self, posts=posts)


NOT_SENT = Expected("failed", "not_sent", 503, 0)
TOO_LATE = Expected("failed", "deadline", 503, 0)
UNREADABLE = Expected("failed", "state_unreadable", 503, 0)
UNREADABLE_LASTING = Expected("failed", "state_unreadable", 200, 0)
UNKNOWN = Expected("unknown", "unclear", 202, 1)
POSSIBLY_SENT = replace(UNKNOWN, posts=0, attempts=1)
ACCEPTED = Expected("accepted", None, 200, 1)
SEEN = Expected("accepted", "seen_restarting", 200, 1)
REFUSED = Expected("failed", "refused", 200, 1)
THROTTLED = Expected("failed", "throttled", 503, 1)
BUSY = Expected("failed", "busy", 503, 1)


@dataclass(frozen=True)
class PlannedFault:
    """A fault of the fake API and the calls that it applies to; `times` None means every call.

    A fault of the kind `connection` is set on the second server; see `routes`, `read_routes`.
    """

    fault: Fault
    kind: str = "action"
    times: int | None = 1
    skip: int = 0


@dataclass(frozen=True)
class Case:
    """One row of the table.

    `routes` is where each connection for the POST leads, in order, further ones lead to the cloud;
    the first is opened while the live state is read. `read_routes` is the same for reading.
    `hurry` is how many seconds are left for sending when the state was read, 0 for all that
    there are; at the last of the `looks` for the effect, time is over. `meanwhile` runs when
    the POST has arrived. `pages` says that a person is called although the event is retryable.
    `elsewhere` is the status of a redirect to another host. `ledger` is what is wrong with the
    server of the shared ledger; `sent_before`: the ledger holds the same call already.
    """

    name: str
    expected: Expected
    faults: tuple[PlannedFault, ...] = ()
    purge: Expected | None = None
    delete: Expected | None = None
    actions: tuple[Action, ...] = EITHER
    instances: tuple[str, ...] = (ONE,)
    routes: tuple[Route, ...] = ()
    read_routes: tuple[Route, ...] = ()
    tls: str | None = None
    hurry: float = 0.0
    seconds: float = 10.0
    looks: int = 1
    says: str = ""
    pages: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    platform: bool = False
    arrange: Callable[[FakeDms], object] | None = None
    meanwhile: Callable[[FakeDms], object] | None = None
    elsewhere: int | None = None
    ledger: LedgerFault | None = None
    sent_before: bool = False

    def expected_for(self, action: Action) -> Expected:
        """Return the expectation for an action."""
        clients = {"purge_failed": self.purge, "delete": self.delete}.get(action)
        return clients or self.expected


@dataclass(frozen=True, slots=True)
class Meanwhile(Fault):
    """Run a callback when a request has arrived, before it is answered."""

    happens: Callable[[], object]
    then: Fault = field(default_factory=Fault)

    def reach(self, stage: Stage, line: Stream) -> None:
        """Run the callback."""
        if stage == "request":
            self.happens()
        self.then.reach(stage, line)

    def instead(self) -> Answer | None:
        """Leave it to what follows."""
        return self.then.instead()

    def alter(self, answer: Answer) -> Answer:
        """Leave it to what follows."""
        return self.then.alter(answer)

    def send(self, answer: Answer, line: Stream) -> None:
        """Leave it to what follows."""
        self.then.send(answer, line)


def posting(name: str, fault: Fault, expected: Expected, **rest: Any) -> Case:
    """Return a case with a fault of the POST."""
    return Case(name, expected, (PlannedFault(fault),), **rest)


def done_without_response(name: str, fault: Fault, **rest: Any) -> Case:
    """Return a case in which the POST is executed and no clear response comes.

    Reads resolve the outcome, except for a purge, which no read shows.
    """
    return posting(
        name, fault, SEEN, **({"purge": UNKNOWN, "delete": ACCEPTED, "actions": ALL} | rest)
    )

"""What a case of the fault bench is made of: what happens, and what must be said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.fake_dms import Answer, FakeDms, Fault
from tests.fake_dms.faults import Stage
from tests.fake_dms.stream import Stream

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"

Action = Literal["restart", "purge_failed", "delete"]
ALL: tuple[Action, ...] = ("restart", "purge_failed", "delete")
BY_ID: tuple[Action, ...] = ("restart", "delete")
EITHER: tuple[Action, ...] = ("restart", "purge_failed")
LedgerFault = Literal[
    "gone", "stalled", "full", "no Redis", "killed while reading", "killed while sending"
]
Way = Literal[
    "cloud", "elsewhere", "refused", "unreachable", "no name", "no DNS", "slow name", "full"
]


@dataclass(frozen=True)
class Expected:
    """What the result event and the HTTP answer say, and how many POSTs arrived.

    `attempts` is what the result says of them: more, where a POST may have arrived and did not.
    """

    outcome: str
    reason: str | None
    http: int
    posts: int
    attempts: int | None = None

    @property
    def said(self) -> int:
        """The `api.attempts` of the result."""
        return self.posts if self.attempts is None else self.attempts

    def after(self, posts: int) -> "Expected":
        """Return the same for another number of POSTs."""
        return replace(self, posts=posts)


NOT_SENT = Expected("failed", "not_sent", 503, 0)
TOO_LATE = Expected("failed", "deadline", 503, 0)
UNREADABLE = Expected("failed", "state_unreadable", 503, 0)
UNREADABLE_FOR_GOOD = Expected("failed", "state_unreadable", 200, 0)
UNKNOWN = Expected("unknown", "unclear", 202, 1)
PERHAPS_SENT = replace(UNKNOWN, posts=0, attempts=1)
ACCEPTED = Expected("accepted", None, 200, 1)
SEEN = Expected("accepted", "seen_restarting", 200, 1)
REFUSED = Expected("failed", "refused", 200, 1)
THROTTLED = Expected("failed", "throttled", 503, 1)
BUSY = Expected("failed", "busy", 503, 1)


@dataclass(frozen=True)
class Dial:
    """A fault of the stand-in and the calls that it meets; `times` None means every one.

    One that meets a connection (`kind`) waits elsewhere, where `ways` or `read_ways` lead.
    """

    fault: Fault
    kind: str = "action"
    times: int | None = 1
    skip: int = 0


@dataclass(frozen=True)
class Case:
    """One row of the table.

    `ways` is where each connection for the POST leads, in order, the rest lead to the cloud; the
    first of them is opened while the live state is read. `read_ways` is the same for reading.
    `hurry` lets the time for sending run out soon after the state was read; at the last of the
    `looks` for the effect, time is over. `meanwhile` happens when the POST has arrived. `pages`
    says that it calls a person although it may be sent again. `elsewhere` is the status of a
    redirect to another host. `ledger` is what is wrong with the server of the shared ledger;
    `sent_before`: the ledger holds the same call already.
    """

    name: str
    told: Expected
    dials: tuple[Dial, ...] = ()
    purge: Expected | None = None
    delete: Expected | None = None
    actions: tuple[Action, ...] = EITHER
    instances: tuple[str, ...] = (ONE,)
    ways: tuple[Way, ...] = ()
    read_ways: tuple[Way, ...] = ()
    tls: str | None = None
    hurry: bool = False
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

    def expected(self, action: Action) -> Expected:
        """Return what must be told when this meets an action."""
        own = {"purge_failed": self.purge, "delete": self.delete}.get(action)
        return own or self.told


@dataclass(frozen=True, slots=True)
class Meanwhile(Fault):
    """Something else happens when a request has arrived, before it is answered."""

    happens: Callable[[], object]
    then: Fault = field(default_factory=Fault)

    def reach(self, stage: Stage, line: Stream) -> None:
        """Let it happen."""
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


def posting(name: str, fault: Fault, told: Expected, **rest: Any) -> Case:
    """Return a case in which the POST meets a fault."""
    return Case(name, told, (Dial(fault),), **rest)


def done_unheard(name: str, fault: Fault, **rest: Any) -> Case:
    """Return a case in which the POST is carried out and no clear answer comes.

    What reading shows settles it, but for a purge, which nothing shows.
    """
    return posting(
        name, fault, SEEN, **({"purge": UNKNOWN, "delete": ACCEPTED, "actions": ALL} | rest)
    )

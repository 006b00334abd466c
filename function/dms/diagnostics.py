"""The reads of a check: those of an alarm, in parallel, and how far a connection gets.

Nothing is changed but by the probe, which asks to restart an instance that exists nowhere; its one
POST goes through the same gate as every other (dms/action.py).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from ..lib.transport import Client, RawResponse
from ..model.check import AuthFailure, CheckRequest, CloudAnswer, Readings, TopicCount
from ..model.cloud_state import ApiResponse, InstanceState, Task
from ..model.decision import ActionCall
from ..model.errors import StateUnreadable
from ..settings.model import Credentials, Limits, OutboundSettings
from . import responses
from .action import post_action
from .inventory import PAGE_SIZE, Inventory
from .observe import MAX_HISTORY, restart_tasks
from .reachability import ReachProbe
from .session import DmsSession

# A check has no call to wait for, so it takes more than the 40 % in which an alarm reads: what an
# alarm can read, a check can, too. Of the default deadline it is 2.7 seconds.
CHECK_SHARE = 0.6
# The gateway was seen to refuse more than 40 calls a minute, and alarms need some of them.
MAX_HISTORIES = 5
# Only instances that the check names; with four pages each, 20 calls of the 40 a minute.
MAX_TOPIC_READS = 5
MAX_TOPIC_PAGES = 4
MAX_THREADS = 10
UNAUTHORIZED = 401
CREATE_FAILED = "CREATEFAILED"
# What the gateway's text on a 401 was seen to hold; the text itself quotes signed headers.
AUTH_FAILURES = (
    ("get secretkey failed", AuthFailure.UNKNOWN_KEY),
    ("ak not exist", AuthFailure.UNKNOWN_KEY),
    ("verify aksk signature fail", AuthFailure.WRONG_SIGNATURE),
    ("token must be updated", AuthFailure.EXPIRED),
    ("expire", AuthFailure.EXPIRED),
)
# Expired tokens; see policy/call_result.py.
EXPIRED_CODES = frozenset({"APIGW.0307", "APIG.0307", "DMS.10240102"})


def _auth_failure(response: ApiResponse, body: bytes | None) -> AuthFailure | None:
    """Tell an unknown key, a wrong signature and an expired token apart, where the text does."""
    if response.error_code in EXPIRED_CODES:
        return AuthFailure.EXPIRED
    if response.status != UNAUTHORIZED or response.clock_skew_rejected:
        return None
    text = (body or b"").decode("utf-8", "replace").lower()
    return next((cause for part, cause in AUTH_FAILURES if part in text), AuthFailure.OTHER)


class DiagnosticSession(DmsSession):
    """A session that keeps what every answer says of clocks, keys and the place it came from."""

    def __init__(
        self, outbound: OutboundSettings, credentials: Credentials | None, **means: Any
    ) -> None:
        super().__init__(outbound, credentials, **means)
        self.outbound = outbound
        self.has_credentials = credentials is not None
        self.has_network = self._http_client is Client
        self.answers: list[CloudAnswer] = []

    def parse(self, answer: RawResponse) -> ApiResponse:
        """Return an HTTP response as the API's answer, and record what it shows of the network."""
        response = super().parse(answer)
        self.answers.append(
            CloudAnswer(
                status=answer.status,
                error_code=response.error_code,
                json=response.document is not None,
                clock_skew_seconds=responses.clock_skew(answer.headers, self.now()),
                clock_skew_rejected=response.clock_skew_rejected,
                auth_failure=_auth_failure(response, answer.body),
            )
        )
        return response


class _Outcome(NamedTuple):
    """What one read returned, or what stood in its way."""

    value: Any = None
    problem: StateUnreadable | None = None


def _attempt(read: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(read())
    except StateUnreadable as problem:
        return _Outcome(problem=problem)


class _Reader:
    """The reads of one check, all of which end at the same moment."""

    def __init__(self, session: DiagnosticSession, limits: Limits) -> None:
        deadline = session.deadline
        self._session = session
        self._limits = limits
        self._until = deadline.start + CHECK_SHARE * deadline.seconds
        self._inventory = Inventory(session, until=self._until)

    def gather(self, reads: Mapping[str, Callable[[], Any]]) -> dict[str, _Outcome]:
        """Run reads in parallel, and return the results that arrive in time."""
        outcomes: dict[str, _Outcome] = {}

        def run(name: str, read: Callable[[], Any]) -> None:
            outcomes[name] = _attempt(read)

        late = _Outcome(problem=StateUnreadable("the cloud did not answer in time", transient=True))
        works = [partial(run, name, read) for name, read in reads.items()]
        with suppress(StateUnreadable):  # what has come by then counts
            self._session.gather(works, threads=MAX_THREADS, until=self._until)
        finished = dict(outcomes)  # threads that were abandoned may still add to `outcomes`
        return {name: finished.get(name, late) for name in reads}

    def walk(self) -> ReachProbe:
        """Return a walk towards the endpoint that ends with the other reads."""
        return ReachProbe(self._session.outbound, partial(self._session.remaining, self._until))

    def first_reads(self) -> dict[str, Callable[[], Any]]:
        """Return what needs no instance: the list, and the listing that a purge reads."""
        return {
            "list": self._inventory.instances,
            "failed_creations": partial(self._inventory.instances, include_failure="true"),
        }

    def instance_reads(
        self, request: CheckRequest, listed: Sequence[InstanceState] | None, now: datetime
    ) -> dict[str, Callable[[], Any]]:
        """Return what an alarm reads of an instance, and what is asked about some besides.

        Instances that were asked for and are not in the list are shown one by one: they may be of
        another engine, or being deleted.
        """
        targets = _targets(request, self._limits, listed)
        ids = {state.id for state in listed or ()}
        missing = [id_ for id_ in request.instances if id_ not in ids and id_ not in targets[:1]]
        since = now - MAX_HISTORY
        reads: dict[str, Callable[[], Any]] = {
            f"show {id_}": partial(self._inventory.instance, id_)
            for id_ in (*targets[:1], *missing)
        }
        reads |= {f"tasks {id_}": partial(self._history, id_, since) for id_ in targets}
        asked = [id_ for id_ in request.instances if id_ in ids][:MAX_TOPIC_READS]
        return reads | {f"topics {id_}": partial(self._topics, id_) for id_ in asked}

    def _history(self, instance: str, since: datetime) -> tuple[tuple[Task, ...], frozenset[str]]:
        """Return the tasks of an instance, and the names of those that count as restarts."""
        tasks = self._inventory.tasks(instance, since)
        restarts = restart_tasks(tasks, self._limits.restart_task_pattern)
        return tasks, frozenset(task.name for task in restarts)

    def _topics(self, instance: str) -> TopicCount:
        """Count the topics of an instance, and those with a single replica."""
        rows: list[Any] = []
        for page in range(MAX_TOPIC_PAGES):
            response = self._session.get(
                f"/instances/{instance}/topics",
                until=self._until,
                limit=PAGE_SIZE,
                offset=page * PAGE_SIZE,
            )
            listed, total = responses.parse_page(response, "topics", "total", "dms:topic:list")
            rows += listed
            if len(rows) >= total or not listed:
                break
        alone = sum(isinstance(row, dict) and row.get("replication") == 1 for row in rows)
        return TopicCount(len(rows), alone)


def _targets(
    request: CheckRequest, limits: Limits, listed: Sequence[InstanceState] | None
) -> tuple[str, ...]:
    """Choose the instances to read as for an alarm; without a list, the named ones."""
    if listed is None:
        return (*request.instances, *sorted(limits.allowed or ()))[:MAX_HISTORIES]
    ids = {state.id: None for state in listed}
    asked = [id_ for id_ in request.instances if id_ in ids]
    # The history of an instance that is not RUNNING matters most, so it is read first.
    others = sorted(listed, key=lambda state: (state.status == "RUNNING", state.id))
    return tuple(dict.fromkeys([*asked, *(state.id for state in others)]))[:MAX_HISTORIES]


def _problems(outcomes: Mapping[str, _Outcome]) -> dict[str, StateUnreadable]:
    """Return one problem for each kind of read that had any; an answer tells more than none."""
    problems: dict[str, StateUnreadable] = {}
    for name, outcome in outcomes.items():
        kind = name.partition(" ")[0]
        answered = kind in problems and problems[kind].response is not None
        if outcome.problem is not None and not answered:
            problems[kind] = outcome.problem
    return problems


def _by_id(outcomes: Mapping[str, _Outcome], kind: str) -> dict[str, Any]:
    """Return what the reads of one kind returned, by the instance that they were for."""
    named = ((name.split(" "), outcome.value) for name, outcome in outcomes.items())
    return {words[1]: value for words, value in named if words[0] == kind and value is not None}


def read(
    session: DiagnosticSession,
    request: CheckRequest,
    limits: Limits,
    *,
    probe: ActionCall | None,
    announce: Callable[[ActionCall], None],
    now: datetime,
) -> Readings:
    """Read everything that a check needs from the cloud; `probe` is sent last, and once.

    Where the credentials are not accepted, nothing more is read: every check would say the same,
    and accounts are locked after many refusals.
    """
    reader = _Reader(session, limits)
    walk = reader.walk()
    steps = {"reach": walk.run} if session.has_network else {}
    if not session.has_credentials:
        reader.gather(steps)
        return Readings(walk.result)
    first = reader.gather({**steps, **reader.first_reads()})
    listed = first["list"].value
    instances: tuple[InstanceState, ...] | None = listed[0] if listed is not None else None
    known = not any(answer.status == UNAUTHORIZED for answer in session.answers)
    reads = reader.instance_reads(request, instances, now) if known else {}
    then = reader.gather(reads)
    readings = _readings(walk, session, {**first, **then})
    if probe is None or not session.answers or not known:
        return readings
    # Logged first, like every call: a process that is killed leaves a trace.
    announce(probe)
    return readings._replace(probed=probe.instances[0], probe=post_action(session, probe))


def _readings(
    walk: ReachProbe, session: DiagnosticSession, outcomes: Mapping[str, _Outcome]
) -> Readings:
    rows, _ = outcomes["list"].value or (None, 0)
    failed, total = outcomes["failed_creations"].value or (None, 0)
    histories = _by_id(outcomes, "tasks")
    return Readings(
        reach=walk.result,
        answers=tuple(session.answers),
        instances=rows,
        failed_creations=None
        if failed is None
        else tuple(state for state in failed if state.status == CREATE_FAILED),
        unlisted=max(total - len(failed or ()), 0),
        states=_by_id(outcomes, "show"),
        histories=tuple(histories),
        task_names=frozenset(task.name for tasks, _ in histories.values() for task in tasks),
        restart_names=frozenset(name for _, names in histories.values() for name in names),
        topics=_by_id(outcomes, "topics"),
        problems=_problems(outcomes),
    )

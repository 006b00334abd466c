"""The table of rules once more, written down independently, against the whole function.

What the function decides and sends, over HTTP to the fake cloud, has to be what `expected` reads
out of the table; it knows nothing of the code that it checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from function.lib.timestamps import text
from tests.factories import NOW, ids
from tests.harness import EventReply, Remediator, ago, ces_alarm, open_remediator

T = TypeVar("T")
POOL = ids(5)
DAY = 86400
HISTORY = (0, 600, 1200, 1201, 3599, 3600, 7200, 86399, 86400, 180000)
MODES = {"act": "act", "on": "act", "observe": "observe", "no": "off", "off": "off"}


class Past(NamedTuple):
    """A background task that began `ago` seconds before now and was updated `took` later."""

    ago: int
    took: int
    status: str
    name: str

    @property
    def runs(self) -> bool:
        return self.status in {"CREATED", "EXECUTING"}

    @property
    def ended(self) -> int:
        """How many seconds ago it ended."""
        return 0 if self.runs else self.ago - self.took


class Live(NamedTuple):
    status: str
    engine: str
    tag: str | None
    tasks: tuple[Past, ...]


class Alert(NamedTuple):
    instance: str
    firing: bool
    mapped: bool
    ago: int


class Case(NamedTuple):
    """An event by its kind; `sent` seconds ago, `says_begin` unless it is a repeat."""

    kind: str
    alerts: tuple[Alert, ...]
    sent: int
    says_begin: bool
    live: Mapping[str, Live]
    limits: Mapping[str, str]

    def number(self, name: str) -> int:
        return int(self.limits[name])

    def names(self, name: str) -> list[str]:
        return self.limits[name].split(",")


Result = tuple[str, str | None]


class Expected(NamedTuple):
    """The reason of a rejection; or the outcome of each instance, and what is restarted."""

    rejected: str | None = None
    results: Mapping[str, Result] = MappingProxyType({})
    restarted: frozenset[str] = frozenset()
    needs_human: bool = False


def _of(*words: T, usually: T) -> st.SearchStrategy[T]:
    """So that one thing in ten is unusual, and most rules are reached."""
    return st.sampled_from((usually,) * (9 * len(words)) + words)


PAST = st.builds(
    Past,
    st.sampled_from(HISTORY),
    st.sampled_from((0, 60, 600, 1500)),
    st.sampled_from(("SUCCESS", "SUCCESS", "FAILED", "CANCELLED", "DELETED", "EXECUTING")),
    _of("RESTART", "kafkaConfigModify", "restartKafkaManager", usually="kafkaInstanceRestart"),
)
LIVE = st.builds(
    Live,
    _of("RUNNING", "RESTARTING", "FROZEN", "EXTENDEDFAILED", usually="ERROR"),
    _of("rabbitmq", usually="kafka"),
    _of(*MODES, "OBSERVE", "banana", "", usually=None),
    st.lists(PAST, max_size=4).map(tuple),
)
ALERT = st.builds(
    Alert,
    st.sampled_from(POOL),
    _of(False, usually=True),
    _of(False, usually=True),
    st.sampled_from((*HISTORY, 30 * DAY, 30 * DAY + 1)),
)
LIMITS = st.fixed_dictionaries(
    {
        "MAX_EVENT_AGE_SECONDS": _of("60", usually="3600"),
        "ALLOWED_INSTANCES": _of(",".join(POOL[1:]), usually="*"),
        "BLOCKED_INSTANCES": _of(POOL[4], usually=""),
        "MAX_INSTANCES": _of("2", usually="10"),
        "MAX_RESTARTING": _of("1", "0", usually="3"),
        "COOLDOWN_SECONDS": _of("600", "0", usually="3600"),
        "MAX_RESTARTS_PER_DAY": _of("1", "0", usually="3"),
        "RESTART_STATUSES": _of("ERROR", usually="RUNNING,ERROR"),
        "ENABLED_ACTIONS": _of("purge_failed", usually="restart"),
        "DEFAULT_MODE": _of("observe", "off", usually="act"),
        "DRY_RUN": _of("true", usually="false"),
    }
)
CASES = st.builds(
    Case,
    st.sampled_from(("alertmanager", "alertmanager", "ces_alarm", "direct")),
    st.lists(ALERT, min_size=1, max_size=6).map(tuple),
    st.sampled_from((*(0,) * 12, 60, 61, 3600, 3601, -300, -301)),
    st.booleans(),
    st.dictionaries(st.sampled_from(POOL), LIVE, min_size=2),
    LIMITS,
).map(lambda case: case._replace(alerts=case.alerts[:1]) if case.kind == "ces_alarm" else case)


def _mode(live: Live, case: Case) -> str:
    if live.tag is None:
        return case.limits["DEFAULT_MODE"]
    return MODES.get(live.tag.lower(), "off")


def _screened(alert: Alert, case: Case) -> str | None:
    """Rules 1 to 4, and an alarm that was raised too long ago."""
    alarm, dated = case.kind != "direct", case.kind != "alertmanager"
    if alarm and not alert.firing:
        return "not_firing"
    if alarm and not alert.mapped:
        return "not_mapped"
    if dated and case.sent > case.number("MAX_EVENT_AGE_SECONDS"):
        return "stale"
    if alarm and _begin(alert, case) > 30 * DAY:
        return "stale"
    return "from_the_future" if dated and case.sent < -300 else None


def _begin(alert: Alert, case: Case) -> int:
    """How many seconds ago an alarm was raised; within a day where that is not said."""
    return DAY if case.kind == "ces_alarm" and not case.says_begin else alert.ago


def _held_back(instance: str, raised: int, case: Case) -> tuple[str | None, bool]:
    """Rules 9 to 15: the first that skips an instance, and whether a person has to act."""
    alarm, live = case.kind != "direct", case.live.get(instance)
    if live is None:
        return "not_found", alarm
    if live.engine != "kafka":
        return "not_kafka", False
    if _mode(live, case) == "off":
        return "opted_out", False
    restarts = [
        past
        for past in live.tasks
        if past.name in {"RESTART", "kafkaInstanceRestart"}
        and past.status not in {"CANCELLED", "DELETED"}
        and past.ago <= min(max(raised, DAY) + DAY, 30 * DAY)  # as far back as is asked
    ]
    stuck = any(past.runs and past.ago > 3600 for past in restarts)
    if live.status == "RESTARTING":
        return "already_restarting", alarm and stuck
    if live.status not in case.names("RESTART_STATUSES"):
        return "status", alarm
    since = [past for past in restarts if past.ended <= raised]
    if alarm and since:
        newest = min(since, key=lambda past: past.ago)
        in_vain = newest.status == "FAILED" or newest.ended > 20 * 60
        return "already_answered", in_vain or stuck
    if any(past.ago < case.number("COOLDOWN_SECONDS") for past in restarts):
        return "cooldown", False
    most = case.number("MAX_RESTARTS_PER_DAY")
    limited = 0 < most <= sum(past.ago < DAY for past in restarts)
    return ("restart_limit", True) if limited else (None, False)


def expected(case: Case) -> Expected:
    """Return what the table of rules says of a case."""
    raised: dict[str, int] = {}
    for alert in case.alerts:
        if _screened(alert, case) is None:
            begin = _begin(alert, case)
            raised[alert.instance] = min(raised.get(alert.instance, begin), begin)
    results: dict[str, Result] = {}
    for alert in case.alerts:
        if alert.instance not in raised:
            results.setdefault(alert.instance, ("skipped", _screened(alert, case)))
    if raised and "restart" not in case.names("ENABLED_ACTIONS"):
        return Expected("action_disabled")
    allowed = POOL if case.limits["ALLOWED_INSTANCES"] == "*" else case.names("ALLOWED_INSTANCES")
    blocked = case.names("BLOCKED_INSTANCES")
    forbidden = [id_ for id_ in raised if id_ not in allowed or id_ in blocked]
    if forbidden and case.kind == "direct":
        return Expected("not_allowed")
    results |= dict.fromkeys(forbidden, ("skipped", "not_allowed"))
    targets = {id_: begin for id_, begin in raised.items() if id_ not in forbidden}
    if len(targets) > case.number("MAX_INSTANCES"):
        return Expected("too_many")
    return _decided(case, targets, results)


def _decided(case: Case, targets: Mapping[str, int], results: dict[str, Result]) -> Expected:
    """Rules 9 to 18."""
    held_back = {id_: _held_back(id_, raised, case) for id_, raised in targets.items()}
    results |= {id_: ("skipped", reason) for id_, (reason, _) in held_back.items() if reason}
    needs_human = any(needs for _, needs in held_back.values())
    left = [id_ for id_, (reason, _) in held_back.items() if reason is None]
    acting = frozenset(id_ for id_ in left if _mode(case.live[id_], case) == "act")
    restarting = {
        id_
        for id_, live in case.live.items()
        if (live.status, live.engine) == ("RESTARTING", "kafka")
    }
    most = case.number("MAX_RESTARTING")
    if left and case.kind != "direct" and 0 < most < len(restarting | acting):
        results |= dict.fromkeys(left, ("skipped", "storm"))
        return Expected(None, results, needs_human=True)
    dry = case.limits["DRY_RUN"] == "true"
    act: Result = ("dry_run", "dry_run") if dry else ("accepted", None)
    results |= {id_: act if id_ in acting else ("dry_run", "observed") for id_ in left}
    return Expected(None, results, frozenset() if dry else acting, needs_human)


def _sent(case: Case, remediator: Remediator) -> EventReply:
    """Send the event of a case; ids in upper case are the same ids."""

    def moment(seconds: int) -> str | None:
        return text(NOW - timedelta(seconds=seconds))

    if case.kind == "direct":
        ids_ = [alert.instance.upper() for alert in case.alerts]
        return remediator.ask(action="restart", instances=ids_, time=moment(case.sent))
    if case.kind == "ces_alarm":
        (alert,) = case.alerts
        return remediator.trigger(
            ces_alarm(
                sent=NOW - timedelta(seconds=case.sent),
                raised=NOW - timedelta(seconds=alert.ago),
                alarm_status="alarm" if alert.firing else "ok",
                metric_name="broker_alive" if alert.mapped else "broker_cpu_usage",
                dimension=f"kafka_instance_id:{alert.instance},kafka_broker:broker-0",
                template_variable={"IsCycleTrigger": not case.says_begin},
            )
        )
    listed = [
        {
            "status": "firing" if alert.firing else "resolved",
            "labels": {
                "remediation": "restart" if alert.mapped else "page",
                "kafka_instance_id": alert.instance,
            },
            "startsAt": moment(alert.ago),
        }
        for alert in case.alerts
    ]
    return remediator.post("/alertmanager", {"version": "4", "alerts": listed})


def _prepared(case: Case, remediator: Remediator) -> None:
    for id_, live in case.live.items():
        tags = {} if live.tag is None else {"auto-remediation": live.tag}
        remediator.cloud.add_instance(id_, status=live.status, engine=live.engine, tags=tags)
        for past in live.tasks:
            began, updated = (
                ago(timedelta(seconds=seconds)) for seconds in (past.ago, past.ago - past.took)
            )
            remediator.cloud.add_task(
                id_, name=past.name, status=past.status, created_at=began, updated_at=updated
            )


# Without shrinking: a case is small already, and each try takes as long as a real event.
@settings(max_examples=200, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(case=CASES)
def test_every_event_ends_as_the_table_of_rules_says(case: Case) -> None:
    with open_remediator(
        None, **case.limits, FOLLOW_UP="false", DEADLINE_SECONDS="30"
    ) as remediator:
        _prepared(case, remediator)
        answer = _sent(case, remediator)
        calls = [post.json for post in remediator.cloud.posts]

    wanted = expected(case)
    if wanted.rejected is not None:
        assert (answer.data["outcome"], answer.data["reason"]) == ("rejected", wanted.rejected)
    else:
        rows = answer.data["instances"]
        assert {row["id"]: (row["outcome"], row["reason"]) for row in rows} == wanted.results
        assert answer.data["needs_human"] == wanted.needs_human
    called = [{**call, "instances": frozenset(call["instances"])} for call in calls]
    one = {"action": "restart", "instances": wanted.restarted}
    assert called == ([one] if wanted.restarted else [])

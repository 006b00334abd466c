"""Each invariant is broken by a hand-made history that breaks no other."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.fake_dms import Arrival, Effect

from . import __main__, tally
from .history import Ask, Delivery, Handled, History, Policy, Restart
from .invariants import INVARIANTS, violations
from .plan import Plan
from .races import doubles, repeats_of_unshown
from .tally import Tally

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
NOON = 1_795_000_000.0
HOUR = 3600.0
RESTART = {"action": "restart", "instances": [ONE]}
PURGE = {"action": "delete", "all_failure": "kafka"}
REPORT = json.loads(
    """{"specversion": "1.0", "id": "1", "type": "dev.kafka-remediator.result.v1",
    "source": "/huaweicloud/dms/kafka/0123456789abcdef0123456789abcdef",
    "dataschema": "https://kafka-remediator.dev/schemas/result.json",
    "data": {"outcome": "accepted", "action": "restart", "dry_run": false, "reason": null,
        "message": "Done.", "event": {"source": "direct", "id": null, "time": null, "name": null},
        "request": null, "instances": [],
        "api": {"status": 200, "request_id": null, "error_code": null, "error_msg": null,
            "attempts": 1},
        "retryable": false, "needs_human": false, "duration_ms": 9}}"""
)


def result(request: Mapping[str, Any] | None, **changed: Any) -> Mapping[str, Any]:
    action = "purge_failed" if request == PURGE else (request or RESTART)["action"]
    row = {"outcome": "accepted", "reason": None, "status": "ERROR", "last_restart": None}
    rows = [{"id": one, **row} for one in (request or {}).get("instances", ())]
    facts = {"request": request, "action": action, "instances": rows}
    return {**REPORT, "data": {**REPORT["data"], **facts, **changed}}


def post(request: Mapping[str, Any]) -> Arrival:
    return Arrival("POST", "/", {}, json.dumps(request).encode(), complete=True)


def handled(
    ask: Ask, moment: float, request: Mapping[str, Any], *, copy: int = 0, **changed: Any
) -> Handled:
    delivery = Delivery("direct", b"{}", (ask,), "/direct")
    return Handled(delivery, (result(request, **changed),), moment - 1, moment + 1, copy)


def history_of(*parts: Handled, **fields: Any) -> History:
    """Make the history that follows from events which did, a second later, what they asked for."""
    matching, requests = [], []
    for one in parts:
        request = one.results[0]["data"]["request"]
        requests.append(post(request))
        kind = "purge" if request == PURGE else request["action"]
        matching += [Effect(one.began + 1, kind, each) for each in request.get("instances", (TWO,))]
    restarts = [
        Restart(effect.instance, effect.time, effect.time + 300)
        for effect in matching
        if effect.action == "restart"
    ]
    facts = {
        "policy": Policy(deletes=True),
        "handled": parts,
        "lines": tuple({**part.results[0], "severity": "INFO"} for part in parts),
        "effects": tuple(matching),
        "restarts": tuple(restarts),
        "posts": tuple(requests),
    }
    return History(**{**facts, **fields})


def request(*instances: str) -> Ask:
    return Ask(instances=instances)


def alarm(since: float, *instances: str) -> Ask:
    return Ask(instances=instances, raised=dict.fromkeys(instances, since))


def restart_of(*instances: str) -> dict[str, Any]:
    return {"action": "restart", "instances": list(instances)}


GOOD = history_of(
    handled(request(ONE), NOON, RESTART),
    handled(alarm(NOON + 2 * HOUR - 60, ONE), NOON + 2 * HOUR, RESTART),
    handled(Ask("purge_failed"), NOON + HOUR, PURGE),
)
FIRST = GOOD.handled[0]
SECOND = handled(request(ONE), NOON + HOUR / 2, RESTART)
ANSWERED = handled(alarm(NOON - 60, ONE), NOON + 2 * HOUR, RESTART)
UNSAID = handled(Ask(instances=(ONE,), raised={ONE: None}), NOON + 2 * HOUR, RESTART)
FORGED = Ask(instances=(ONE,), genuine=False)
DELETE = {"action": "delete", "instances": [ONE]}

BY_A_PERSON = Restart(ONE, NOON - 900, NOON - 600, ours=False)

BROKEN: dict[str, tuple[str, History]] = {
    "no result": (
        "every_event_has_one_result",
        replace(GOOD, handled=(*GOOD.handled, replace(FIRST, results=()))),
    ),
    "two results in the log": (
        "every_event_has_one_result",
        replace(GOOD, lines=(*GOOD.lines, GOOD.lines[0])),
    ),
    "a result that is nowhere in the log": (
        "every_event_has_one_result",
        replace(GOOD, lines=GOOD.lines[1:]),
    ),
    "a word that the schema does not know": (
        "every_result_fits_its_schema",
        history_of(handled(request(ONE), NOON, RESTART, outcome="perhaps")),
    ),
    "a POST that no result admits": (
        "posts_are_those_that_results_admit",
        replace(GOOD, posts=(*GOOD.posts, post(RESTART))),
    ),
    "a POST that did not arrive": (
        "posts_are_those_that_results_admit",
        replace(GOOD, posts=GOOD.posts[1:]),
    ),
    "force_delete": (
        "posts_have_one_of_three_bodies",
        replace(GOOD, posts=(*GOOD.posts[1:], post({**RESTART, "force_delete": True}))),
    ),
    "both keys": (
        "posts_have_one_of_three_bodies",
        replace(GOOD, posts=(*GOOD.posts[1:], post({**DELETE, "all_failure": "kafka"}))),
    ),
    "nothing selected": (
        "posts_have_one_of_three_bodies",
        replace(GOOD, posts=(*GOOD.posts[1:], post(restart_of()))),
    ),
    "a forged event that is skipped": (
        "forged_events_are_rejected",
        history_of(handled(FORGED, NOON, RESTART, outcome="skipped"), effects=(), restarts=()),
    ),
    "a restart without a request": (
        "effects_were_asked_for",
        replace(GOOD, effects=(*GOOD.effects, Effect(NOON, "restart", TWO))),
    ),
    "a delete where a restart was asked for": (
        "effects_were_asked_for",
        replace(GOOD, effects=(*GOOD.effects, Effect(NOON, "delete", ONE))),
    ),
    "a purge where a restart was asked for": (
        "effects_were_asked_for",
        replace(GOOD, effects=(*GOOD.effects, Effect(NOON, "purge", TWO))),
    ),
    "a effect after its event has ended": (
        "effects_were_asked_for",
        replace(GOOD, effects=(*GOOD.effects, Effect(NOON + 2, "restart", ONE))),
    ),
    "a blocked instance": (
        "untouchables_are_left_alone",
        replace(GOOD, policy=Policy(untouchable=frozenset({ONE}))),
    ),
    "a delete although it is off": (
        "untouchables_are_left_alone",
        history_of(handled(Ask("delete", (ONE,)), NOON, DELETE), policy=Policy()),
    ),
    "a purge of too many": (
        "purges_stay_small",
        replace(GOOD, policy=Policy(max_purge=0)),
    ),
    "a second restart within the cooldown": (
        "no_restart_within_the_cooldown",
        history_of(FIRST, SECOND),
    ),
    "a second restart by another process, but long after": (
        "no_restart_within_the_cooldown",
        history_of(FIRST, replace(SECOND, copy=1), lag=5.0),
    ),
    "a restart soon after one by a person": (
        "no_restart_within_the_cooldown",
        history_of(FIRST, restarts=(BY_A_PERSON, *GOOD.restarts[:1])),
    ),
    "an alarm older than the last restart": (
        "no_restart_answers_an_answered_alarm",
        history_of(FIRST, ANSWERED),
    ),
    "an alarm that does not say since when": (
        "no_restart_answers_an_answered_alarm",
        history_of(FIRST, UNSAID),
    ),
    "more restarts than a day allows": (
        "no_more_restarts_than_a_day_allows",
        replace(GOOD, policy=Policy(restarts_per_day=1)),
    ),
    "alarms that restart too much at once": (
        "alarms_restart_few_at_once",
        history_of(
            handled(alarm(NOON - 60, ONE), NOON, RESTART),
            handled(alarm(NOON - 60, TWO), NOON + 0.5, restart_of(TWO)),
            policy=Policy(max_restarting=1),
        ),
    ),
    "an alarm although a person restarts another": (
        "alarms_restart_few_at_once",
        history_of(
            handled(alarm(NOON - 60, ONE), NOON, RESTART),
            restarts=(
                Restart(TWO, NOON - 60, NOON + 60, ours=False),
                Restart(ONE, NOON, NOON + 300),
            ),
            policy=Policy(max_restarting=1),
        ),
    ),
}


@pytest.mark.parametrize(("invariant", "history"), BROKEN.values(), ids=BROKEN)
def test_a_broken_invariant_is_named(invariant: str, history: History) -> None:
    assert {violation.partition(":")[0] for violation in violations(history)} == {invariant}


def test_every_invariant_is_shown_to_break() -> None:
    assert {name for name, _ in BROKEN.values()} == {one.__name__ for one in INVARIANTS}


def test_a_good_history_breaks_none() -> None:
    assert violations(GOOD) == []


def test_two_processes_may_double_a_restart_that_does_not_show_yet_and_it_is_counted() -> None:
    other = replace(handled(request(ONE), NOON + 0.5, RESTART), copy=1)

    history = history_of(FIRST, other, lag=0.5)

    assert violations(history) == []
    assert doubles(history) == 1


def test_the_threads_of_one_process_may_not() -> None:
    history = history_of(FIRST, handled(request(ONE), NOON + 0.5, RESTART), lag=0.5)

    assert len(violations(history)) == 1
    assert doubles(history) == 0


def test_a_process_may_not_double_what_showed_before_it_began() -> None:
    other = replace(handled(request(ONE), NOON + 3, RESTART), copy=1)

    assert len(violations(history_of(FIRST, other, lag=0.5))) == 1


def test_with_a_ledger_processes_may_double_nothing() -> None:
    other = replace(handled(request(ONE), NOON + 0.5, RESTART), copy=1)

    history = history_of(FIRST, other, lag=0.5, ledger=True)

    assert len(violations(history)) == 1
    assert doubles(history) == 0


@pytest.mark.parametrize(("minutes", "hidden"), [(20, True), (19, True), (20, False)])
def test_restart_never_shown_may_be_repeated_after_twenty_minutes(
    minutes: int, hidden: bool
) -> None:
    lost = handled(request(ONE), NOON, RESTART, outcome="unknown")
    row = {**lost.results[0]["data"]["instances"][0], "outcome": "unknown"}
    lost = handled(request(ONE), NOON, RESTART, outcome="unknown", instances=[row])
    again = handled(request(ONE), NOON + 60 * minutes, RESTART)
    history = history_of(lost, again)
    shown = tuple(replace(restart, hidden=hidden) for restart in history.restarts)
    history = replace(history, restarts=shown)

    known = hidden and minutes == 20
    assert len(violations(history)) == (0 if known else 1)
    assert repeats_of_unshown(history) == known


def test_a_person_who_starts_a_restart_later_is_not_counted_against_an_alarm() -> None:
    restarts = (Restart(ONE, NOON, NOON + 300), Restart(TWO, NOON + 5, NOON + 60, ours=False))
    event = handled(alarm(NOON - 60, ONE), NOON, RESTART)

    assert violations(history_of(event, restarts=restarts, policy=Policy(max_restarting=1))) == []


def test_lines_of_the_log_may_be_missing_where_they_are_counted() -> None:
    counted = tuple({**line, "dropped": 1} for line in GOOD.lines[1:])

    assert violations(replace(GOOD, lines=counted, dropped=1)) == []
    assert len(violations(replace(GOOD, lines=counted[1:], dropped=1))) == 1


@pytest.mark.parametrize("broken", [0, 1])
def test_the_command_fails_when_any_run_broke(
    broken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def play(plans: Iterable[Plan]) -> Iterator[tuple[Plan, Tally]]:
        for number, plan in enumerate(plans):
            history = replace(GOOD, lines=()) if broken and number == 0 else GOOD
            yield plan, tally.of(history, plan)

    monkeypatch.setattr("sys.argv", ["simulation", "--seeds", "2"])
    monkeypatch.setattr(__main__, "run_seeds", play)
    assert __main__.main() == broken
    assert ("1 violations." in capsys.readouterr().out) == bool(broken)

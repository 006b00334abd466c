"""Describe the answer of each rule in one line for people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from ..lib.text import one_line
from ..lib.timestamps import text
from ..model.cloud_state import InstanceState
from ..model.event import Intent
from ..policy.instance_rules import Answer, last_restart, restarts_today
from ..policy.modes import TAG, mode_of, tag_mode
from ..policy.screen import MAX_ALARM_AGE
from ..policy.trace import TracedEvent
from ..reporting.messages import REASON_TEXTS

_NO_LABELS = (
    'its labels ask for no restart: that takes remediation="restart", '
    "and a kafka_broker that is no connector"
)


class Facts(NamedTuple):
    """What an answer about one instance rests on; `state` is None where none was read."""

    traced: TracedEvent
    intent: Intent
    state: InstanceState | None
    problem: str | None = None
    applies: bool = False


def _seconds(name: str, seconds: float) -> str:
    return f"{name} ({seconds:.0f})"


def _words(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _time(moment: datetime | None) -> str:
    return text(moment) or "an unknown time"


def _not_firing(facts: Facts) -> str:
    if not facts.traced.screened.alarm:
        return "this is a request, no alarm"
    if not facts.applies:
        return "the alarm is firing"
    if facts.intent.ended:
        return "the alarm is not firing: it has ended"
    return "the alarm is not firing, or fires for missing data (NoData, Error)"


def _not_mapped(facts: Facts) -> str:
    metric = facts.intent.metric
    if metric is None:
        return _NO_LABELS if facts.applies else "it asks for a restart"
    # The words of a sender: made safe for a terminal.
    name = one_line(metric, 100) or "(none)"
    known = _words(facts.traced.limits.alarm_metrics)
    if facts.intent.skip == "not_mapped":
        return "it names no Kafka instance of DMS"
    return f"the metric {name} is {'not ' if facts.applies else ''}in ALARM_METRICS ({known})"


def _sent(facts: Facts) -> str:
    sent = facts.traced.event.sent_at
    if sent is None:
        return "its sender does not say when it was sent, so it counts as sent now"
    return f"sent at {_time(sent)}, and it is {_time(facts.traced.now)}"


def _stale(facts: Facts) -> str:
    limits, hint = facts.traced.limits, "; --at explains it at another time" * facts.applies
    most = _seconds("MAX_EVENT_AGE_SECONDS", limits.max_event_age.total_seconds())
    sent = facts.traced.event.sent_at
    if facts.applies and (sent is None or sent >= facts.traced.now - limits.max_event_age):
        raised = _time(facts.intent.raised_at)
        return f"raised at {raised}, more than {MAX_ALARM_AGE.days} days ago{hint}"
    if sent is None:
        return _sent(facts)
    return f"{_sent(facts)}: {'more' if facts.applies else 'not more'} than {most} ago{hint}"


def _from_the_future(facts: Facts) -> str:
    if facts.traced.event.sent_at is None:
        return _sent(facts)
    return f"{_sent(facts)}: {'more' if facts.applies else 'not more'} than 5 minutes ahead"


def _action_disabled(facts: Facts) -> str:
    action = facts.intent.action.value
    return f"{action} is {'not ' if facts.applies else ''}in ENABLED_ACTIONS"


def _not_allowed(facts: Facts) -> str:
    limits, instances = facts.traced.limits, facts.intent.instances
    if not facts.applies:
        allowed = "every instance is allowed" if limits.allowed is None else "in ALLOWED_INSTANCES"
        return f"{allowed}, and it is not in BLOCKED_INSTANCES"
    if any(instance in limits.blocked for instance in instances):
        return "in BLOCKED_INSTANCES"
    return "not in ALLOWED_INSTANCES"


def _too_many(facts: Facts) -> str:
    named = {id_ for intent in facts.traced.event.intents for id_ in intent.instances}
    most = _seconds("MAX_INSTANCES", facts.traced.limits.max_instances)
    return f"the event names {len(named)}: {'more' if facts.applies else 'not more'} than {most}"


def _state_unreadable(facts: Facts) -> str:
    if facts.applies:
        return facts.problem or "the live state could not be read in full"
    return "its status and its history were read in full"


def _not_kafka(facts: Facts) -> str:
    engine = facts.state.engine if facts.state else None
    return f"its engine is {one_line(engine or 'not known', 40)}"


def _mode(facts: Facts) -> str:
    default = facts.traced.limits.default_mode
    tags = facts.state.tags if facts.state else None
    tagged, mode = tag_mode(tags, facts.traced.now), mode_of(tags, default, facts.traced.now)
    if tagged is None:
        return f"mode {mode.value}, by DEFAULT_MODE: it has no tag {TAG} that counts"
    if not tagged.understood:
        return f"mode off: its tag {TAG} is not one of act, observe and off"
    return f"mode {mode.value}, by its tag {TAG}"


def _status(facts: Facts) -> str:
    return one_line(str(facts.state.status), 40) if facts.state else "not known"


def _status_allows(facts: Facts) -> str:
    listed = _words(facts.traced.limits.restart_statuses)
    return f"{_status(facts)} is {'not ' if facts.applies else ''}in RESTART_STATUSES ({listed})"


def _newest(facts: Facts) -> str:
    newest = last_restart(facts.state) if facts.state else None
    return f"last restart at {text(newest)}" if newest else "no restart in its history"


def _already_answered(facts: Facts) -> str:
    if not facts.traced.screened.alarm:
        return "this is a request, which no earlier restart answers"
    raised = facts.intent.raised_at
    since = f"the alarm was raised at {text(raised)}" if raised else "when it began is not said"
    return f"{since}; {_newest(facts)}"


def _cooldown(facts: Facts) -> str:
    pause = facts.traced.limits.cooldown
    if not pause:
        return "COOLDOWN_SECONDS is 0, which switches this off"
    if facts.state is None or last_restart(facts.state) is None:
        return _newest(facts)
    seconds = _seconds("COOLDOWN_SECONDS", pause.total_seconds())
    return f"{_newest(facts)}; {'less' if facts.applies else 'not less'} than {seconds} ago"


def _restart_limit(facts: Facts) -> str:
    most = facts.traced.limits.max_restarts_per_day
    if not most:
        return "MAX_RESTARTS_PER_DAY is 0, which switches this off"
    number = restarts_today(facts.state, facts.traced.now) if facts.state else 0
    return f"{number} restarts in 24 hours, of at most MAX_RESTARTS_PER_DAY ({most})"


def _storm(facts: Facts) -> str:
    if not facts.traced.screened.alarm:
        return "this is a request, which may restart what it names"
    most = facts.traced.limits.max_restarting
    if not most:
        return "MAX_RESTARTING is 0, which switches this off"
    more = "more" if facts.applies else "not more"
    return f"{more} than MAX_RESTARTING ({most}) instances of the project would restart at once"


def _observed(facts: Facts) -> str:
    return _mode(facts) + ("; left out of the call" if facts.applies else "")


def _either(applies: str, else_: str) -> Callable[[Facts], str]:
    return lambda facts: applies if facts.applies else else_


_TEXTS: Mapping[str, Callable[[Facts], str]] = {
    "not_firing": _not_firing,
    "test_event": _either("a test message of its sender", "no test message"),
    "not_mapped": _not_mapped,
    "stale": _stale,
    "from_the_future": _from_the_future,
    "action_disabled": _action_disabled,
    "not_allowed": _not_allowed,
    "too_many": _too_many,
    "state_unreadable": _state_unreadable,
    "not_found": _either("the cloud knows no such instance", "the instance exists"),
    "not_kafka": _not_kafka,
    "opted_out": _mode,
    "already_restarting": lambda facts: f"its status is {_status(facts)}",
    "status": _status_allows,
    "already_answered": _already_answered,
    "cooldown": _cooldown,
    "restart_limit": _restart_limit,
    "storm": _storm,
    "observed": _observed,
    "dry_run": lambda _: "no rule holds it back: with DRY_RUN=false it would be sent",
}


def why(answer: Answer, facts: Facts) -> str:
    """Return what a rule looked at and found."""
    facts = facts._replace(applies=answer.skip is not None)
    if answer.rule in _TEXTS:
        return _TEXTS[answer.rule](facts)
    # Only steps before and after the table get here: an envelope, a follow-up, a crash.
    meaning = facts.problem or REASON_TEXTS.get(answer.rule, answer.rule.replace("_", " "))
    return meaning if facts.applies else f"not so: {meaning}"

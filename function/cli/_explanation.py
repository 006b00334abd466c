"""Explain one payload: run its event through the pipeline and name every rule's answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..lib.clock import Deadline
from ..model.errors import EventRejected, SchemaViolated
from ..model.event import Intent, Outcome, RawEvent, SubscriptionNotice
from ..model.result import ResultEvent, Summary
from ..pipeline import EventRun, Runtime, process
from ..policy.trace import TracedEvent, deciding_intent, trace
from ..reporting import summarize
from ..settings.model import Credentials
from ._recognition import Recognized, open_smn
from ._why import Facts, why

# Nothing waits for a simulated cloud; what reads the real one may take its time.
DEADLINE_SECONDS = 25.0


class RuleAnswer(NamedTuple):
    """What one rule says of one instance."""

    rule: str
    applies: bool
    why: str


class ExplainedInstance(NamedTuple):
    """What becomes of one instance, and the rules up to the one that decides it."""

    id: str
    outcome: str
    reason: str | None
    rules: tuple[RuleAnswer, ...]


class Explanation(NamedTuple):
    """What becomes of one event; `schema` says where its document breaks which rule."""

    source: str | None
    outcome: str
    reason: str | None
    message: str
    action: str | None = None
    request: Mapping[str, Any] | None = None
    schema: Mapping[str, str | None] | None = None
    instances: tuple[ExplainedInstance, ...] = ()
    assumptions: tuple[str, ...] = ()
    needs_human: bool = False

    def document(self) -> dict[str, Any]:
        """Return the explanation as JSON that programs rely on."""
        return {
            "source": self.source,
            "outcome": self.outcome,
            "reason": self.reason,
            "request": self.request,
            "assumptions": list(self.assumptions),
            "schema": self.schema,
            "instances": [
                {**instance._asdict(), "rules": [rule._asdict() for rule in instance.rules]}
                for instance in self.instances
            ],
        }


def _schema(rejection: EventRejected | None) -> Mapping[str, str | None] | None:
    if rejection is None or rejection.reason not in {"schema", "invalid_json"}:
        return None
    path = rejection.path if isinstance(rejection, SchemaViolated) else "$"
    rule = rejection.rule if isinstance(rejection, SchemaViolated) else "json"
    return {"path": path, "rule": rule, "problem": str(rejection)}


def _traced(run: EventRun) -> TracedEvent:
    return TracedEvent(
        event=run.event,
        screened=run.screened._replace(alarm=_is_alarm(run)),
        observation=run.observation,
        limits=run.limits,
        now=run.context.raw_event.received_at,
        rejected=run.rejection.reason if run.rejection else None,
    )


def _is_alarm(run: EventRun) -> bool:
    # A rejected event may not have been screened: then its source says what kind it is.
    source = run.runtime.sources.get(run.context.source or "")
    return source is not None and source.alarm


def _verdicts(run: EventRun, data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the outcome of each instance; for a rejected event, the rejection."""
    if run.rejection is None:
        listed: Sequence[Mapping[str, Any]] = data["instances"]
        return listed
    # A rejected event has no verdicts; what it names is shown with the reason of the rejection.
    named = (instance for intent in run.event.intents for instance in intent.instances)
    rejected = {"outcome": Outcome.REJECTED, "reason": run.rejection.reason}
    return [{"id": instance, **rejected} for instance in dict.fromkeys(named)]


def _instances(run: EventRun, data: Mapping[str, Any]) -> tuple[ExplainedInstance, ...]:
    traced, problem = _traced(run), _problem(run, data)

    def explained(verdict: Mapping[str, Any]) -> ExplainedInstance:
        id_, reason = verdict["id"], verdict["reason"]
        intent = deciding_intent(traced, id_) or Intent(run.screened.action)
        state = traced.observation.instances.get(id_)
        # One intent may name several instances; the answer is about this one.
        facts = Facts(traced, intent._replace(instances=(id_,)), state, problem)
        answers = trace(traced, id_, reason)
        rules = tuple(
            RuleAnswer(answer.rule, answer.skip is not None, why(answer, facts))
            for answer in answers
        )
        return ExplainedInstance(id_, Outcome(verdict["outcome"]).value, reason, rules)

    return tuple(map(explained, _verdicts(run, data)))


def _problem(run: EventRun, data: Mapping[str, Any]) -> str | None:
    """Return the sentence about the event as a whole, where it was rejected or has failed."""
    if run.rejection is not None:
        return str(run.rejection)
    return str(data["message"]) if data["outcome"] is Outcome.FAILED else None


def _of_run(run: EventRun, result: ResultEvent, recognized: Recognized) -> Explanation:
    data = result.data
    return Explanation(
        source=run.context.source or recognized.source,
        outcome=Outcome(data["outcome"]).value,
        reason=data["reason"],
        message=data["message"],
        action=data["action"] and data["action"].value,
        request=data["request"],
        schema=_schema(run.rejection),
        instances=_instances(run, data),
        needs_human=data["needs_human"],
    )


def _of_summary(summary: Summary, rejection: EventRejected | None = None) -> Explanation:
    ending = summary.ending
    return Explanation(
        "smn",
        ending.outcome.value,
        ending.reason,
        summary.message,
        schema=_schema(rejection),
        needs_human=ending.needs_human,
    )


def _explain_smn(
    raw_event: RawEvent, runtime: Runtime, recognized: Recognized, credentials: Credentials | None
) -> Explanation:
    """Explain a message of SMN over HTTPS: what it carries is explained as if it were signed."""
    try:
        opened = open_smn(raw_event, runtime.sources, runtime.schemas)
    except EventRejected as rejection:
        return _of_summary(summarize.rejection(rejection), rejection)
    if isinstance(opened, SubscriptionNotice):
        return _of_summary(summarize.notice(opened))
    return explain(opened, runtime, recognized, credentials)


def explain(
    raw_event: RawEvent, runtime: Runtime, recognized: Recognized, credentials: Credentials | None
) -> Explanation:
    """Take one event through the pipeline, as a dry run, and return what becomes of it and why."""
    if raw_event.channel == "smn":
        return _explain_smn(raw_event, runtime, recognized, credentials)
    deadline = Deadline(runtime.clock.monotonic(), DEADLINE_SECONDS)
    run, result = process(raw_event, runtime, deadline, credentials=credentials)
    if result is None:
        return Explanation(
            "cloudevents", "skipped", None, "Our own result event, come back: it is not an event."
        )
    return _of_run(run, result, recognized)

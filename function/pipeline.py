"""The path of one event: the order of the steps, and what is found where an event leaves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

from . import readiness
from .dms import observe
from .dms.action import DmsActions
from .dms.inventory import Inventory
from .dms.locks import InFlight, InstanceLocks
from .dms.session import DmsSession
from .intake import authenticate, unwrap, validate
from .lib.clock import Clock, Deadline
from .lib.schemas import Schemas
from .lib.transport import Client
from .model.cloud_state import Observation
from .model.decision import ActionCall, Decision, ExecutionResult, ScreenedEvent
from .model.errors import (
    EventRejected,
    InstanceBusy,
    OwnResultEvent,
    SettingsInvalid,
    StateUnreadable,
)
from .model.event import Action, Event, RawEvent, Source, SubscriptionNotice, UnwrappedEvent
from .model.result import EventContext, ResultEvent, Summary, with_envelope_fields
from .policy import check, decide, execute, screen
from .reporting import emit, notify, report, summarize
from .reporting.messages import MISSING_CREDENTIALS
from .reporting.metrics import Metrics
from .settings.model import Credentials, Settings


class Runtime(NamedTuple):
    """What one process builds once; nothing in it outlives an event and changes a verdict.

    `http_client` and `log` are how an event reaches the cloud and the log. The command line puts
    a simulated cloud and silence in their place, so that it explains by the very same steps.
    """

    settings: Settings
    sources: Mapping[str, Source]
    schemas: Schemas
    clock: Clock
    locks: InstanceLocks
    in_flight: InFlight
    http_client: Callable[..., Client] = Client
    log: Callable[..., None] = emit.log
    metrics: Metrics | None = None


class EventRun:
    """One event on its way: `context` says how far it has come, the rest what it has met."""

    def __init__(
        self,
        raw_event: RawEvent,
        runtime: Runtime,
        credentials: Credentials | None,
        deadline: Deadline,
    ) -> None:
        self.runtime = runtime
        self.credentials = credentials
        self.screened = ScreenedEvent(Action.RESTART, alarm=False)
        self.observation = Observation()
        self.rejection: EventRejected | None = None
        self.limits = runtime.settings.limits
        outbound = runtime.settings.outbound
        self.context = EventContext(raw_event, outbound.project_id)
        self.session = DmsSession(
            outbound,
            credentials,
            clock=runtime.clock,
            deadline=deadline,
            http_client=runtime.http_client,
        )

    def findings(self) -> Summary:
        """Walk the path to its end, or to where the event leaves it."""
        try:
            unwrapped = self._prove()
            if unwrapped.notice is not None:
                return self._heed(unwrapped.notice)
            source = self._admit(unwrapped)
            return self._judge(source)
        except EventRejected as refusal:
            self.rejection = refusal
            if not self.context.authenticated:  # its result does not say what is wrong
                self.log("WARNING", f"Refused: {refusal}.")
            return summarize.rejection(refusal)
        except StateUnreadable as problem:
            return summarize.unreadable_state(self.screened, problem)
        except InstanceBusy:
            return summarize.busy(self.screened)
        except SettingsInvalid as invalid:
            return summarize.invalid_settings(invalid.problems)
        finally:
            self.session.close()

    def _prove(self) -> UnwrappedEvent:
        """Take the event out of its envelope and make sure of its sender."""
        raw_event, auth = self.context.raw_event, self.runtime.settings.auth
        authenticate.require_enabled_route(raw_event, auth)
        unwrapped = unwrap.unwrap(raw_event, self.runtime.sources, self.runtime.schemas)
        authenticate.authenticate(raw_event, unwrapped, auth)
        event = with_envelope_fields(Event(()), unwrapped)
        self.context = self.context._replace(
            authenticated=True, source=unwrapped.source, event=event
        )
        return unwrapped

    @property
    def event(self) -> Event:
        """What the event says of itself: as much as has been read of it so far."""
        return self.context.event or Event(())

    def _heed(self, notice: SubscriptionNotice) -> Summary:
        """Log the link of a proven confirmation for a person; it can confirm only this topic."""
        self.context = self.context._replace(source="smn")
        if notice.link is not None:
            self.runtime.log("WARNING", "Open this link to confirm the topic.", link=notice.link)
        return summarize.notice(notice)

    def _admit(self, unwrapped: UnwrappedEvent) -> Source:
        """Validate the document and read what it asks for."""
        document = validate.validate(unwrapped, self.runtime.schemas)
        self.context = self.context._replace(source=document.source)
        source = self.runtime.sources[document.source]
        event = source.parse(document.value)
        self.context = self.context._replace(event=with_envelope_fields(event, unwrapped))
        return source

    def _judge(self, source: Source) -> Summary:
        """Screen the event; what is left is observed, decided and done, one at a time."""
        if check.asks_for_check(self.event):
            return self._check(source)
        screened = screen.screen(
            self.event, source, self.limits, self.context.raw_event.received_at
        )
        self.screened = screened
        if not screened.needs_live_state:
            decision = decide.decide_without_state(screened, dry_run=self.limits.dry_run)
            return summarize.decision_outcome(self.context, decision, ExecutionResult())
        if self.credentials is None:
            raise SettingsInvalid((MISSING_CREDENTIALS,))
        remaining = partial(self.session.remaining, self.session.deadline.read_until)
        with self.runtime.locks.hold(screened.targets, remaining):
            return self._act(screened, source)

    def _check(self, source: Source) -> Summary:
        """Look whether everything is ready for an alarm; see readiness.py."""
        request = check.request(self.event, source)
        means = readiness.Means(
            settings=self.runtime.settings,
            credentials=self.credentials,
            clock=self.runtime.clock,
            deadline=self.session.deadline,
            http_client=self.runtime.http_client,
        )
        return readiness.run(request, means, announce=self._announce)

    def _act(self, screened: ScreenedEvent, source: Source) -> Summary:
        """Observe, decide, execute."""
        begun, now = self.runtime.clock.monotonic(), self.runtime.clock.now()
        inventory = Inventory(self.session, until=self.session.deadline.read_until)
        observation = observe.read_live_state(screened, self.limits, inventory, now)

        def decided(in_flight: frozenset[str]) -> tuple[Decision, Sequence[str]]:
            seen = observation._replace(restarting=observation.restarting | in_flight)
            self.observation = seen
            decision = decide.decide(screened, seen, source=source, limits=self.limits, now=now)
            restarts = decision.action is Action.RESTART and not decision.dry_run
            return decision, decision.call.instances if decision.call and restarts else ()

        decision = self.runtime.in_flight.take_off(begun, decided)
        self.context = self.context._replace(decision=decision)
        for warning in decision.warnings:
            self.log("WARNING", warning)
        if decision.call is None or decision.dry_run:
            return summarize.decision_outcome(self.context, decision, ExecutionResult())
        execution = self._execute(decision, decision.call, observation)
        return summarize.decision_outcome(self.context, decision, execution)

    def _execute(
        self, decision: Decision, call: ActionCall, observation: Observation
    ) -> ExecutionResult:
        port = DmsActions(
            self.session,
            announce=self._announce,
            look=partial(observe.reread, limits=self.limits, now=self.runtime.clock.now()),
        )
        try:
            return execute.execute(decision, call, observation.instances, port)
        finally:
            self.runtime.in_flight.land(call.instances)

    def _announce(self, call: ActionCall) -> None:
        self.runtime.log("INFO", "About to send.", request=call.body, event_id=self.event.id)

    def log(self, level: str, message: str, **details: Any) -> None:
        """Write one line, unless the operator wants to see only what is louder."""
        self.runtime.log(level, message, min_level=self.runtime.settings.log_level, **details)


def _log_crash(run: EventRun, error: Exception) -> Summary:
    """Log type and location of an unexpected exception; its message may contain event data."""
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)
    ]
    run.log("ERROR", "A defect.", kind=type(error).__name__, at=places[-4:])
    return summarize.crash(run.context, run.session.attempts)


def process(
    raw_event: RawEvent, runtime: Runtime, deadline: Deadline, *, credentials: Credentials | None
) -> tuple[EventRun, ResultEvent | None]:
    """Take one event down the path, to its one result; None for a result that came back."""
    event_run = EventRun(raw_event, runtime, credentials, deadline)
    try:
        summary = event_run.findings()
    except OwnResultEvent:
        return event_run, None
    except Exception as error:  # noqa: BLE001 - every event gets its result, whatever breaks
        summary = _log_crash(event_run, error)
    elapsed = runtime.clock.monotonic() - deadline.start
    result = report.build(
        event_run.context,
        summary,
        dry_run=runtime.settings.limits.dry_run,
        now=runtime.clock.now(),
        duration_ms=round(elapsed * 1000),
    )
    return event_run, result


def run(
    raw_event: RawEvent, runtime: Runtime, deadline: Deadline, *, credentials: Credentials | None
) -> ResultEvent | None:
    """Process one event and emit its one result; None for a result that came back."""
    event_run, result = process(raw_event, runtime, deadline, credentials=credentials)
    if result is not None:
        _emit(result, event_run, deadline)
    return result


def _emit(result: ResultEvent, event_run: EventRun, deadline: Deadline) -> None:
    """Write the result line; post the result and tell people where its sender is authenticated.

    An unauthenticated sender could otherwise fill the sink and wake people at will.
    """
    settings, metrics = event_run.runtime.settings, event_run.runtime.metrics
    emit.log_result(result)
    if metrics is not None:
        elapsed = event_run.runtime.clock.monotonic() - deadline.start
        metrics.count(event_run.context, result, elapsed)
    if not event_run.context.authenticated:
        return
    remaining = deadline.end - event_run.runtime.clock.monotonic()
    deliveries: list[Callable[[], str | None]] = []
    if settings.outbound.sink is not None:
        seconds = min(remaining, deadline.report_seconds)
        post = partial(emit.post_to_sink, result, settings.outbound, seconds=seconds)
        deliveries.append(lambda: None if post() else "The sink did not take the result.")
    if notify.is_wanted(result, settings.notify):
        to, sign = (settings.outbound, settings.notify), event_run.session.sign
        deliveries.append(partial(notify.publish, result, *to, sign, seconds=remaining))
    for problem in emit.deliver(deliveries):
        event_run.log("WARNING", problem, id=result.event["id"])

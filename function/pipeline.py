"""The path of one event: the order of the steps, and what is found where an event leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

from .dms import observe
from .dms.action import ApiHands
from .dms.inventory import Cloud
from .dms.locks import InFlight, InstanceLocks
from .dms.session import Api
from .intake import authenticate, unwrap, validate
from .lib.clock import Clock, Deadline
from .lib.schemas import Schemas
from .model.cloud_state import Observation
from .model.decision import ApiCall, Decision, Execution, Screened
from .model.errors import Busy, OwnResult, Refused, SettingsInvalid, StateUnreadable
from .model.event import Action, Enveloped, Event, Notice, Received, Source
from .model.result import Findings, Result, Trail, completed
from .policy import decide, execute, screen
from .reporting import emit, report, summarize
from .reporting.messages import MISSING_CREDENTIALS
from .settings.model import Credentials, Settings


class Runtime(NamedTuple):
    """What one process builds once; nothing in it outlives an event and changes a verdict."""

    settings: Settings
    sources: Mapping[str, Source]
    schemas: Schemas
    clock: Clock
    locks: InstanceLocks
    in_flight: InFlight


class _Run:
    """One event on its way; `trail` says how far it has come."""

    def __init__(
        self,
        received: Received,
        runtime: Runtime,
        credentials: Credentials | None,
        deadline: Deadline,
    ) -> None:
        self.runtime = runtime
        self.has_credentials = credentials is not None
        self.screened = Screened(Action.RESTART, alarm=False)
        self.limits = runtime.settings.limits
        outgoing = runtime.settings.outgoing
        self.trail = Trail(received, outgoing.project_id)
        self.api = Api(outgoing, credentials, clock=runtime.clock, deadline=deadline)

    def findings(self) -> Findings:
        """Walk the path to its end, or to where the event leaves it."""
        try:
            enveloped = self._prove()
            if enveloped.notice is not None:
                return self._heed(enveloped.notice)
            source = self._admit(enveloped)
            return self._judge(source)
        except Refused as refusal:
            if not self.trail.proven:  # its result does not say what is wrong
                self.log("WARNING", f"Refused: {refusal}.")
            return summarize.of_refusal(refusal)
        except StateUnreadable as problem:
            return summarize.of_unreadable(self.screened, problem)
        except Busy:
            return summarize.of_busy(self.screened)
        except SettingsInvalid as invalid:
            return summarize.of_settings(invalid.problems)
        finally:
            self.api.close()

    def _prove(self) -> Enveloped:
        """Take the event out of its envelope and make sure of its sender."""
        received, proofs = self.trail.received, self.runtime.settings.proofs
        authenticate.require_open(received, proofs)
        enveloped = unwrap.envelope(received, self.runtime.sources, self.runtime.schemas)
        authenticate.check(received, enveloped, proofs)
        event = completed(Event(()), enveloped)
        self.trail = self.trail._replace(proven=True, source=enveloped.source, event=event)
        return enveloped

    @property
    def event(self) -> Event:
        """What the event says of itself: as much as has been read of it so far."""
        return self.trail.event or Event(())

    def _heed(self, notice: Notice) -> Findings:
        """Log the link of a proven confirmation for a person; it can confirm only this topic."""
        self.trail = self.trail._replace(source="smn")
        if notice.link is not None:
            emit.log("WARNING", "Open this link to confirm the topic.", link=notice.link)
        return summarize.of_notice(notice)

    def _admit(self, enveloped: Enveloped) -> Source:
        """Validate the document and read what it asks for."""
        document = validate.accept(enveloped, self.runtime.schemas)
        self.trail = self.trail._replace(source=document.source)
        source = self.runtime.sources[document.source]
        event = source.read(document.value)
        self.trail = self.trail._replace(event=completed(event, enveloped))
        return source

    def _judge(self, source: Source) -> Findings:
        """Screen the event; what is left is observed, decided and done, one at a time."""
        screened = screen.screen(self.event, source, self.limits, self.trail.received.at)
        self.screened = screened
        if not screened.open:
            decision = decide.skipped(screened, dry_run=self.limits.dry_run)
            return summarize.of_judgement(self.trail, decision, Execution())
        if not self.has_credentials:
            raise SettingsInvalid((MISSING_CREDENTIALS,))
        remaining = partial(self.api.remaining, self.api.deadline.reading)
        with self.runtime.locks.hold(screened.targets, remaining):
            return self._act(screened, source)

    def _act(self, screened: Screened, source: Source) -> Findings:
        """Observe, decide, execute."""
        begun, now = self.runtime.clock.monotonic(), self.runtime.clock.now()
        cloud = Cloud(self.api, until=self.api.deadline.reading)
        observation = observe.read(screened, self.limits, cloud, now)

        def decided(in_flight: frozenset[str]) -> tuple[Decision, Sequence[str]]:
            seen = observation._replace(restarting=observation.restarting | in_flight)
            decision = decide.verdicts(screened, seen, source=source, limits=self.limits, now=now)
            restarts = decision.action is Action.RESTART and not decision.dry_run
            return decision, decision.call.instances if decision.call and restarts else ()

        decision = self.runtime.in_flight.take_off(begun, decided)
        self.trail = self.trail._replace(decision=decision)
        for warning in decision.warnings:
            self.log("WARNING", warning)
        if decision.call is None or decision.dry_run:
            return summarize.of_judgement(self.trail, decision, Execution())
        execution = self._execute(decision, decision.call, observation)
        return summarize.of_judgement(self.trail, decision, execution)

    def _execute(self, decision: Decision, call: ApiCall, observation: Observation) -> Execution:
        hands = ApiHands(
            self.api,
            announce=self._announce,
            look=partial(observe.again, limits=self.limits, now=self.runtime.clock.now()),
        )
        try:
            return execute.carry_out(decision, call, observation.instances, hands)
        finally:
            self.runtime.in_flight.land(call.instances)

    def _announce(self, call: ApiCall) -> None:
        emit.log("INFO", "About to send.", request=call.body, event_id=self.event.id)

    def log(self, level: str, message: str, **details: Any) -> None:
        """Write one line, unless the operator wants to see only what is louder."""
        emit.log(level, message, least=self.runtime.settings.log_level, **details)


def _broke(run: _Run, error: Exception) -> Findings:
    """Name the place of a defect in the log, without the text, which may quote the event."""
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)
    ]
    run.log("ERROR", "A defect.", kind=type(error).__name__, at=places[-4:])
    return summarize.of_defect(run.trail, run.api.attempts)


def run(
    received: Received, runtime: Runtime, deadline: Deadline, *, credentials: Credentials | None
) -> Result | None:
    """Take one event down the path and emit its one result; None for a result that came back."""
    journey = _Run(received, runtime, credentials, deadline)
    try:
        found = journey.findings()
    except OwnResult:
        return None
    except Exception as error:  # noqa: BLE001 - every event gets its result, whatever breaks
        found = _broke(journey, error)
    elapsed = runtime.clock.monotonic() - deadline.start
    result = report.result(
        journey.trail,
        found,
        dry_run=runtime.settings.limits.dry_run,
        now=runtime.clock.now(),
        duration_ms=round(elapsed * 1000),
    )
    _emit(result, journey, deadline)
    return result


def _emit(result: Result, journey: _Run, deadline: Deadline) -> None:
    """Write the result line, and post the result to the sink if its sender is proven."""
    outgoing = journey.runtime.settings.outgoing
    emit.result_line(result)
    if outgoing.sink is not None and journey.trail.proven:
        seconds = min(deadline.end - journey.runtime.clock.monotonic(), deadline.reporting)
        if not emit.to_sink(result, outgoing, seconds=seconds):
            journey.log("WARNING", "The sink did not take the result.", id=result.event["id"])

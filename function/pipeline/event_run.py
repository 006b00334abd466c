"""Read this first: the steps that process one event, in order, and where they may end early."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..dms import observe
from ..dms.action import ActionSender, DmsActions
from ..dms.inventory import Inventory
from ..dms.session import DmsSession
from ..intake import authenticate, unwrap, validate
from ..ledger.protocol import Claim, Ledger, Times
from ..lib.clock import Clock, Deadline
from ..lib.schemas import Schemas
from ..lib.transport import Client
from ..model.cloud_state import Observation
from ..model.decision import ActionCall, Decision, ExecutionResult, ScreenedEvent
from ..model.errors import (
    EventRejected,
    InstanceBusy,
    LedgerUnreadable,
    SettingsInvalid,
    StateUnreadable,
)
from ..model.event import Action, Event, RawEvent, Source, SubscriptionNotice, UnwrappedEvent
from ..model.result import EventContext, Summary, with_envelope_fields
from ..model.sent_call import PURGE, Changes, Room
from ..policy import decide, execute, screen, sent_calls
from ..reporting import emit, report, summarize
from ..reporting.messages import missing_credentials
from ..settings.model import Credentials, Settings

if TYPE_CHECKING:
    from ..reporting.metrics import Metrics

# The second one sees what took the room, so a third is needed only where that was taken back.
MAX_DECISIONS = 3


class Runtime(NamedTuple):
    """What one process builds once.

    Only the ledger remembers anything of an event, and it can only make a verdict more careful.
    `http_client` and `log` are how an event reaches the cloud and the log, `run_check` looks
    whether all is ready. The command line puts a simulated cloud and silence in their place, so
    that it explains by the very same steps.
    """

    settings: Settings
    sources: Mapping[str, Source]
    schemas: Schemas
    clock: Clock
    ledger: Ledger
    http_client: Callable[..., Client] = Client
    log: Callable[..., None] = emit.log
    run_check: Callable[..., Summary] | None = None
    metrics: "Metrics | None" = None


class EventRun:
    """The processing of one event; `context` holds what is known about the event so far."""

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
        self._held_lines: list[Callable[..., None]] = []
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
        self.sender = ActionSender(self.session)

    def run(self) -> Summary:
        """Run the steps in order; a rejection or a failure ends them early."""
        try:
            unwrapped = self._authenticate()
            if unwrapped.notice is not None:
                return self._handle_notice(unwrapped.notice)
            source = self._parse(unwrapped)
            return self._screen(source)
        except EventRejected as rejection:
            self.rejection = rejection
            # The log, which only the operator reads, is where a caller's mistake can be found.
            if not self.context.authenticated:  # its result does not say what is wrong
                self.log("WARNING", f"Rejected: {rejection}.", route=self._route())
            return summarize.rejection(rejection)
        except StateUnreadable as problem:
            return summarize.unreadable_state(self.screened, problem)
        except InstanceBusy:
            return summarize.busy(self.screened)
        except LedgerUnreadable as problem:
            self.log("WARNING", f"Nothing was sent: {problem}.")
            return summarize.unreadable_ledger(self.screened)
        except SettingsInvalid as invalid:
            return summarize.invalid_settings(invalid.problems)
        finally:
            self.session.close()

    def _authenticate(self) -> UnwrappedEvent:
        """Take the event out of its envelope and authenticate its sender.

        The envelope comes first, because the signature of an SMN message lies inside it. Events
        of a platform trigger are authenticated already, so their results name what is wrong.
        """
        raw_event, auth = self.context.raw_event, self.runtime.settings.auth
        self.context = self.context._replace(authenticated=authenticate.is_trigger(raw_event))
        # Before anything of the body is parsed: a closed route costs a caller's bytes no work.
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
        """The event, as far as it has been parsed."""
        return self.context.event or Event(())

    def _route(self) -> str:
        """Return the route on which the event came, or the kind of its trigger."""
        channel = self.context.raw_event.channel
        source = self.runtime.sources.get(channel)
        if source is not None and source.route is not None:
            return source.route
        return channel if channel.startswith("trigger/") else f"/{channel}"

    def _handle_notice(self, notice: SubscriptionNotice) -> Summary:
        """Log the confirmation link of an authenticated SMN message; an operator has to open it."""
        self.context = self.context._replace(source="smn")
        if notice.expired:
            self.log("WARNING", "The link of a confirmation is dead after 48 hours.")
        if notice.link is not None:
            message = "Open this link to confirm the topic."
            self.log("WARNING", message, min_level="DEBUG", link=notice.link)
        return summarize.notice(notice)

    def _parse(self, unwrapped: UnwrappedEvent) -> Source:
        """Validate the document and read what it asks for."""
        document = validate.validate(unwrapped, self.runtime.schemas)
        self.context = self.context._replace(source=document.source)
        source = self.runtime.sources[document.source]
        event = source.parse(document.value)
        self.context = self.context._replace(event=with_envelope_fields(event, unwrapped))
        return source

    def _screen(self, source: Source) -> Summary:
        """Screen the event; act on what is left, one event at a time for each instance."""
        # Before screening: a check has to report a wrong clock, so its own age must not skip it.
        if self.event.action is Action.CHECK:
            return self._check(source)
        screened = screen.screen(
            self.event, source, self.limits, self.context.raw_event.received_at
        )
        self.screened = screened
        # A verification that is stale was skipped by screening like any other event.
        verifies = screened.action is Action.VERIFY and screened.reason is None
        if not (screened.needs_live_state or verifies):
            decision = decide.decide_without_state(screened, dry_run=self.limits.dry_run)
            return self._follow_up(decision, ExecutionResult())
        if self.credentials is None:
            container = self.runtime.settings.functiongraph_container
            raise SettingsInvalid((missing_credentials(container=container),))
        return self._verify() if verifies else self._claim_and_act(screened, source)

    def _check(self, source: Source) -> Summary:
        """Check whether everything is ready for an alarm; see readiness.py."""
        # Few events ask for a check, and its modules would cost every cold start milliseconds.
        from ..policy import check  # noqa: PLC0415 - see above
        from . import readiness  # noqa: PLC0415 - see above

        request = check.request(self.event, source)
        means = readiness.Means(
            settings=self.runtime.settings,
            credentials=self.credentials,
            clock=self.runtime.clock,
            deadline=self.session.deadline,
            ledger=self.runtime.ledger,
            http_client=self.runtime.http_client,
        )
        run = self.runtime.run_check or readiness.run
        return run(request, means, announce=self._log_call)

    def _verify(self) -> Summary:
        """Check whether restarts hang or did not help; see recovery.py."""
        from . import recovery  # noqa: PLC0415 - costs cold start, and most events need none of it

        try:
            with self.runtime.ledger.claim((), self._claim_times()) as claim:  # it acts on nothing
                return recovery.on_schedule(self.session, claim, self.limits, self.runtime.clock)
        except StateUnreadable as problem:
            summary = summarize.unreadable_state(self.screened, problem)
        except LedgerUnreadable as problem:
            self.log("WARNING", f"Nothing was verified: {problem}.")
            summary = summarize.unreadable_ledger(self.screened)
        return summary._replace(status=200)  # the schedule comes again by itself

    def _follow_up(self, decision: Decision, execution: ExecutionResult) -> Summary:
        """Summarize, after reading the instances whose alarm has ended; never delays a restart."""
        if self.credentials is not None and any(intent.ended for intent in self.event.intents):
            from ..policy import follow_up  # noqa: PLC0415 - as above
            from . import recovery  # noqa: PLC0415 - as above

            alarms = follow_up.plan(self.event, self.limits, self.context.raw_event.received_at)
            if alarms:
                follow_ups = recovery.after_alarms(
                    self.session, alarms, self.limits, self.runtime.clock
                )
                decision, execution = follow_up.merged(decision, execution, follow_ups)
        return summarize.decision_outcome(decision, execution)

    def _claim_times(self) -> Times:
        deadline, remaining = self.session.deadline, self.session.remaining
        return Times(partial(remaining, deadline.read_until), partial(remaining, deadline.end))

    def _claim_and_act(self, screened: ScreenedEvent, source: Source) -> Summary:
        """Claim the targets, so that no other event acts on them meanwhile, then act."""
        # A purge names no instance; all purges of a project share one claim.
        targets = screened.targets or (PURGE,)
        with self.runtime.ledger.claim(targets, self._claim_times()) as claim:
            decision, execution = self._observe_and_act(screened, source, claim)
        if claim.problem is not None:
            self.log("WARNING", f"A claim was not given up, and expires: {claim.problem}.")
        return self._follow_up(decision, execution)

    def _observe_and_act(
        self, screened: ScreenedEvent, source: Source, claim: Claim
    ) -> tuple[Decision, ExecutionResult]:
        """Observe, decide, execute; meanwhile open the connection for what may be sent."""
        own_time = self.runtime.clock.now()
        # The handshakes then take place while the reads are under way, see docs/benchmarks.md.
        if not self.limits.dry_run:
            self.sender.open_early()
        inventory = Inventory(self.session, until=self.session.deadline.read_until)
        observation = observe.read_live_state(screened, self.limits, inventory, own_time)
        observation = observation._replace(clock_skew_seconds=self.session.clock_skew_seconds)
        lists_all = sent_calls.watches_storms(screened, self.limits)
        claim.learn(
            sent_calls.learned(claim.calls, observation, lists_all=lists_all, begun=claim.begun)
        )
        # Kept for explain, which shows what each rule has seen.
        self.observation = observation
        decision = self._decide(screened, source, observation, claim)
        self.context = self.context._replace(decision=decision)
        for warning in decision.warnings:
            self.log("WARNING", warning)
        if decision.call is None or decision.dry_run:
            return decision, ExecutionResult()
        return decision, self._execute(decision, decision.call, observation, claim)

    def _decide(
        self, screened: ScreenedEvent, source: Source, observation: Observation, claim: Claim
    ) -> Decision:
        """Decide, and enter what is to be sent into the ledger; decide again if others were first.

        Others may take the room that MAX_RESTARTING leaves between the reads and this moment.
        """
        now = observation.cloud_time(self.runtime.clock.now())
        for _ in range(MAX_DECISIONS):
            decision = decide.decide(
                screened,
                observation,
                source=source,
                limits=self.limits,
                now=now,
                calls=claim.calls,
            )
            if decision.call is None or decision.dry_run:
                return decision
            if self._enter(decision.call, screened, observation, claim):
                return decision
        raise InstanceBusy

    def _enter(
        self, call: ActionCall, screened: ScreenedEvent, observation: Observation, claim: Claim
    ) -> bool:
        """Enter a call into the ledger before it is sent; False where others took the room."""
        # A deletion is no restart: no rule of another event asks for it.
        if call.action is Action.DELETE:
            return True
        now = observation.cloud_time(self.runtime.clock.now())
        room = None
        if sent_calls.watches_storms(screened, self.limits):
            room = Room(self.limits.max_restarting, observation.restarting, now)
        return claim.enter(call.instances or (PURGE,), now, room)

    def _execute(
        self, decision: Decision, call: ActionCall, observation: Observation, claim: Claim
    ) -> ExecutionResult:
        """Send the call and record its result in the ledger."""
        sent_at = self.runtime.clock.now()
        port = DmsActions(
            self.session,
            self.sender,
            announce=self._log_call,
            look=partial(observe.reread, limits=self.limits, now=sent_at),
        )
        entered = {target: claim.call_id(target) for target in call.instances or (PURGE,)}
        try:
            execution = execute.execute(decision, call, observation.instances, port)
        # Also an interrupt: an entry that was never sent would hold back restarts for 20 minutes.
        except BaseException:
            if not self.session.attempts:  # certainly not sent
                claim.learn(Changes(dropped=frozenset(entered.values())))
            raise
        claim.learn(sent_calls.learned_from_call(execution, entered, observation, sent_at))
        # The reads after the call may show its restart already: then the ledger lets go of it.
        claim.learn(sent_calls.learned_from_states(claim.calls, execution.states))
        return execution

    def _log_call(self, call: ActionCall) -> None:
        """Log the call before it is sent, so that a process that is killed leaves a trace."""
        self.log("INFO", "About to send.", min_level="DEBUG", request=call.body)

    def log(
        self, level: str, message: str, *, min_level: str | None = None, **details: Any
    ) -> None:
        """Write one line about the event, unless LOG_LEVEL is higher.

        It names the event as the result does; before the sender is authenticated that is the id of
        the result, so the line is held back until there is one.
        """
        least = min_level or self.runtime.settings.log_level
        write = partial(self.runtime.log, level, message, min_level=least, **details)
        self._held_lines.append(write)
        if self.context.authenticated:
            self.write_held_lines(report.event_id(self.context))

    def write_held_lines(self, event_id: str) -> None:
        """Write the lines that waited for the id of the event; no log outlasts its deadline."""
        lines, self._held_lines = self._held_lines, []
        for write in lines:
            write(event_id=event_id, seconds=self.session.remaining(self.session.deadline.end))

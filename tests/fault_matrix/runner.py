"""Run one case: a fake API on loopback, the function in this process, one event through it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from function.entrypoints import startup
from function.entrypoints.routes import HttpRequest, HttpResponse, handle_request
from function.ledger.memory import MemoryLedger
from function.pipeline import Runtime
from function.settings.model import Credentials
from tests.fake_dms import Account, Endpoint, FakeDms, Hold, redirect
from tests.harness import SkippingClock

from . import ledgers
from .case import Action, Case, Meanwhile, PlannedFault
from .certificates import tls_endpoint
from .idle import ended
from .routes import Full, MarkedClient, Resolver, routing

CANARY = "canary-"
ACCOUNT = Account(
    access_key="CANARYACCESSKEY00001",
    secret_key="canary-secret-key-0123456789",
    security_token="canary-security-token-0123456789",
    auth_token="canary-auth-token-0123456789",
)
SECRET = "canary-direct-secret-0123456789"
PAYLOAD = "canary-payload-value"
SETTINGS = {
    "DRY_RUN": "false",
    "DIRECT_SECRETS": SECRET,
    "ENABLED_ACTIONS": "restart,purge_failed,delete",
}
SENDING_ENDS, CONFIRMING_ENDS = 0.8, 0.9
FAILED_CREATION = "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801"


class SteeredClock(SkippingClock):
    """The clock of this machine, whose seconds `jump` sets ahead."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._start = time.monotonic()

    def jump(self, share: float, *, left: float = 0.0) -> None:
        """Jump to where so many seconds are left of a share of the event's time."""
        self.jump_to(self._start + share * self._seconds - left)


@dataclass(frozen=True)
class CaseResult:
    """The response to one event, and the requests that arrived."""

    answer: HttpResponse
    posts: int
    elsewhere: int
    received: bytes

    @property
    def result(self) -> dict[str, Any]:
        """The result event."""
        event: dict[str, Any] = json.loads(self.answer.body)
        return event


def document(action: Action, instances: tuple[str, ...]) -> dict[str, Any]:
    """Return a request document."""
    asked: dict[str, Any] = {"action": action, "reason": PAYLOAD}
    if action != "purge_failed":
        asked["instances"] = [*instances]
    return asked | ({"confirm": [*instances]} if action == "delete" else {})


def runtime(cloud: FakeDms, *, seconds: float, platform: bool, **settings: str) -> Runtime:
    """Return a runtime for one event against a fake API, with a clock that can jump."""
    environment = cloud.environment() | SETTINGS | {"DEADLINE_SECONDS": str(seconds)} | settings
    if platform:
        environment = {name: text for name, text in environment.items() if "_SDK_" not in name}
        environment["HUAWEICLOUD_SDK_PROJECT_ID"] = cloud.account.project_id
    clock = SteeredClock(seconds)
    ready = startup.runtime(environment, platform_credentials=platform)
    ledger = ready.ledger if "LEDGER_URL" in environment else MemoryLedger(clock.monotonic)
    return ready._replace(clock=clock, ledger=ledger, http_client=MarkedClient)


def _set_faults(cloud: FakeDms, case: Case, faults: tuple[PlannedFault, ...]) -> None:
    """Set the faults of the fake API; a hold gets a new latch for every run."""
    for planned in faults:
        fault = planned.fault
        if isinstance(fault, Hold):
            fault = replace(fault, release=threading.Event())
        if case.meanwhile and planned.kind == "action":
            fault = Meanwhile(partial(case.meanwhile, cloud), fault)
        cloud.fault(fault, planned.kind, times=planned.times, skip=planned.skip)


def _steer(cloud: FakeDms, case: Case, action: Action, clock: SteeredClock) -> None:
    """Let time run out: for sending when the state was read, for confirming at the last read."""
    if case.hurry:
        reads = _reads(case, action)
        last = Countdown(sum(reads.values()), lambda: clock.jump(SENDING_ENDS, left=case.hurry))
        for kind, times in reads.items():
            cloud.fault(Meanwhile(last), kind, times=times)
    ends = Meanwhile(lambda: clock.jump(CONFIRMING_ENDS))
    cloud.fault(ends, "show", times=None, skip=case.looks)


class Countdown:
    """Run a callback at the last of so many calls: reads come in any order."""

    def __init__(self, times: int, happens: Callable[[], object]) -> None:
        self._left, self._happens = times, happens
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Count."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._happens()


def _reads(case: Case, action: Action) -> dict[str, int]:
    """Return how many reads of each kind there are before the POST."""
    single = len(case.instances) == 1 and action != "purge_failed"
    beside: dict[Action, dict[str, int]] = {
        "restart": {"tasks": len(case.instances)},
        "purge_failed": {},
        "delete": {"recycle": 1},
    }
    return {"show" if single else "list": 1, **beside[action]}


def _send_event(case: Case, action: Action, runtime: Runtime, account: Account) -> HttpResponse:
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    body = json.dumps(document(action, case.instances)).encode()
    keys = Credentials(
        account.access_key, account.secret_key, account.security_token, from_platform=True
    )
    request = HttpRequest("POST", "/direct", headers, body)
    return handle_request(request, runtime, credentials=keys if case.platform else None)


def _populate(cloud: FakeDms, case: Case) -> None:
    for instance in case.instances:
        cloud.add_instance(instance)
    cloud.add_failed_creation(FAILED_CREATION)
    if case.arrange is not None:
        case.arrange(cloud)


def run_case(case: Case, action: Action) -> CaseResult:
    """Run a case and return its result, when every thread and connection has ended."""
    with ExitStack() as stack:
        good = tls_endpoint("good") if case.tls else Endpoint(name="localhost")
        other = tls_endpoint(case.tls) if case.tls else Endpoint(name="localhost")
        cloud = stack.enter_context(FakeDms(account=ACCOUNT, endpoint=good))
        elsewhere = stack.enter_context(FakeDms(account=ACCOUNT, endpoint=other))
        full = Full()
        _populate(cloud, case)
        stack.enter_context(ended())
        stack.callback(cloud.release)
        stack.callback(elsewhere.release)
        addresses: Any = {
            "cloud": cloud.address,
            "elsewhere": elsewhere.address,
            "full": full.address,
        }
        resolver: Resolver = stack.enter_context(routing(case.read_routes, case.routes, addresses))
        settings = dict(case.settings)
        if case.ledger is not None:
            settings |= stack.enter_context(ledgers.shared(case.ledger, cloud, action))
        ready = runtime(cloud, seconds=case.seconds, platform=case.platform, **settings)
        if case.sent_before:
            ledgers.remember(case, action, ready.ledger)
        _set_faults(
            cloud, case, tuple(planned for planned in case.faults if planned.kind != "connection")
        )
        _set_faults(
            elsewhere,
            case,
            tuple(planned for planned in case.faults if planned.kind == "connection"),
        )
        if case.elsewhere is not None:
            cloud.fault(redirect(f"{elsewhere.url}/v2/", case.elsewhere), "action")
        if isinstance(ready.clock, SteeredClock):
            _steer(cloud, case, action, ready.clock)
        response = _send_event(case, action, ready, cloud.account)
        resolver.resolved.set()
        cloud.release()
        elsewhere.release()
        received = full.received()
        stack.close()
        return CaseResult(response, len(cloud.posts), len(elsewhere.requests), received)

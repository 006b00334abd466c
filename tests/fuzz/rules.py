"""What must hold for every event and every fault: at most one effect, one valid result, no 500."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from function.entrypoints.invocation import RetryableFailure, invoke
from function.entrypoints.routes import HttpRequest, handle_request
from function.pipeline import Runtime
from function.settings.model import Credentials
from tests.fake_dms import FakeDms
from tests.fault_matrix.case import ONE, TWO, Meanwhile, PlannedFault
from tests.fault_matrix.runner import ACCOUNT, CONFIRMING_ENDS, SECRET, SteeredClock, runtime

from .chance import FAULT_LISTS, HTTP_EVENTS, SCHEMAS, TRIGGER_EVENTS

STATUSES = {200, 202, 204, 400, 401, 403, 413, 415, 503}
OPEN = dict.fromkeys(("ALERTMANAGER_SECRETS", "GRAFANA_SECRETS", "CLOUDEVENTS_SECRETS"), SECRET)
KEYS = Credentials(ACCOUNT.access_key, ACCOUNT.secret_key, ACCOUNT.security_token)
THROTTLED = {"APIGW.0308", "APIG.0308", "DMS.10240407"}


@dataclass
class FuzzRun:
    """A fake API with two failed instances, and a runtime that uses it."""

    cloud: FakeDms
    runtime: Runtime

    def check(self, event: Any) -> None:
        """Assert what must hold of every result event."""
        SCHEMAS.check("result", event)
        data = event["data"]
        assert data["reason"] != "internal", "a defect"
        if "api" in data:
            assert data["api"]["attempts"] >= len(self.cloud.posts), "a POST is not accounted for"
        assert "canary" not in json.dumps(event).lower(), "a secret in the result"


@contextmanager
def fuzz_run(faults: list[PlannedFault]) -> Iterator[FuzzRun]:
    """Open a fake API with these faults; the time to confirm ends at the fourth read."""
    with FakeDms(account=ACCOUNT) as cloud:
        for instance in (ONE, TWO):
            cloud.add_instance(instance, status="ERROR")
        ready = runtime(cloud, seconds=1.0, platform=False, **OPEN)
        for planned in faults:
            cloud.fault(planned.fault, planned.kind, times=planned.times, skip=planned.skip)
        if isinstance(ready.clock, SteeredClock):
            clock = ready.clock
            ends = Meanwhile(lambda: clock.jump(CONFIRMING_ENDS))
            cloud.fault(ends, "show", times=None, skip=4)
        observed: list[tuple[str, str]] = []
        cloud.observer = lambda arrival, story: observed.append((arrival.kind, story))
        yield FuzzRun(cloud, ready)
        _check_effects(cloud, observed)


def _check_effects(cloud: FakeDms, observed: list[tuple[str, str]]) -> None:
    """Assert that nothing was done twice, and that only a refused POST was repeated."""
    done = Counter((effect.action, effect.instance) for effect in cloud.effects)
    assert max(done.values(), default=0) <= 1, f"done twice: {done}"
    for story in [story for kind, story in observed if kind == "action"][:-1]:
        refused = story.startswith("429") or any(code in story for code in THROTTLED)
        assert refused, f"a second POST after: {story}"


def over_http(posted: tuple[str, bytes], faults: list[PlannedFault]) -> None:
    """Post a body to a route."""
    path, body = posted
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    if path == "/":
        headers["content-type"] = "application/cloudevents+json"
    with fuzz_run(faults) as fuzz:
        reply = handle_request(HttpRequest("POST", path, headers, body), fuzz.runtime)
        assert reply.status in STATUSES, reply
        if reply.status != 204:
            fuzz.check(json.loads(reply.body))


def by_trigger(event: Any, faults: list[PlannedFault]) -> None:
    """Pass an event to the event entrypoint."""
    with fuzz_run(faults) as fuzz:
        try:
            returned = invoke(event, fuzz.runtime, credentials=KEYS, remaining=2.0)
        except RetryableFailure as again:
            returned = json.loads(str(again))
        if isinstance(returned, dict) and "statusCode" in returned:
            assert returned["statusCode"] in {*STATUSES, 404, 405}
        else:
            results = returned if isinstance(returned, list) else [returned]
            for result in filter(None, results):
                fuzz.check(result)


RULES: tuple[tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]], ...] = (
    (over_http, (HTTP_EVENTS, FAULT_LISTS)),
    (by_trigger, (TRIGGER_EVENTS, FAULT_LISTS)),
)

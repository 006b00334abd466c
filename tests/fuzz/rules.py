"""What must hold for every event and every fault: at most one deed, one valid result, no 500."""

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
from tests.fault_matrix.case import ONE, TWO, Dial, Meanwhile
from tests.fault_matrix.runner import ACCOUNT, CONFIRMING_ENDS, SECRET, SteeredClock, runtime

from .chance import DIALS, HANDED, POSTED, SCHEMAS

STATUSES = {200, 202, 204, 400, 401, 403, 413, 415, 503}
OPEN = dict.fromkeys(("ALERTMANAGER_SECRETS", "GRAFANA_SECRETS", "CLOUDEVENTS_SECRETS"), SECRET)
KEYS = Credentials(ACCOUNT.access_key, ACCOUNT.secret_key, ACCOUNT.security_token)
THROTTLED = {"APIGW.0308", "APIG.0308", "DMS.10240407"}


@dataclass
class Night:
    """A stand-in with two instances that failed, and the function in front of it."""

    cloud: FakeDms
    runtime: Runtime

    def check(self, event: Any) -> None:
        """Hold a result event, if there is one, against what must be true of it."""
        SCHEMAS.check("result", event)
        data = event["data"]
        assert data["reason"] != "internal", "a defect"
        if "api" in data:
            assert data["api"]["attempts"] >= len(self.cloud.posts), "a POST is not accounted for"
        assert "canary" not in json.dumps(event).lower(), "a secret in the result"


@contextmanager
def night(dials: list[Dial]) -> Iterator[Night]:
    """Open a stand-in with these faults; the time for looking ends with the second look."""
    with FakeDms(account=ACCOUNT) as cloud:
        for one in (ONE, TWO):
            cloud.add_instance(one, status="ERROR")
        ready = runtime(cloud, seconds=1.0, platform=False, **OPEN)
        for dial in dials:
            cloud.fault(dial.fault, dial.kind, times=dial.times, skip=dial.skip)
        if isinstance(ready.clock, SteeredClock):
            clock = ready.clock
            ends = Meanwhile(lambda: clock.jump(CONFIRMING_ENDS))
            cloud.fault(ends, "show", times=None, skip=4)
        told: list[tuple[str, str]] = []
        cloud.observer = lambda arrival, story: told.append((arrival.kind, story))
        yield Night(cloud, ready)
        _check_deeds(cloud, told)


def _check_deeds(cloud: FakeDms, told: list[tuple[str, str]]) -> None:
    """See that nothing was done twice, and that only a refused POST was followed by another."""
    done = Counter((deed.action, deed.instance) for deed in cloud.effects)
    assert max(done.values(), default=0) <= 1, f"done twice: {done}"
    for story in [story for kind, story in told if kind == "action"][:-1]:
        refused = story.startswith("429") or any(code in story for code in THROTTLED)
        assert refused, f"a second POST after: {story}"


def over_http(posted: tuple[str, bytes], dials: list[Dial]) -> None:
    """Post a body to a route."""
    path, body = posted
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    if path == "/":
        headers["content-type"] = "application/cloudevents+json"
    with night(dials) as one:
        reply = handle_request(HttpRequest("POST", path, headers, body), one.runtime)
        assert reply.status in STATUSES, reply
        if reply.status != 204:
            one.check(json.loads(reply.body))


def by_trigger(event: Any, dials: list[Dial]) -> None:
    """Hand an event to the event door."""
    with night(dials) as one:
        try:
            returned = invoke(event, one.runtime, credentials=KEYS, remaining=2.0)
        except RetryableFailure as again:
            returned = json.loads(str(again))
        if isinstance(returned, dict) and "statusCode" in returned:
            assert returned["statusCode"] in {*STATUSES, 404, 405}
        else:
            results = returned if isinstance(returned, list) else [returned]
            for result in filter(None, results):
                one.check(result)


RULES: tuple[tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]], ...] = (
    (over_http, (POSTED, DIALS)),
    (by_trigger, (HANDED, DIALS)),
)

"""The work of `check`: one check, with the settings and credentials of the place it runs in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..entrypoints import startup
from ..lib import strict_json
from ..lib.clock import Deadline
from ..model.event import RawEvent
from ..model.result import ResultEvent
from ..pipeline import process
from . import _offline


def run_check(
    environ: Mapping[str, str], *, instances: Sequence[str] = (), probe: bool = False
) -> ResultEvent:
    """Return the result of a check; nothing is logged, and nothing posted to a sink.

    It is the request that POST /direct takes, from a caller that needs no secret here. Raises
    SettingsInvalid for settings with which no event would be handled, and SchemaViolated for
    instances that are no ids.
    """
    runtime = startup.runtime(environ)._replace(log=_offline.silence)
    request: dict[str, Any] = {"action": "check", "probe": probe}
    if instances:
        request["instances"] = list(instances)
    body = strict_json.dumps(request).encode()
    raw_event = RawEvent("trigger/direct", body, runtime.clock.now())
    settings = runtime.settings
    deadline = Deadline(runtime.clock.monotonic(), settings.deadline_seconds)
    run, result = process(raw_event, runtime, deadline, credentials=settings.credentials)
    if run.rejection is not None:
        raise run.rejection
    return cast("ResultEvent", result)  # only a result event that comes back has none

"""What explain and replay run with: the limits that are set, and nothing that reaches a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..entrypoints import startup
from ..ledger.memory import MemoryLedger
from ..lib.clock import Clock
from ..lib.transport import Client
from ..model.event import Outcome
from ..model.result import Summary
from ..pipeline import Runtime
from ..settings.reader import LIMITS

# They reach nothing: the simulated cloud stands where the HTTP client stands.
_PLACEHOLDERS = {
    "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
    "HUAWEICLOUD_AUTH_TOKEN": "simulated",
    "DMS_ENDPOINT": "https://simulated.invalid",
}


def silence(*_: Any, **__: Any) -> None:
    """Log nothing: what is worth saying stands in the explanation."""


def _check(*_: Any, **__: Any) -> Summary:
    """Say what a check would do: it looks at names, connections and rights of the real cloud."""
    message = "A check would read the cloud and change nothing: python -m function check runs it."
    return Summary(Outcome.DRY_RUN, None, message, 200)


def limits_set(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the limits that are set."""
    return tuple(name for name in LIMITS if variables.get(name) is not None)


def runtime(
    variables: Mapping[str, str],
    *,
    dry_run: bool,
    clock: Clock,
    http_client: Callable[..., Client],
) -> Runtime:
    """Return a runtime with the limits among these variables; raise SettingsInvalid."""
    limits = {name: variables[name] for name in limits_set(variables)}
    dry = {"DRY_RUN": "true" if dry_run else "false"}
    return startup.runtime({**_PLACEHOLDERS, **limits, **dry})._replace(
        clock=clock,
        ledger=MemoryLedger(clock.monotonic),
        http_client=http_client,
        log=silence,
        run_check=_check,
    )

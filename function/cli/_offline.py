"""The runtime of explain and replay: the configured limits, and no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..entrypoints import startup
from ..ledger.memory import MemoryLedger
from ..lib import timestamps
from ..lib.clock import Clock
from ..lib.transport import Client
from ..model.decision import Ending
from ..model.event import Outcome
from ..model.result import Summary
from ..pipeline import Runtime
from ..settings.reader import LIMITS

# Never contacted: the simulated cloud replaces the HTTP client.
_PLACEHOLDERS = {
    "HUAWEICLOUD_SDK_PROJECT_ID": "0" * 32,
    "HUAWEICLOUD_AUTH_TOKEN": "simulated",
    "DMS_ENDPOINT": "https://simulated.invalid",
}


def arrival(text: str) -> datetime | None:
    """Return the moment at which a payload arrives; None for what is no time of this millennium.

    Far from it no history can be asked for: it would begin before the first year, or end after the
    last.
    """
    moment = timestamps.parse(text)
    return moment if moment is not None and 2000 <= moment.year < 3000 else None


def silence(*_: Any, **__: Any) -> None:
    """Log nothing: the explanation contains it."""


def check(*_: Any, **__: Any) -> Summary:
    """Say what a check would do, instead of doing it: its probe is a call that changes things."""
    message = "A check would read the cloud and change nothing: python -m function check runs it."
    return Summary(Ending(Outcome.DRY_RUN), message, 200)


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
    # Only limits: a file of production settings may hold keys, and nothing here needs them.
    limits = {name: variables[name] for name in limits_set(variables)}
    dry = {"DRY_RUN": "true" if dry_run else "false"}
    return startup.runtime({**_PLACEHOLDERS, **limits, **dry})._replace(
        clock=clock,
        # One of its own: what is explained or replayed must hold back no event of production.
        ledger=MemoryLedger(clock.monotonic),
        http_client=http_client,
        log=silence,
        run_check=check,
    )

"""Build the components of a process once, and read its settings."""

import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .. import sources
from ..ledger.memory import MemoryLedger
from ..ledger.protocol import Ledger
from ..lib import schemas
from ..lib.clock import SystemClock
from ..lib.schemas import Schemas
from ..model.event import Source
from ..pipeline import Runtime
from ..reporting import emit
from ..settings import reader
from ..settings.model import Settings

if TYPE_CHECKING:
    from ..reporting.metrics import Metrics


class _Components(NamedTuple):
    """What needs no settings."""

    sources: Mapping[str, Source]
    schemas: Schemas
    clock: SystemClock


@lru_cache(maxsize=1)
def components() -> _Components:
    """Build what needs no settings; raise SourceSchemaMismatch when a source is incomplete."""
    loaded = schemas.load()
    return _Components(sources.discover(loaded.names("events")), loaded, SystemClock())


def routed_sources() -> tuple[str, ...]:
    """Return the names of the sources that have a route, each opened by its secrets."""
    return tuple(name for name, source in components().sources.items() if source.route is not None)


@lru_cache(maxsize=1)
def variable_names() -> frozenset[str]:
    """Return the names of all variables that are looked at."""
    return reader.names(routed_sources()) | {*reader.ALIASES.values()}


def misspelled_settings(variables: Iterable[str]) -> tuple[str, ...]:
    """Say, for each variable that is nearly a setting, which one was probably meant."""
    similar = reader.similar_names(variables, variable_names())
    return tuple(f"{name} is no setting; did you mean {setting}?" for name, setting in similar)


# Once for a set of variables: the event entrypoint asks at every event.
@lru_cache(maxsize=1)
def warn_of_misspelled_settings(variables: frozenset[str]) -> None:
    """Log misspelled settings once."""
    for warning in misspelled_settings(variables):
        emit.log("WARNING", warning)


_opening = threading.Lock()


def ledger(project_id: str, url: str | None, ca_bundle_file: Path | None) -> Ledger:
    """Return the ledger of a project; it outlives a change of other settings.

    Under a lock: two concurrent first events would otherwise create two ledgers.
    """
    with _opening:
        return open_ledger(project_id, url, ca_bundle_file)


@lru_cache(maxsize=8)
def open_ledger(project_id: str, url: str | None, ca_bundle_file: Path | None) -> Ledger:
    """Open a ledger, once for each of these settings."""
    if url is None:
        return MemoryLedger(components().clock.monotonic)
    from ..ledger import redis, redis_server  # noqa: PLC0415 - costs cold start

    return redis.RedisLedger(redis_server.RedisServer(url, ca_bundle_file), project_id)


# Looked up by the texts themselves: a warm process may get other settings with its next event.
@lru_cache(maxsize=8)
def _settings(
    variables: tuple[tuple[str, str], ...], *, platform_credentials: bool, http_entrypoint: bool
) -> Settings:
    return reader.read(
        dict(variables),
        routes=routed_sources(),
        platform_credentials=platform_credentials,
        http_entrypoint=http_entrypoint,
    )


@lru_cache(maxsize=1)
def _metrics() -> "Metrics":
    """Return the metrics of this process, which outlive a change of settings."""
    from ..reporting.metrics import Metrics  # noqa: PLC0415 - costs cold start

    return Metrics(emit.dropped_lines)


def runtime(
    variables: Mapping[str, str],
    *,
    platform_credentials: bool = False,
    http_entrypoint: bool = False,
) -> Runtime:
    """Return what events run with, or raise SettingsInvalid; checked when settings change."""
    looked_at = tuple(
        (name, variables[name])
        for name in sorted(variable_names())
        if variables.get(name) is not None
    )
    settings = _settings(
        looked_at, platform_credentials=platform_credentials, http_entrypoint=http_entrypoint
    )
    built, outbound = components(), settings.outbound
    return Runtime(
        settings=settings,
        sources=built.sources,
        schemas=built.schemas,
        clock=built.clock,
        ledger=ledger(outbound.project_id, settings.ledger_url, outbound.ca_bundle_file),
        metrics=_metrics() if settings.metrics else None,
    )

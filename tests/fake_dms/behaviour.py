"""Configuration of the fake: account, address, and a switch for each undocumented behaviour."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Account:
    """The only tenant of the fake; all values are made up."""

    access_key: str = "STANDINACCESSKEY0001"
    secret_key: str = field(default="stand-in-secret-key-0123456789-abcdefghi", repr=False)
    project_id: str = "0123456789abcdef0123456789abcdef"
    topic_urn: str = "urn:smn:eu-de:0123456789abcdef0123456789abcdef:kafka-people"
    """The one topic of SMN that exists."""
    security_token: str | None = field(default=None, repr=False)
    auth_token: str = field(default="stand-in-auth-token", repr=False)
    expired_auth_token: str = field(default="stand-in-expired-auth-token", repr=False)
    clock_offset: float = 0.0
    """Seconds the gateway's own clock is ahead of the fake DMS's, to be refused for skew."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where it listens; with a certificate and a key (PEM files) it speaks TLS."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    """What the certificate is verified with, for the settings only."""
    name: str | None = None
    """Host name to put into the URL instead of the address, such as localhost."""


@dataclass(slots=True)
class Behaviour:
    """How instances behave, with a switch for each behaviour that the vendor does not document."""

    restart_seconds: float = 180.0
    delete_seconds: float = 5.0
    status_lag: float = 0.0
    """Seconds until an accepted restart or delete shows in the status."""
    task_lag: float = 0.0
    """Seconds until an accepted restart shows among the tasks."""
    lag_hides: bool = True
    """Within the lag a second restart is accepted; False: it is refused although nothing shows."""
    restart_outcome: Literal["helps", "fails", "does_not_help"] = "helps"
    """Ends RUNNING with SUCCESS, or ERROR with FAILED, or as it was before with SUCCESS."""
    keeps_tasks: bool = True
    task_name: str = "kafkaInstanceRestart"
    task_paging: Literal["start", "page", "offset"] = "start"
    """`start` counts tasks from 1, or pages from 1, or `offset` counts tasks from 0."""
    begin_time_offset_hours: float = 0.0
    """Time zone in which begin_time and end_time are understood."""
    refusal: Literal["row", "request"] = "row"
    """A wrong state or an unknown id: a `failed` row, or the whole request with its code."""
    both_keys: Literal["refuse", "purge", "instances"] = "refuse"
    """What counts when a delete has both `instances` and `all_failure`."""
    failed_creations: Literal["rows", "count", "hidden"] = "rows"
    """With include_failure they are rows, or only add to instance_num, or neither."""
    rows_have_tags: bool = True
    empty_list_is_error: bool = True
    """Offset 0 of nothing is also an offset beyond the end."""
    recycle_bin: bool | None = None
    """GET recycle answers with this as default_use_recycle; None: 404."""
    missing_permissions: frozenset[str] = frozenset()
    """Missing permissions of the caller, such as dms:instance:get: those calls are refused."""
    permission_code: str = "DMS.00403003"
    """The code of such a refusal; which one the service or the gateway uses is not documented."""
    gateway_prefix: Literal["APIGW", "APIG"] = "APIGW"


class Clock:
    """A clock that stands still until `advance` is called; pass it as `clock`."""

    def __init__(self, now: float) -> None:
        """Start at an epoch time in seconds."""
        self.now = now

    def __call__(self) -> float:
        """Return the time in epoch seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds

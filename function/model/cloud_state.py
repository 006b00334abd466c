"""The types of the cloud: its instances, their background tasks, and its answers."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, NamedTuple

UNAUTHORIZED, REQUEST_TIMEOUT, TOO_MANY_REQUESTS = 401, 408, 429
# The gateway says APIGW or APIG, depending on the region; DMS.10240407 comes with HTTP 404.
THROTTLED_CODES = frozenset({"APIGW.0308", "APIG.0308", "DMS.10240407"})
CLOCK_SKEW_CODES = frozenset({"APIGW.0303", "APIG.0303"})
MAX_CLOCK_SKEW_SECONDS = 15 * 60  # what the vendor's signature check allows
TOLERATED_SKEW_SECONDS = 60  # a Date has whole seconds and is as old as its answer
# Eleven days; Python refuses to parse very long numbers.
MAX_RETRY_AFTER_DIGITS = 6
# SUCCESS, FAILED, DELETED and CANCELLED are the others that the vendor documents.
RUNNING_TASK_STATUSES = frozenset({"CREATED", "EXECUTING"})
# Only what looks like a code gets into results: other texts may quote a header or a value.
_CODE = r"(?s)(?=.{1,64}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+"


class Task(NamedTuple):
    """A background task of an instance, as the cloud keeps it; an unparsable time is None.

    `from_ledger`: a call of this function that the cloud does not show yet.
    """

    id: str
    name: str
    status: str
    created_at: datetime | None
    updated_at: datetime | None = None
    user_name: str | None = None
    from_ledger: bool = False

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in RUNNING_TASK_STATUSES


class InstanceState(NamedTuple):
    """One live instance; `status` is None when the cloud knows no such instance."""

    id: str
    status: str | None
    engine: str | None = None
    # None where the row has none: the list may leave them out, so the instance is read by its id.
    tags: tuple[tuple[str, str], ...] | None = None
    restart_tasks: tuple[Task, ...] = ()
    newest_task_name: str | None = None


class Observation(NamedTuple):
    """The live state that a decision rests on.

    `restarting` are the instances of the project that restart now, `failed_creations` what a purge
    would remove, `unlisted` how many more the cloud counts than it lists; `recycle_bin` is None
    where the cloud does not say. `clock_skew_seconds` is how far our clock is ahead of the Date of
    the answers.
    """

    instances: Mapping[str, InstanceState] = MappingProxyType({})
    restarting: frozenset[str] = frozenset()
    failed_creations: tuple[InstanceState, ...] = ()
    unlisted: int = 0
    recycle_bin: bool | None = None
    clock_skew_seconds: int = 0

    @property
    def clock_is_off(self) -> bool:
        """Whether our clock differs from the cloud's by more than what is tolerated."""
        return abs(self.clock_skew_seconds) > TOLERATED_SKEW_SECONDS

    def cloud_time(self, own_time: datetime) -> datetime:
        """Return the time of day by the cloud's clock, which dates the history."""
        skew = timedelta(seconds=self.clock_skew_seconds)
        return own_time - skew if self.clock_is_off else own_time


class ApiResponse(NamedTuple):
    """What came back from the cloud, or why nothing did.

    `possibly_sent` is False when the request certainly never reached the cloud. `status` is None
    when no whole answer came back; `timed_out` says that the deadline came first. `document` is
    the parsed JSON body, or None; `empty` says that there was no body at all.
    `clock_skew_seconds` is how far our clock is ahead of the cloud's, where that matters.
    `problem` says which host and which stage stood in the way of an answer, and `lasting` that it
    will not pass by itself: a host that does not exist, a certificate that is not valid.
    """

    possibly_sent: bool
    status: int | None = None
    document: Any = None
    empty: bool = False
    request_id: str | None = None
    retry_after: str | None = None
    timed_out: bool = False
    clock_skew_seconds: int | None = None
    problem: str | None = None
    lasting: bool = False

    @property
    def clocks_differ(self) -> bool:
        """Whether our clock is so far from the cloud's that neither may be relied on."""
        return abs(self.clock_skew_seconds or 0) > MAX_CLOCK_SKEW_SECONDS

    @property
    def clock_skew_rejected(self) -> bool:
        """Whether the cloud refused the call because the clocks differ too much.

        The gateway may call it a wrong signature (APIGW.0301): then its Date tells.
        """
        by_code = self.error_code in CLOCK_SKEW_CODES
        return self.status == UNAUTHORIZED and (by_code or self.clocks_differ)

    @property
    def may_pass(self) -> bool:
        """Whether what stood in the way of a read may be gone the next time."""
        # 5xx, no answer and a 2xx that cannot be read may pass; 3xx and other 4xx are answers.
        passes = self.clock_skew_rejected or self.throttled or self.status == REQUEST_TIMEOUT
        return passes or not 300 <= (self.status or 0) < 500

    @property
    def throttled(self) -> bool:
        """Whether the cloud refused the call because there were too many; it did nothing."""
        return self.status == TOO_MANY_REQUESTS or self.error_code in THROTTLED_CODES

    @property
    def error_code(self) -> str | None:
        """The vendor's error code, such as DMS.00400026; None for what does not look like one."""
        code = self.document.get("error_code") if isinstance(self.document, dict) else None
        return code if isinstance(code, str) and re.fullmatch(_CODE, code) else None

    def retry_after_seconds(self, now: datetime) -> float | None:
        """Return the seconds to wait that Retry-After names, as a number or as a date, or None."""
        # RFC 9110 allows both forms.
        text = (self.retry_after or "").strip()
        if text.isascii() and text.isdigit() and len(text) <= MAX_RETRY_AFTER_DIGITS:
            return float(text)
        try:
            return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
        except (TypeError, ValueError, OverflowError):
            return None

"""What was sent and is not shown, clocks that differ, and a ledger that cannot be read."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from tests.fake_dms import Reply

from .case import ACCEPTED, UNREADABLE, Case, Expected, PlannedFault

NO_LEDGER = Expected("failed", "ledger_unreadable", 503, 0)
OFF = " clock of this machine is "


def _date(hours: int) -> str:
    """Return a Date that is off; by hours, because the case may be run long after this."""
    moment = datetime.now(timezone.utc) + timedelta(hours=hours)
    return format_datetime(moment, usegmt=True)


def _skewed(hours: int) -> Case:
    answer = {"instances": [], "instance_num": 0, "tasks": [], "task_count": "0"}
    reply = Reply(200, answer, (("Date", _date(hours)),))
    side = "behind" if hours > 0 else "ahead of"
    name = f"our clock {abs(hours)} hours {side} the Date of a good answer, reading"
    return Case(name, UNREADABLE, (PlannedFault(reply, "any", times=None),), says=OFF)


SENT = (
    Case(
        "sent just before, and not shown by the cloud yet",
        Expected("skipped", "already_restarting", 200, 0),
        purge=Expected("skipped", "cooldown", 200, 0),
        sent_before=True,
    ),
    _skewed(20),
    _skewed(-20),
)
LEDGER = (
    Case("the ledger cannot be reached", NO_LEDGER, ledger="gone"),
    Case("the ledger is stalled", NO_LEDGER, ledger="stalled"),
    Case("the ledger drips", NO_LEDGER, ledger="drips"),
    Case("the ledger is full", NO_LEDGER, ledger="full"),
    Case("the ledger is a replica", NO_LEDGER, ledger="replica"),
    Case("the ledger is a Redis Cluster", NO_LEDGER, ledger="cluster"),
    Case("the ledger is no Redis", NO_LEDGER, ledger="no Redis"),
    Case("the ledger is killed while the state is read", NO_LEDGER, ledger="killed while reading"),
    Case("the ledger is killed while it is sent", ACCEPTED, ledger="killed while sending"),
)

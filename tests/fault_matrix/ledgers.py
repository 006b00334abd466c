"""Shared ledgers whose server has a fault, and a ledger that already holds a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from function.ledger.protocol import Ledger, Times
from function.model.sent_call import PURGE
from tests.fake_dms import FakeDms
from tests.loopback import free_port
from tests.redis_process import answering, redis_process

from .case import Action, Case, LedgerFault, Meanwhile

LAST_READS: dict[Action, str] = {"restart": "tasks", "purge_failed": "list"}
NOT_REDIS = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@contextmanager
def shared(fault: LedgerFault, cloud: FakeDms, action: Action) -> Iterator[dict[str, str]]:
    """Yield the settings for a ledger whose server has this fault."""
    if fault == "gone":
        yield {"LEDGER_URL": f"redis://127.0.0.1:{free_port()}"}
        return
    if fault == "no Redis":
        with answering(NOT_REDIS) as url:
            yield {"LEDGER_URL": url}
        return
    with redis_process("--maxmemory-policy", "noeviction") as server:
        if fault == "full":
            server.send("CONFIG", "SET", "maxmemory", "100kb")
        elif fault == "stalled":
            server.stall()
        else:
            kind = LAST_READS[action] if fault == "killed while reading" else "action"
            cloud.fault(Meanwhile(server.kill), kind)
        yield {"LEDGER_URL": server.url}


def remember(case: Case, action: Action, ledger: Ledger) -> None:
    """Enter the call as just sent, so that the cloud does not show it yet."""
    targets = (PURGE,) if action == "purge_failed" else case.instances
    with ledger.claim(targets, Times(lambda: 1.0, lambda: 1.0)) as claim:
        claim.enter(targets, datetime.now(timezone.utc), None)

"""Shared ledgers whose server has a fault, and a ledger that already holds a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone

from function.ledger.protocol import Ledger, Times
from function.model.sent_call import PURGE
from tests.fake_dms import FakeDms
from tests.loopback import free_port
from tests.redis_process import answering, dripping, redis_process

from .case import Action, Case, LedgerFault, Meanwhile

LAST_READS: dict[Action, str] = {"restart": "tasks", "purge_failed": "list"}
# What only answers as a server with this fault does.
FALSE: dict[LedgerFault, Callable[[], AbstractContextManager[str]]] = {
    "drips": lambda: dripping(b"*3\r\n:1\r\n:1\r\n$1000000\r\n"),
    "cluster": lambda: answering(b"-MOVED 5798 10.0.0.7:6379\r\n"),
    "no Redis": lambda: answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@contextmanager
def shared(fault: LedgerFault, cloud: FakeDms, action: Action) -> Iterator[dict[str, str]]:
    """Yield the settings for a ledger whose server has this fault."""
    if fault == "gone":
        yield {"LEDGER_URL": f"redis://127.0.0.1:{free_port()}"}
        return
    if fault in FALSE:
        with FALSE[fault]() as url:
            yield {"LEDGER_URL": url}
        return
    with redis_process("--maxmemory-policy", "noeviction") as server:
        if fault == "full":
            server.send("CONFIG", "SET", "maxmemory", "100kb")
        elif fault == "replica":
            server.send("REPLICAOF", "127.0.0.1", free_port())
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

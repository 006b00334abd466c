"""What is wrong with the Redis server of the ledger, as a sentence that tells what to do.

The sentences are fixed: the texts of the server and of the library may contain its address, a user
or a password. Only the code in front of an error, and a few phrases, are looked at.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ..lib.threads import DeadlineExceeded, ThreadUnavailable

NONSENSE = "the ledger gave an answer that makes no sense; is there a Redis at LEDGER_URL?"
LATE = "the ledger did not answer in time"
NOT_REACHED = "the ledger cannot be reached; look at host, port and network of LEDGER_URL"
NO_TLS = "the ledger does not speak TLS on this port, or not in time; rediss:// needs a TLS port"
UNTRUSTED = (
    "the certificate of the ledger is not trusted, or names another host; "
    "look at CA_BUNDLE_FILE and the host of LEDGER_URL"
)
_CLUSTER = (
    "the ledger is a Redis Cluster, which is not supported; "
    "set LEDGER_URL to one server, or to a primary with replicas"
)
_REPLICA = "the ledger is a replica, which takes no writes; set LEDGER_URL to the primary"
_PASSWORD = "the ledger refused the password; look at user and password of LEDGER_URL"  # noqa: S105 - a sentence
_FORBIDDEN = "the user of LEDGER_URL may not do what the ledger needs; see docs/operations.md"
_ENDED = "the ledger ended the connection; a TLS port needs rediss://"
_OTHER_ERROR = "the ledger refused a step; look at the log of the server"

# By the code of an error. Most begin with it; Redis before 7 has it inside the error of a script:
# "ERR Error running script (call to f_0): @user_script:5: -OOM command not allowed".
_CODE = r"\b[A-Z]{3,}\b"
_BY_CODE: Mapping[str, str] = {
    **dict.fromkeys(("MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "CLUSTERDOWN"), _CLUSTER),
    "BUSY": "the ledger is kept busy by a script of another program",
    "DENIED": "the ledger serves only its own machine (protected-mode); set a password there",
    "LOADING": "the ledger is still loading its data; it serves when it is done",
    "MASTERDOWN": _REPLICA,
    "MISCONF": "the ledger takes no writes, because it cannot save; look at its disk and log",
    "NOAUTH": "the ledger asks for a password; put it into LEDGER_URL",
    "NOPERM": _FORBIDDEN,
    "NOREPLICAS": "the ledger has too few replicas to take writes (min-replicas-to-write)",
    "OOM": "the ledger is full; raise its maxmemory, or give it a server of its own",
    "READONLY": _REPLICA,
    "WRONGPASS": _PASSWORD,
    "WRONGTYPE": "another program uses keys of the ledger; set LEDGER_URL to another database",
}
_BY_PHRASE: Mapping[str, str] = {
    "cluster mode": _CLUSTER,  # which refuses SELECT, so the number of a database
    "DB index": "the ledger has no database of this number; look at the end of LEDGER_URL",
    "invalid password": _PASSWORD,
    "without any password": "the ledger has no password; take it out of LEDGER_URL",
    "max number of clients": "the ledger takes no more connections; raise its maxclients",
    "ACL failure": _FORBIDDEN,
    "can't run this command": _FORBIDDEN,  # the same in a script of Redis 6
    "unknown command": "the ledger knows no scripts (EVAL); it needs Redis 5 or later, or Valkey",
    "non deterministic": "the ledger is older than Redis 5",
    "closed by server": _ENDED,
}


def _of_server(text: str) -> str | None:
    """Return the sentence for an error of the server."""
    known = (_BY_CODE.get(code) for code in re.findall(_CODE, text))
    phrases = (sentence for phrase, sentence in _BY_PHRASE.items() if phrase in text)
    return next((sentence for sentence in (*known, *phrases) if sentence), None)


def _of_network(error: BaseException | None) -> str | None:
    """Return the sentence for what the library has wrapped into an error of its own."""
    if isinstance(error, ssl.SSLError):
        return UNTRUSTED if isinstance(error, ssl.SSLCertVerificationError) else NO_TLS
    if isinstance(error, socket.gaierror):
        return "the host of LEDGER_URL has no address; look at the name and at DNS"
    return _ENDED if isinstance(error, (BrokenPipeError, ConnectionResetError)) else None


def sentence(error: Exception) -> str:
    """Return what to tell of an error that a step of the ledger ended with."""
    if isinstance(error, (RedisTimeoutError, DeadlineExceeded, ThreadUnavailable)):
        return LATE
    if not isinstance(error, (RedisConnectionError, ResponseError)):
        return NONSENSE  # invalid answers make the library raise nearly anything
    code = getattr(error, "status_code", None) or ""
    known = _of_network(error.__context__) or _of_server(f"{code} {error}".strip())
    return known or (_OTHER_ERROR if isinstance(error, ResponseError) else NOT_REACHED)

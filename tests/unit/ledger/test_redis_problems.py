"""Every kind of a server that cannot be used is named, with what to do, and without its words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from function.ledger import redis as shared_ledger
from function.ledger.redis import RedisLedger
from function.ledger.redis_server import RedisServer
from function.model.errors import LedgerUnreadable
from tests.factories import NOW, ORDERS
from tests.fault_matrix.certificates import tls_endpoint
from tests.harness import remembered
from tests.loopback import free_port
from tests.redis_process import RedisProcess, answering, redis_process, tls_in_front

from .conftest import PROJECT
from .test_redis import AT_ONCE

SECRET = "very-secret"
# What docs/operations.md lists.
RIGHTS = "~kafka-remediator:* +eval +time +hget +hset +hdel +hvals +get +set +del +pexpire +select"


def problem(url: str) -> str:
    """Return what the log says of a server when a claim is tried."""
    ledger = RedisLedger(RedisServer(url, None), PROJECT)
    with pytest.raises(LedgerUnreadable) as caught, ledger.claim([ORDERS], AT_ONCE):
        raise AssertionError("claimed")
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    assert not {SECRET, "127.0.0.1", "10.0.0.7"} & {*str(caught.value).split()}
    return str(caught.value)


@pytest.fixture(name="own")
def run_a_server_of_its_own() -> Iterator[RedisProcess]:
    """Run a server with a password."""
    with redis_process(password=SECRET) as server:
        yield server


def test_password_that_is_missing_wrong_or_not_wanted(
    own: RedisProcess, redis: RedisProcess
) -> None:
    assert problem(own.url.replace(f":{SECRET}@", "")).startswith("the ledger asks for a password")
    for owner in (":other", f"nobody:{SECRET}"):
        wrong = own.url.replace(f":{SECRET}", owner)
        assert problem(wrong).startswith("the ledger refused the password")
    unwanted = redis.url.replace("//", f"//:{SECRET}@")
    assert problem(unwanted).startswith("the ledger has no password")


def test_number_of_a_database_that_does_not_exist(redis: RedisProcess) -> None:
    assert problem(f"{redis.url}/99") == (
        "the ledger has no database of this number; look at the end of LEDGER_URL"
    )


def test_the_rights_that_are_documented_are_enough_and_fewer_are_named(own: RedisProcess) -> None:
    owner = ("remediator", "on", f">{SECRET}")
    own.send("ACL", "SETUSER", *owner, *RIGHTS.split())
    url = own.url.replace(":very", "remediator:very") + "/1"
    ledger = RedisLedger(RedisServer(url, None), PROJECT)
    with ledger.claim([ORDERS], AT_ONCE) as claim:
        assert claim.enter([ORDERS], NOW, None)
    assert claim.problem is None
    assert len(remembered(ledger)) == 1

    for missing in ("-eval", "-hvals", "-select", "resetkeys"):
        own.send("ACL", "SETUSER", *owner, missing)
        assert problem(url).startswith("the user of LEDGER_URL may not do what the ledger needs")
        own.send("ACL", "SETUSER", *owner, *RIGHTS.split())


def test_replica_and_primary_that_lacks_its_replicas(own: RedisProcess) -> None:
    own.send("CONFIG", "SET", "min-replicas-to-write", "2")
    assert problem(own.url).startswith("the ledger has too few replicas")
    own.send("REPLICAOF", "127.0.0.1", free_port())
    assert problem(own.url).startswith("the ledger is a replica")


def test_node_of_a_cluster(tmp_path: Path) -> None:
    cluster = ("--cluster-enabled", "yes", "--cluster-port", f"{free_port()}")
    with redis_process(*cluster, "--dir", f"{tmp_path}") as server:
        assert problem(server.url).startswith("the ledger is a Redis Cluster")


def test_tls_on_a_port_without_it_and_the_other_way_round(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:  # a busy machine needs time to begin a handshake
        patched.setattr(shared_ledger, "COMMAND_SECONDS", 1.0)
        plain = redis.url.replace("redis:", "rediss:")
        assert problem(plain).startswith("the ledger does not speak TLS on this port")
    with tls_in_front(redis.port, tls_endpoint("good")) as port:
        assert problem(f"rediss://localhost:{port}").startswith("the certificate of the ledger")
        assert problem(f"redis://127.0.0.1:{port}").endswith("a TLS port needs rediss://")


def test_server_that_never_answers_a_handshake_of_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rediss://127.0.0.1:{silent.getsockname()[1]}"
        assert problem(url) in {
            "the ledger did not answer in time",
            "the ledger does not speak TLS on this port, or not in time; "
            "rediss:// needs a TLS port",
        }


def test_host_without_an_address() -> None:
    assert problem("redis://ledger.invalid").startswith("the host of LEDGER_URL has no address")


# As Redis 5 to 8 and Valkey say it.
ERRORS = {
    "MOVED 5798 10.0.0.7:6379": "the ledger is a Redis Cluster",
    "ASK 5798 10.0.0.7:6379": "the ledger is a Redis Cluster",
    "CLUSTERDOWN Hash slot not served": "the ledger is a Redis Cluster",
    "CROSSSLOT Keys in request don't hash to the same slot": "the ledger is a Redis Cluster",
    "ERR SELECT is not allowed in cluster mode": "the ledger is a Redis Cluster",
    "READONLY You can't write against a read only replica. script: 1, on @user_script:2.": (
        "the ledger is a replica"
    ),
    "MASTERDOWN Link with MASTER is down": "the ledger is a replica",
    "LOADING Redis is loading the dataset in memory": "the ledger is still loading",
    "MISCONF Redis is configured to save RDB snapshots": "the ledger takes no writes, because",
    "OOM command not allowed when used memory > 'maxmemory'. script: 1": "the ledger is full",
    "ERR Error running script (call to f_1): @user_script:5: @user_script: 5: "
    "-OOM command not allowed when used memory > 'maxmemory'.": "the ledger is full",
    "ERR Error running script (call to f_1): @user_script:5: "
    "-READONLY You can't write against a read only slave.": "the ledger is a replica",
    "ERR Error running script (call to f_1): @user_script:5: "
    "Write commands not allowed after non deterministic commands.": "the ledger is older than",
    "ERR Error running script (call to f_1): @user_script:5: "
    "WRONGTYPE Operation against a key holding the wrong kind of value": "another program uses",
    "ERR Error running script (call to f_1): @user_script:5: @user_script: 5: "
    "The user executing the script can't run this command or subcommand": "the user of LEDGER_URL",
    "NOAUTH Authentication required.": "the ledger asks for a password",
    "NOPERM User remediator has no permissions to run the 'eval' command": "the user of LEDGER_URL",
    "ERR ACL failure in script: User remediator has no permissions": "the user of LEDGER_URL",
    "DENIED Redis is running in protected mode": "the ledger serves only its own machine",
    "BUSY Redis is busy running a script.": "the ledger is kept busy by a script",
    "ERR max number of clients reached": "the ledger takes no more connections",
    "ERR unknown command 'EVAL', with args beginning with:": "the ledger knows no scripts",
    "ERR very-secret nonsense": "the ledger refused a step",
    "TIMEOUT very-secret": "the ledger refused a step",
}


@pytest.mark.parametrize("error", ERRORS)
def test_error_of_the_server_is_named_in_our_own_words(error: str) -> None:
    with answering(f"-{error}\r\n".encode()) as url:
        assert problem(url).startswith(ERRORS[error])

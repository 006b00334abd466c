"""A check from the command line: its settings, keys and ledger; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from function.cli._check import run_check
from function.lib import schemas
from function.model.errors import SchemaViolated, SettingsInvalid
from tests.factories import AUDIT, ORDERS
from tests.fake_dms import FakeDms
from tests.loopback import free_port
from tests.redis_process import redis_process


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(ORDERS, status="RUNNING")
        yield cloud


def environment(cloud: FakeDms, **settings: str) -> dict[str, str]:
    return {**cloud.environment(), "DRY_RUN": "true", "DEADLINE_SECONDS": "2", **settings}


def test_the_result_is_the_event_that_a_request_gets(
    cloud: FakeDms, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_check(environment(cloud), instances=[ORDERS.upper()])

    schemas.load().check("result", result.event)
    assert result.data["outcome"] == "passed"
    assert result.data["event"]["source"] == "direct"
    assert capsys.readouterr() == ("", "")


def test_check_command_posts_nothing_to_the_sink(cloud: FakeDms) -> None:
    with FakeDms() as sink:
        run_check(environment(cloud, K_SINK=sink.url))

        assert sink.connections == 0


def test_a_failed_check_has_the_name_of_what_failed(cloud: FakeDms) -> None:
    result = run_check(environment(cloud), instances=[AUDIT])

    assert result.data["outcome"] == "failed"
    assert result.data["message"].startswith("Check failed. instances: ")


def test_invalid_settings_and_ids_raise_before_any_read(cloud: FakeDms) -> None:
    with pytest.raises(SettingsInvalid, match="DRY_RUN"):
        run_check(environment(cloud, DRY_RUN="maybe"))
    with pytest.raises(SchemaViolated, match="instances"):
        run_check(environment(cloud), instances=["orders"])
    assert cloud.requests == ()


def copies(cloud: FakeDms, url: str) -> tuple[str, str]:
    result = run_check(environment(cloud, LEDGER_URL=url))
    found = next(check for check in result.data["checks"] if check["name"] == "copies")
    assert "a-password" not in found["detail"] + str(found["fix"])
    return found["status"].value, found["detail"]


def test_the_redis_of_the_ledger_is_asked_and_its_problem_named(cloud: FakeDms) -> None:
    with redis_process(password="a-password-of-redis") as redis:
        assert copies(cloud, redis.url)[0] == "pass"
        wrong = redis.url.replace("a-password", "another")
        bad = {wrong: "refused the password", f"{redis.url}/99": "no database of this number"}
        for url, words in bad.items():
            status, detail = copies(cloud, url)
            assert (status, words in detail) == ("fail", True)
        redis.stall()
        assert "did not answer in time" in copies(cloud, redis.url)[1]
    gone = copies(cloud, f"redis://:a-password@127.0.0.1:{free_port()}")
    assert gone == (
        "fail",
        "Nothing can be claimed on the ledger of LEDGER_URL: "
        "the ledger cannot be reached; look at host, port and network of LEDGER_URL.",
    )

"""Rules on the live state of an instance, end to end: state_unreadable to status."""

from __future__ import annotations

import pytest

from tests.factories import AUDIT, MINUTE, ORDERS
from tests.fake_dms import Reply, vendor_error
from tests.harness import Remediator, ago, assert_held_back

DENIED = vendor_error(403, "DMS.00403003", "canonicalRequest:host|x-auth-token:secret")


@pytest.mark.parametrize("kind", ["list", "show", "tasks"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [(DENIED, 200), (vendor_error(502, "APIGW.0201"), 503), (Reply(200, "?"), 503)],
)
def test_state_unreadable_fails_and_sends_nothing(
    remediator: Remediator, kind: str, fault: Reply, status: int
) -> None:
    remediator.cloud.behaviour.rows_have_tags = False
    remediator.cloud.fault(fault, kind=kind, times=None)
    answer = remediator.alert()

    assert answer.verdict == (status, "failed", "state_unreadable")
    assert answer.data["needs_human"] == (status == 200)
    assert answer.data["retryable"] == (status == 503)
    assert (answer.data["request"], answer.data["api"]["status"]) == (None, fault.status)
    assert answer.data["api"]["attempts"] == 0
    assert not remediator.cloud.posts


@pytest.mark.parametrize(
    ("kind", "permission"),
    [
        ("list", "dms:instance:list"),
        ("show", "dms:instance:get"),
        ("tasks", "dms:instance:getBackgroundTask"),
    ],
)
def test_state_unreadable_names_a_missing_permission_without_the_vendor_text(
    remediator: Remediator, kind: str, permission: str
) -> None:
    remediator.cloud.behaviour.rows_have_tags = False
    remediator.cloud.fault(DENIED, kind=kind, times=None)
    answer = remediator.alert()

    assert permission in answer.data["message"]
    assert "secret" not in str(answer.event)
    assert answer.data["api"]["error_code"] == "DMS.00403003"


def test_not_found_needs_a_person_for_an_alarm(
    remediator: Remediator,
) -> None:
    answer = remediator.alert(AUDIT)
    assert_held_back(answer, "not_found", needs_human=True, cloud=remediator.cloud)
    assert answer.data["instances"][0]["status"] is None

    answer = remediator.restart(AUDIT)
    assert_held_back(answer, "not_found", needs_human=False, cloud=remediator.cloud)


def test_not_found_only_by_the_vendor_code(remediator: Remediator) -> None:
    remediator.cloud.fault(vendor_error(404, "APIGW.0101", "The API does not exist."), kind="show")
    answer = remediator.restart(AUDIT)

    assert answer.verdict == (200, "failed", "state_unreadable")
    assert answer.data["needs_human"]


def test_an_instance_of_another_engine_is_never_restarted(remediator: Remediator) -> None:
    remediator.cloud.add_instance(AUDIT, engine="rabbitmq", status="ERROR")

    answer = remediator.alert(AUDIT)
    assert_held_back(answer, "not_kafka", needs_human=False, cloud=remediator.cloud)


@pytest.mark.parametrize("value", ["off", "No", "FALSE"])
@pytest.mark.parametrize("rows_have_tags", [True, False])
def test_an_instance_that_its_tag_opts_out_is_never_restarted(
    remediator: Remediator, value: str, *, rows_have_tags: bool
) -> None:
    remediator.cloud.behaviour.rows_have_tags = rows_have_tags
    remediator.cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": value})

    for answer in (remediator.alert(), remediator.restart()):
        assert_held_back(answer, "opted_out", needs_human=False, cloud=remediator.cloud)


def test_already_restarting_without_a_known_task_warns(
    remediator: Remediator, capfd: pytest.CaptureFixture[str]
) -> None:
    remediator.cloud.set_status(ORDERS, "RESTARTING")
    remediator.cloud.add_task(ORDERS, name="kafkaReboot", created_at=ago(MINUTE))
    answer = remediator.alert()

    assert_held_back(answer, "already_restarting", needs_human=False, cloud=remediator.cloud)
    assert "its newest task is kafkaReboot." in answer.data["message"]
    assert '"severity":"WARNING"' in capfd.readouterr().err


@pytest.mark.parametrize("status", ["UPGRADING", "EXTENDEDFAILED", "FROZEN", "A_NEW_WORD"])
def test_status_not_listed_is_skipped(remediator: Remediator, status: str) -> None:
    remediator.cloud.set_status(ORDERS, status)

    answer = remediator.alert()
    assert_held_back(answer, "status", needs_human=True, cloud=remediator.cloud)
    assert answer.data["instances"][0]["status"] == status
    answer = remediator.restart()
    assert_held_back(answer, "status", needs_human=False, cloud=remediator.cloud)

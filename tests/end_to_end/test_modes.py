"""Modes, end to end: one instance acts while others are observed or off."""

from __future__ import annotations

import pytest

from tests.factories import AUDIT, ORDERS, PAYMENTS
from tests.harness import Remediator, assert_held_back


@pytest.mark.parametrize("rows_have_tags", [True, False])
def test_an_observed_instance_is_not_restarted_and_the_result_says_what_would_be_sent(
    remediator: Remediator, *, rows_have_tags: bool
) -> None:
    remediator.cloud.behaviour.rows_have_tags = rows_have_tags
    remediator.cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": "observe"})

    for answered in (remediator.alert(), remediator.restart()):
        assert answered.verdict == (200, "dry_run", "observed")
        assert answered.data["request"] == {"action": "restart", "instances": [ORDERS]}
        assert (answered.data["dry_run"], answered.data["needs_human"]) == (False, False)
        assert answered.data["api"]["attempts"] == 0
    assert not remediator.cloud.posts


def test_the_canary_acts_while_the_others_are_observed(remediator: Remediator) -> None:
    remediator.set(DEFAULT_MODE="observe", MAX_RESTARTING="1")
    remediator.cloud.add_instance(ORDERS, status="ERROR", tags={"auto-remediation": "act"})
    remediator.cloud.add_instance(PAYMENTS, status="ERROR")

    answered = remediator.alert(ORDERS, PAYMENTS)

    assert answered.verdict == (200, "partial", None)
    assert answered.reasons == {ORDERS: None, PAYMENTS: "observed"}
    assert PAYMENTS in answered.data["message"]
    assert [post.json for post in remediator.cloud.posts] == [
        {"action": "restart", "instances": [ORDERS]}
    ]


def test_observed_instances_count_for_the_limit_of_an_event(remediator: Remediator) -> None:
    remediator.set(DEFAULT_MODE="observe", MAX_INSTANCES="1")

    assert remediator.alert(ORDERS, PAYMENTS).verdict == (403, "rejected", "too_many")


def test_a_tag_that_is_no_mode_holds_back_and_is_named_by_its_instance(
    remediator: Remediator, capfd: pytest.CaptureFixture[str]
) -> None:
    remediator.cloud.add_instance(AUDIT, status="ERROR", tags={"auto-remediation": "perhaps"})

    answered = remediator.alert(AUDIT)

    assert_held_back(answered, "opted_out", needs_human=False, cloud=remediator.cloud)
    assert AUDIT in capfd.readouterr().err
    assert "perhaps" not in str(answered.event)

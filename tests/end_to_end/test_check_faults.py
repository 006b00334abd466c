"""Faults of a set-up, each seeded alone: a check names the right one, and no other.

The cause is named once. What could not be looked at because of it is unproven, not failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import AUDIT, NOW, ORDERS, PAYMENTS
from tests.fake_dms import (
    Alter,
    Answer,
    Close,
    Fault,
    Hold,
    Reply,
    html,
    redirect,
    throttled,
    vendor_error,
)
from tests.harness import EventReply, Remediator, open_remediator

from .test_check import detail, healthy, named, statuses

GOOD = {
    "ALERTMANAGER_SECRETS": "",
    "CLOUDEVENTS_SECRETS": "",
    "GRAFANA_SECRETS": "",
    "DEADLINE_SECONDS": "2",
}
STRONG = "q8Zk3vXw1mT7rYpL5dNcHs2J"
OTHER = "B4tGf9QxWe6uRn1aKzPy7VoM"


def nothing(_: Remediator) -> None:
    """Seed no fault in the cloud: the settings are the fault."""


@dataclass(frozen=True)
class Seeded:
    """One fault: the change to the cloud or the settings, and the expected check result."""

    check: str
    words: str
    settings: dict[str, str] = field(default_factory=dict)
    seed: Callable[[Remediator], object] = nothing
    request: dict[str, Any] = field(default_factory=dict)
    status: str = "fail"


def lacking(*permissions: str, code: str = "DMS.00403003") -> Callable[[Remediator], None]:
    def seed(remediator: Remediator) -> None:
        remediator.cloud.behaviour.missing_permissions = frozenset(permissions)
        remediator.cloud.behaviour.permission_code = code

    return seed


def answering(fault: Any, kind: str = "any", **options: Any) -> Callable[[Remediator], None]:
    options.setdefault("times", None)
    return lambda remediator: remediator.cloud.fault(fault, kind=kind, **options)


def with_instance(**fields: Any) -> Callable[[Remediator], object]:
    return lambda remediator: remediator.cloud.add_instance(PAYMENTS, **fields)


def without(key: str) -> Alter:
    return Alter(lambda document: {k: v for k, v in document.items() if k != key})


def timeless(document: Any) -> Any:
    rows = document.get("tasks", [])
    odd = [{**row, "created_at": "soon", "updated_at": "later"} for row in rows]
    return {**document, "tasks": odd} if rows else document


def unreadable_failed_creations(remediator: Remediator) -> None:
    """Break only the list that names failed creations."""
    remediator.cloud.add_failed_creation(PAYMENTS)

    def change(document: dict[str, Any]) -> dict[str, Any]:
        failed = any(row["status"] == "CREATEFAILED" for row in document["instances"])
        return {"instances": document["instances"]} if failed else document

    remediator.cloud.fault(Alter(change), "list", times=None)


def skewed_signature(remediator: Remediator) -> None:
    date = (NOW + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answer = vendor_error(401, "APIGW.0301", "verify aksk signature fail")
    answer = Reply(answer.status, answer.body, (*answer.headers, ("Date", date)))
    remediator.cloud.fault(answer, times=None)


@dataclass(frozen=True, slots=True)
class Dated(Fault):
    """Does what was asked, and dates the answer."""

    date: str

    def alter(self, answer: Answer) -> Answer:
        """Add the date."""
        return replace(answer, headers=(*answer.headers, ("Date", self.date)))


def behind(seconds: int) -> Callable[[Remediator], None]:
    """Let every answer be dated later than our clock."""
    date = (NOW + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return answering(Dated(date))


FAULTS = {
    # Where the connection ends
    "redirected to a portal": Seeded(
        "endpoint", "HTTP: 127.0.0.1", seed=answering(redirect("https://portal.example/"))
    ),
    "a page instead of the API": Seeded("endpoint", "answered 200", seed=answering(html(200))),
    "an error page of a proxy": Seeded("endpoint", "answered 503", seed=answering(html(503))),
    "another API at this host": Seeded(
        "endpoint", "not as the API", seed=answering(vendor_error(404, "APIGW.0101"))
    ),
    "connections that are closed": Seeded("endpoint", "HTTP:", seed=answering(Close("request"))),
    "half of every answer": Seeded("endpoint", "no whole answer", seed=answering(Close("answer"))),
    "an API that is silent": Seeded("endpoint", "no whole answer", seed=answering(Hold("request"))),
    # Who asks, and when
    "wrong access key": Seeded(
        "credentials", "key does not exist", {"HUAWEICLOUD_SDK_AK": "NOTTHEACCESSKEY0001"}
    ),
    "wrong secret key": Seeded(
        "credentials", "signature is wrong", {"HUAWEICLOUD_SDK_SK": "not-the-secret-key"}
    ),
    "temporary keys without their token": Seeded(
        "credentials", "HUAWEICLOUD_SDK_SECURITY_TOKEN", {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "old"}
    ),
    "expired temporary keys": Seeded(
        "credentials",
        "have expired",
        seed=answering(vendor_error(401, "APIGW.0301", "the securityToken has expired")),
    ),
    "expired token of the service": Seeded(
        "credentials", "have expired", seed=answering(vendor_error(401, "DMS.10240102"))
    ),
    "clock 20 minutes off": Seeded(
        "clock",
        "refuses our clock",
        seed=answering(vendor_error(401, "APIGW.0303", "signature expired")),
    ),
    "clock an hour behind, called a wrong signature": Seeded(
        "clock", "3600 s behind", seed=skewed_signature
    ),
    "clock 10 minutes behind": Seeded("clock", "600 s behind", seed=behind(600)),
    "clock 10 minutes ahead": Seeded("clock", "600 s ahead of", seed=behind(-600)),
    "clock 2 minutes behind": Seeded("clock", "NTP", seed=behind(120), status="info"),
    "wrong project": Seeded("project", "APIGW.0302", {"HUAWEICLOUD_SDK_PROJECT_ID": "f" * 32}),
    "a project that the region does not know": Seeded(
        "project", "is not known", seed=answering(vendor_error(404, "DMS.00404001"))
    ),
    "frozen account": Seeded(
        "project", "frozen", seed=answering(vendor_error(403, "DMS.10240306"))
    ),
    # Each right that an alarm needs
    "may not list": Seeded("list", "dms:instance:list", seed=lacking("dms:instance:list")),
    "may not list, as policies of the gateway say it": Seeded(
        "list",
        "dms:instance:list is missing",
        seed=lacking("dms:instance:list", code="APIGW.0302"),
        request={"instances": [ORDERS]},
    ),
    "may not show": Seeded("show", "dms:instance:get", seed=lacking("dms:instance:get")),
    "may not show, in the words of the gateway": Seeded(
        "show", "APIGW.0802", seed=lacking("dms:instance:get", code="APIGW.0802")
    ),
    "may not read tasks": Seeded(
        "tasks",
        "dms:instance:getBackgroundTask",
        seed=lacking("dms:instance:getBackgroundTask"),
    ),
    "may not restart": Seeded(
        "restart_permission",
        "dms:instance:modifyStatus",
        seed=lacking("dms:instance:modifyStatus"),
        request={"probe": True},
    ),
    # Reads that do not work
    "throttled": Seeded("list", "throttles", seed=answering(throttled())),
    "IAM unavailable": Seeded(
        "list", "APIGW.0613", seed=answering(vendor_error(503, "APIGW.0613"))
    ),
    "a list without its count": Seeded(
        "list", "instance_num", seed=answering(without("instance_num"), "list")
    ),
    "half of every look at an instance": Seeded(
        "show", "whole answer", seed=answering(Close("answer"), "show")
    ),
    "a history without ids": Seeded(
        "tasks",
        "no id",
        seed=answering(Alter(lambda one: {"task_count": "1", "tasks": [{}]}), "tasks"),
    ),
    "a restart without a time": Seeded(
        "tasks", "no readable time", seed=answering(Alter(timeless), "tasks")
    ),
    "a listing that a purge cannot read": Seeded(
        "failed_creations", "could not be read", seed=unreadable_failed_creations
    ),
    # Instances, and what the settings say of them
    "an asked-for id that does not exist": Seeded(
        "instances", f"{AUDIT} does not exist", request={"instances": [AUDIT]}
    ),
    "an asked-for instance of another engine": Seeded(
        "instances",
        f"{PAYMENTS} is no Kafka instance",
        seed=with_instance(engine="rabbitmq"),
        request={"instances": [PAYMENTS]},
    ),
    "only unknown ids allowed": Seeded(
        "instances", "nothing can be restarted", {"ALLOWED_INSTANCES": AUDIT}
    ),
    "an unknown id allowed": Seeded(
        "instances", "mistyped", {"ALLOWED_INSTANCES": f"{ORDERS},{AUDIT}"}, status="info"
    ),
    "an unknown id blocked": Seeded(
        "instances", "protects nothing", {"BLOCKED_INSTANCES": AUDIT}, status="info"
    ),
    "an asked-for instance that is blocked": Seeded(
        "instances",
        "nothing will be done",
        {"BLOCKED_INSTANCES": PAYMENTS},
        with_instance(),
        {"instances": [PAYMENTS]},
        status="info",
    ),
    "an asked-for instance that is not allowed": Seeded(
        "instances",
        "not in ALLOWED_INSTANCES",
        {"ALLOWED_INSTANCES": ORDERS},
        with_instance(),
        {"instances": [PAYMENTS]},
        status="info",
    ),
    "a tag that is no mode": Seeded(
        "instances", PAYMENTS, seed=with_instance(tags={"auto-remediation": "maybe"}), status="info"
    ),
    "topics that may not be listed": Seeded(
        "instances",
        "dms:topic:list",
        seed=lacking("dms:topic:list"),
        request={"instances": [ORDERS]},
        status="pass",
    ),
    "a project without instances": Seeded(
        "list",
        "no Kafka instance",
        seed=lambda one: one.cloud.set_status(ORDERS, "DELETING"),
        status="info",
    ),
    "a pattern that matches no task": Seeded(
        "restart_task_names",
        "kafkaInstanceRestart",
        {"RESTART_TASK_PATTERN": "reboot"},
        status="unproven",
    ),
    "more failed creations than a purge takes": Seeded(
        "failed_creations",
        "MAX_PURGE",
        {"MAX_PURGE": "1"},
        lambda one: [one.cloud.add_failed_creation(id_) for id_ in (PAYMENTS, AUDIT)],
        status="info",
    ),
    "a failed creation that is blocked": Seeded(
        "failed_creations",
        "BLOCKED_INSTANCES",
        {"BLOCKED_INSTANCES": PAYMENTS},
        lambda one: one.cloud.add_failed_creation(PAYMENTS),
        status="info",
    ),
    # The set-up itself
    "a weak secret": Seeded(
        "routes", "openssl rand", {"GRAFANA_SECRETS": "changeme-changeme"}, status="info"
    ),
    "one secret for two routes": Seeded(
        "routes",
        "share a secret",
        {"GRAFANA_SECRETS": STRONG, "ALERTMANAGER_SECRETS": f"{OTHER},{STRONG}"},
        status="info",
    ),
    "a route that the platform authenticates": Seeded(
        "routes",
        "not be reachable from outside",
        {"PLATFORM_AUTHENTICATED": "cloudevents"},
        status="info",
    ),
    "one copy without a ledger": Seeded("copies", "only one copy", status="unproven"),
    "no bound on restarts": Seeded(
        "settings",
        "nothing bounds",
        {"COOLDOWN_SECONDS": "0", "MAX_RESTARTS_PER_DAY": "0"},
        status="info",
    ),
}


def assert_named(answered: EventReply, seeded: Seeded) -> None:
    failed = {seeded.check} if seeded.status == "fail" else set()
    assert named(answered) == failed
    assert statuses(answered)[seeded.check] == seeded.status
    assert seeded.words in detail(answered, seeded.check)
    assert answered.data["outcome"] == ("failed" if failed else "passed")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_its_check_and_by_no_other(fault: str) -> None:
    seeded = FAULTS[fault]
    with open_remediator(None, **{**GOOD, **seeded.settings}) as remediator:
        healthy(remediator)
        seeded.seed(remediator)
        answered = remediator.ask(action="check", **seeded.request)

    assert_named(answered, seeded)


def test_at_least_thirty_faults_are_seeded() -> None:
    assert len(FAULTS) >= 30


SECRETS = ("stand-in-secret-key", "STANDINACCESSKEY", STRONG, OTHER, "changeme")


@pytest.mark.parametrize("fault", FAULTS)
def test_no_check_contains_a_secret(fault: str) -> None:
    seeded = FAULTS[fault]
    with open_remediator(None, **{**GOOD, **seeded.settings}) as remediator:
        seeded.seed(remediator)
        answered = remediator.ask(action="check", **seeded.request)

    text = json.dumps(answered.event)
    assert [secret for secret in SECRETS if secret in text] == []

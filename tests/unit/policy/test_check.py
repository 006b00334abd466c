"""The checks, from what was read: complete, with a fix each, and never better than the evidence."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.model.check import (
    AuthFailure,
    Check,
    CheckRequest,
    CheckStatus,
    CloudAnswer,
    Reach,
    Readings,
    TopicCount,
    Validity,
)
from function.model.cloud_state import ApiResponse
from function.model.errors import ActionNotForSource, StateUnreadable
from function.model.event import Action, Event, Intent, Source
from function.policy import check, check_cloud, check_setup
from function.settings.model import (
    AuthSettings,
    Credentials,
    NotifySettings,
    OutboundSettings,
    Settings,
)
from tests.factories import ALL_THREE, AUDIT, DRAFT, NOW, ORDERS, PAYMENTS, limits, read, state

NAMES = """settings endpoint clock credentials project list show tasks restart_task_names
failed_creations restart_permission purge_permission instances routes certificate copies""".split()
KEYS = Credentials("access", "secret")
REACHED = Reach("TLS", "dms.example:443")
OK = CloudAnswer(200, clock_skew_seconds=0)


def settings(auth: AuthSettings | None = None, **given: Any) -> Settings:
    outbound = OutboundSettings("https://dms.example", "0" * 32)
    return Settings(limits(**given), auth or AuthSettings(), outbound, KEYS)


def readings(*answers: CloudAnswer, **fields: Any) -> Readings:
    given = {"reach": REACHED, "answers": answers, "instances": (state(status="RUNNING"),)}
    return Readings(**{**given, **fields})


def results(
    read: Readings, *asked: str, probe: bool = False, keys: Credentials | None = KEYS, **given: Any
) -> dict[str, Check]:
    subject = check.Checked(settings(**given), keys, CheckRequest(asked, probe), read)
    return {row.name: row for row in check.checks(subject, NOW)}


def names_of_failed(checks: dict[str, Check]) -> list[str]:
    return [row.name for row in checks.values() if row.status is CheckStatus.FAIL]


STATES = st.builds(
    state,
    st.sampled_from(ALL_THREE),
    st.sampled_from(["RUNNING", "ERROR", None]),
    engine=st.sampled_from(["kafka", "rabbitmq", None]),
    tags=st.sampled_from([None, (), (("auto-remediation", "maybe"),)]),
)
CODES = [None, "APIGW.0302", "APIGW.0101", "DMS.00403003", "DMS.10240306", "DMS.00404022"]
RESPONSES = st.builds(
    ApiResponse,
    st.booleans(),
    st.sampled_from([None, 200, 400, 401, 403, 404, 429, 503]),
    st.sampled_from([None, {}, {"results": [{"instance": DRAFT, "result": "failed"}]}])
    | st.sampled_from(CODES).map(lambda code: {"error_code": code}),
)
PROBLEMS = st.builds(
    StateUnreadable, st.just("odd"), response=st.none() | RESPONSES, transient=st.booleans()
)
ANSWERS = st.builds(
    CloudAnswer,
    st.sampled_from([200, 302, 401, 403, 404, 429, 503]),
    st.sampled_from(CODES),
    st.booleans(),
    st.sampled_from([None, 0, -100, 4000]),
    st.booleans(),
    st.sampled_from([None, *AuthFailure]),
)
READINGS = st.builds(
    Readings,
    st.builds(
        Reach,
        st.sampled_from(["DNS", "TCP", "proxy", "TLS"]),
        st.just("dms.example:443"),
        st.sampled_from([None, "refused"]),
    ),
    st.lists(ANSWERS, max_size=4).map(tuple),
    st.none() | st.lists(STATES, max_size=3).map(tuple),
    st.none() | st.lists(STATES, max_size=3).map(tuple),
    st.integers(0, 30),
    st.dictionaries(st.sampled_from(ALL_THREE), STATES),
    st.lists(st.sampled_from(ALL_THREE)).map(tuple),
    st.frozensets(st.sampled_from(["restart", "resize"])),
    st.frozensets(st.sampled_from(["restart"])),
    st.dictionaries(st.sampled_from(ALL_THREE), st.just(TopicCount(3, 1))),
    st.dictionaries(st.sampled_from(["list", "show", "tasks", "failed_creations"]), PROBLEMS),
    st.none() | st.just(DRAFT),
    st.none() | RESPONSES,
)
LISTS = st.none() | st.frozensets(st.sampled_from(ALL_THREE), min_size=1)


@given(READINGS, st.booleans(), LISTS, st.sampled_from([KEYS, None]))
def test_every_check_is_present_and_every_failure_has_a_fix(
    read: Readings, probe: bool, allowed: frozenset[str] | None, keys: Credentials | None
) -> None:
    checks = results(read, ORDERS, AUDIT, probe=probe, keys=keys, allowed=allowed)

    assert list(checks) == NAMES
    assert all(row.detail for row in checks.values())
    assert [row for row in checks.values() if row.status is CheckStatus.FAIL and not row.fix] == []


@given(READINGS)
def test_checks_after_the_first_cause_do_not_fail(read: Readings) -> None:
    """Checks that a cause prevents are unproven until that cause is fixed."""
    subject = check_cloud.Subject(settings(), KEYS, read)
    checks = check_cloud.checks(subject)
    first = check_cloud.cause(subject, checks)

    if first is not None:
        behind = NAMES[NAMES.index(first) + 1 : NAMES.index("restart_task_names")]
        assert {checks[name].status for name in behind} <= {CheckStatus.PASS, CheckStatus.UNPROVEN}


def test_without_any_answer_no_cloud_check_passes() -> None:
    checks = results(Readings(Reach("DNS", "dms.example", "no answer in time")), probe=True)

    cloud = [checks[name].status for name in NAMES[1:13]]
    assert CheckStatus.PASS not in cloud
    assert names_of_failed(checks) == ["endpoint"]


@pytest.mark.parametrize(
    ("answers", "failed"),
    [
        ((), "endpoint"),
        ((CloudAnswer(200, json=False),), "endpoint"),
        ((CloudAnswer(404, "APIG.0101"),), "endpoint"),
        ((CloudAnswer(401, "APIGW.0301", auth_failure=AuthFailure.OTHER),), "credentials"),
        ((CloudAnswer(401, "APIGW.0303", clock_skew_rejected=True),), "clock"),
        ((OK._replace(clock_skew_seconds=301),), "clock"),
        ((CloudAnswer(403, "APIG.0302"),), "project"),
        ((OK, CloudAnswer(403, "DMS.10240306")), "project"),
        ((CloudAnswer(404, "DMS.00404001"),), "project"),
    ],
)
def test_the_first_cause_is_named(answers: tuple[CloudAnswer, ...], failed: str) -> None:
    checks = results(readings(*answers))

    assert names_of_failed(checks) == [failed]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (Credentials("a", "b", "c", from_platform=True), "temporary keys of the platform"),
        (Credentials(auth_token="t"), "HUAWEICLOUD_AUTH_TOKEN"),
        (KEYS, "HUAWEICLOUD_SDK_AK"),
    ],
)
def test_tried_credentials_are_named(keys: Credentials, words: str) -> None:
    assert words in results(readings(OK), keys=keys)["credentials"].detail


def test_a_throttled_gateway_says_nothing_of_the_keys() -> None:
    checks = results(readings(CloudAnswer(429, "APIGW.0308")))

    assert checks["credentials"].status is CheckStatus.UNPROVEN


def test_a_history_that_could_not_be_read_once_is_no_missing_right() -> None:
    problems = {"tasks": StateUnreadable("no answer", transient=True)}
    checks = results(readings(OK, histories=(ORDERS,), problems=problems))

    assert checks["tasks"].status is CheckStatus.PASS


def test_a_history_that_one_instance_refuses_is_a_failure() -> None:
    refused = ApiResponse(possibly_sent=True, status=403)
    problems = {"tasks": StateUnreadable("refused", response=refused)}
    checks = results(readings(OK, histories=(ORDERS,), problems=problems))

    assert checks["tasks"].status is CheckStatus.FAIL
    assert "dms:instance:getBackgroundTask" in str(checks["tasks"].fix)


def answered(status: int | None, document: Any = None) -> ApiResponse:
    return ApiResponse(possibly_sent=True, status=status, document=document)


FAILED_ROW = {"results": [{"instance": DRAFT, "result": "failed"}]}


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (answered(200, FAILED_ROW), CheckStatus.PASS),
        (answered(404, {"error_code": "DMS.00404022"}), CheckStatus.PASS),
        (answered(403, {"error_code": "DMS.00403003"}), CheckStatus.FAIL),
        (answered(403), CheckStatus.FAIL),
        (answered(200, {"results": [{"instance": DRAFT, "result": "success"}]}), None),
        (answered(200, {"results": [{"instance": ORDERS, "result": "failed"}]}), None),
        (answered(200, {"results": "failed"}), None),
        (answered(200, ["failed"]), None),
        (answered(400, {"error_code": "DMS.00400061"}), None),
        (answered(401), None),
        (answered(429), None),
        (answered(None), None),
        (ApiResponse(possibly_sent=False), None),
    ],
)
def test_only_a_not_found_answer_confirms_the_restart_permission(
    response: ApiResponse, status: CheckStatus | None
) -> None:
    checks = results(readings(OK, probe=response, probed=DRAFT), probe=True)

    assert checks["restart_permission"].status is (status or CheckStatus.UNPROVEN)


def test_purge_permission_is_not_needed_when_purges_are_off() -> None:
    checks = results(readings(OK), enabled_actions=frozenset({Action.RESTART}))

    assert checks["purge_permission"].status is CheckStatus.INFO


def test_listing_that_only_counts_failed_creations_is_reported() -> None:
    checks = results(readings(OK, failed_creations=(), unlisted=4))

    assert "counts 4 more" in checks["failed_creations"].detail


def test_unneeded_listing_cannot_fail() -> None:
    problems = {"failed_creations": StateUnreadable("odd")}
    actions = frozenset({Action.RESTART})
    checks = results(readings(OK, problems=problems), enabled_actions=actions)

    assert checks["failed_creations"].status is CheckStatus.UNPROVEN


def test_modes_are_counted_by_tag_and_default() -> None:
    listed = tuple(
        state(id_, "RUNNING", tags=tags)
        for id_, tags in [(ORDERS, (("auto-remediation", "off"),)), (PAYMENTS, ()), (AUDIT, None)]
    )
    checks = results(readings(OK, instances=listed))

    assert "Modes: act 1, off 1." in checks["instances"].detail


def test_an_instance_that_was_asked_for_and_not_read_is_named() -> None:
    checks = results(readings(OK), PAYMENTS)

    assert f"{PAYMENTS} could not be read." in checks["instances"].detail
    assert checks["instances"].status is CheckStatus.UNPROVEN


def test_topics_with_several_replicas_are_reported() -> None:
    checks = results(readings(OK, topics={ORDERS: TopicCount(2, 0)}), ORDERS)

    assert "None of the 2 topic(s)" in checks["instances"].detail


def test_many_names_are_cut_to_what_a_person_reads() -> None:
    assert check_cloud.names(map(str, range(10, 22))).endswith("and 2 more")


@given(st.integers(16, 64))
def test_random_secret_is_not_weak(length: int) -> None:
    """Eight distinct characters are below chance for 16 random ones of 64."""
    secret = secrets.token_urlsafe(length).encode()

    assert len(set(secret)) < 8 or not check_setup.is_weak(secret) or b"test" in secret.lower()


@pytest.mark.parametrize(
    "secret",
    [
        "a" * 16,
        "abababababababab",
        "password-of-grafana",
        "0123456789abcdef",
        "a-long-random-secret",
    ],
)
def test_guessable_secret_is_weak(secret: str) -> None:
    assert check_setup.is_weak(secret.encode())
    assert check_setup.is_weak(b"whsec_" + secret.encode())


def test_secrets_of_good_routes_pass() -> None:
    auth = AuthSettings({"direct": (secrets.token_hex(32).encode(),), "grafana": ()})

    assert check_setup.routes(auth).status is CheckStatus.PASS


@pytest.mark.parametrize(("days", "status"), [(30, CheckStatus.PASS), (29, CheckStatus.FAIL)])
def test_thirty_days_are_the_least_that_a_certificate_lasts(days: int, status: CheckStatus) -> None:
    certificates = [Validity(NOW - timedelta(1), NOW + timedelta(days))]

    assert check_setup.certificate(certificates, NOW).status is status


def test_the_probe_names_the_random_instance_and_nothing_else() -> None:
    call = check.probe_call(CheckRequest((ORDERS,), probe=True), limits(), DRAFT)

    assert call is not None
    assert call.body == {"action": "restart", "instances": [DRAFT]}


@pytest.mark.parametrize("probe", [True, False])
def test_a_source_that_may_not_check_may_not_probe_either(probe: bool) -> None:
    event = Event((Intent(Action.CHECK),), probe=probe)
    restarts = Source(read, frozenset({Action.RESTART}))

    with pytest.raises(ActionNotForSource):
        check.request(event, restarts)


@pytest.mark.parametrize(
    ("urn", "foreign"),
    [
        (f"urn:smn:eu-de:{'0' * 32}:people", False),
        (f"urn:smn:eu-de:{'1' * 32}:people", True),
        (f"urn:smn:cn-north-4:{'0' * 32}:people", True),
    ],
)
def test_a_topic_of_another_project_or_region_is_named(urn: str, foreign: bool) -> None:
    ours = OutboundSettings("https://dms.eu-de.myhuaweicloud.com", "0" * 32)
    alarms = settings(AuthSettings(topic_urns=frozenset({urn})))._replace(outbound=ours)
    people = settings()._replace(outbound=ours, notify=NotifySettings(urn))

    for name, chosen in (("SMN_TOPIC_URNS", alarms), ("NOTIFY_TOPIC_URN", people)):
        row = check_setup.settings(chosen)
        assert row.status is (CheckStatus.INFO if foreign else CheckStatus.PASS)
        assert (name in (row.fix or "")) is foreign
    assert "NOTIFY_TOPIC_URN arrive was not tried" in check_setup.settings(people).detail

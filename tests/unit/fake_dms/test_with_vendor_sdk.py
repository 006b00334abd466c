"""The vendor's own SDK accepts the fake DMS for the real API, and signs as the fake DMS expects."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkkafka.v2 import (
    BatchRestartOrDeleteInstanceReq,
    BatchRestartOrDeleteInstancesRequest,
    KafkaClient,
    ListBackgroundTasksRequest,
    ListInstancesRequest,
    ShowInstanceRequest,
    ShowRecycleInstancesRequest,
)
from huaweicloudsdksmn.v2 import PublishMessageRequest, PublishMessageRequestBody, SmnClient

from tests.fake_dms import Account, Behaviour, FakeDms
from tests.fake_dms.signature import canonical_request, sign

ONE = "54602a9d-5e22-4239-9123-77e350df4a34"
TWO = "7166cdea-dbad-4d79-9610-7163e6f8b640"
DRAFT = "b3f1a0c2-8a55-4f0e-9d7c-2f3b61c4d801"


@pytest.fixture
def cloud() -> Iterator[FakeDms]:
    with FakeDms(Behaviour(recycle_bin=True)) as cloud:
        cloud.add_instance(ONE, status="ERROR", name="orders", tags={"team": "a"})
        cloud.add_instance(TWO)
        cloud.add_failed_creation(DRAFT)
        yield cloud


@pytest.fixture
def client(cloud: FakeDms) -> Any:
    return client_of(cloud, cloud.account.secret_key)


def client_of(cloud: FakeDms, secret_key: str, service: Any = KafkaClient) -> Any:
    account = cloud.account
    credentials = BasicCredentials(account.access_key, secret_key, account.project_id)
    if account.security_token:
        credentials = credentials.with_security_token(account.security_token)
    config = HttpConfig.get_default_config()
    config.ignore_ssl_verification = False
    builder = service.new_builder().with_credentials(credentials).with_http_config(config)
    return builder.with_endpoint(cloud.url).build()


def act(client: Any, **body: Any) -> Any:
    request = BatchRestartOrDeleteInstancesRequest(body=BatchRestartOrDeleteInstanceReq(**body))
    return client.batch_restart_or_delete_instances(request)


def test_the_sdk_restarts_instances(cloud: FakeDms, client: Any) -> None:
    response = act(client, action="restart", instances=[ONE, TWO])

    assert response.status_code == 200
    assert [(row.result, row.instance) for row in response.results] == [
        ("success", ONE),
        ("success", TWO),
    ]
    assert cloud.instance(ONE).status == "RESTARTING"


def test_the_sdk_deletes_an_instance(cloud: FakeDms, client: Any) -> None:
    response = act(client, action="delete", instances=[TWO])

    assert [(row.result, row.instance) for row in response.results] == [("success", TWO)]
    assert cloud.instance(TWO).status == "DELETING"


def test_the_sdk_purges_failed_creations(cloud: FakeDms, client: Any) -> None:
    response = act(client, action="delete", all_failure="kafka")

    assert response.status_code == 204
    assert {instance.id for instance in cloud.instances} == {ONE, TWO}


def test_a_refusal_has_code_message_and_request_id(client: Any) -> None:
    with pytest.raises(ClientRequestException) as refusal:
        act(client, action="restart", instances=[])

    assert (refusal.value.status_code, refusal.value.error_code) == (400, "DMS.00400065")
    assert refusal.value.error_msg
    assert refusal.value.request_id


def test_the_sdk_reads_a_page_of_the_list(client: Any) -> None:
    request = ListInstancesRequest(engine="kafka", limit=2, offset=0, include_failure="true")

    response = client.list_instances(request)

    assert response.instance_num == 3
    assert [instance.instance_id for instance in response.instances] == [ONE, TWO]
    assert [(tag.key, tag.value) for tag in response.instances[0].tags] == [("team", "a")]


def test_the_sdk_reads_an_instance(client: Any) -> None:
    response = client.show_instance(ShowInstanceRequest(instance_id=ONE))

    assert (response.instance_id, response.name) == (ONE, "orders")
    assert (response.status, response.engine) == ("ERROR", "kafka")
    assert response.created_at == "1700000000000"


def test_the_sdk_reads_background_tasks(client: Any) -> None:
    act(client, action="restart", instances=[ONE])

    response = client.list_background_tasks(
        ListBackgroundTasksRequest(instance_id=ONE, start=1, limit=10, begin_time="20200101000000")
    )

    assert response.task_count == "1"
    assert [(task.name, task.status) for task in response.tasks] == [
        ("kafkaInstanceRestart", "EXECUTING")
    ]


def test_the_sdk_reads_the_recycle_bin(client: Any) -> None:
    assert client.show_recycle_instances(ShowRecycleInstancesRequest()).default_use_recycle is True


def publish(client: Any, topic_urn: str, **body: Any) -> Any:
    request = PublishMessageRequest(topic_urn=topic_urn, body=PublishMessageRequestBody(**body))
    return client.publish_message(request)


def test_the_sdk_publishes_to_a_topic(cloud: FakeDms) -> None:
    client = client_of(cloud, cloud.account.secret_key, SmnClient)

    response = publish(client, cloud.account.topic_urn, subject="Kafka", message="It restarts.")

    assert response.request_id
    assert [
        (publication.message_id, publication.subject, publication.message)
        for publication in cloud.published
    ] == [(response.message_id, "Kafka", "It restarts.")]


def test_publish_with_a_wrong_secret_key_is_refused(cloud: FakeDms) -> None:
    with pytest.raises(ClientRequestException) as refusal:
        publish(client_of(cloud, "another-key", SmnClient), cloud.account.topic_urn, message="x")

    assert (refusal.value.status_code, refusal.value.error_code) == (401, "APIGW.0301")


def test_the_sdk_reads_the_refusals_of_publish(cloud: FakeDms) -> None:
    client = client_of(cloud, cloud.account.secret_key, SmnClient)

    with pytest.raises(ClientRequestException) as refusal:
        publish(client, cloud.account.topic_urn.replace("people", "others"), message="x")

    assert (refusal.value.status_code, refusal.value.error_code) == (404, "SMN.0006")
    assert refusal.value.error_msg == "Topic not found."


def test_the_sdk_reads_with_temporary_keys() -> None:
    with FakeDms(account=Account(security_token="a-security-token")) as cloud:
        cloud.add_instance(ONE)
        client = client_of(cloud, cloud.account.secret_key)

        assert client.show_instance(ShowInstanceRequest(instance_id=ONE)).instance_id == ONE


def test_a_wrong_secret_key_is_refused(cloud: FakeDms) -> None:
    with pytest.raises(ClientRequestException) as refusal:
        client_of(cloud, "another-secret-key").list_instances(ListInstancesRequest(engine="kafka"))

    assert (refusal.value.status_code, refusal.value.error_code) == (401, "APIGW.0301")


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/v2/p/instances", [("offset", 0), ("limit", 50), ("engine", "kafka")], ""),
        ("GET", "/v2/p/instances", [("name", "a b+c/ü~🚀"), ("empty", ""), ("Z", "1")], ""),
        ("GET", "/v2/p/a b/ü+c%20d/", [("a", "2"), ("a", "1"), ("a-b", "3")], ""),
        ("POST", "/v2/p/instances/action", [], json.dumps({"action": "restart", "ü": "é"})),
    ],
)
def test_fake_dms_accepts_the_vendor_signature(
    method: str, path: str, query: list[tuple[str, Any]], body: str
) -> None:
    headers = {"Content-Type": "application/json", "X-Sdk-Date": "20260102T030405Z"}
    headers |= {"X-Security-Token": " token ", "X-Project-Id": "p", "Host": "localhost:8080"}
    account = Account()
    request = SdkRequest(
        method=method,
        resource_path=path,
        query_params=query,
        header_params=dict(headers),
        body=body,
    )
    signed = Signer(BasicCredentials(account.access_key, account.secret_key)).sign(request)
    names = sorted(name.lower() for name in headers)

    canonical = canonical_request(
        method,
        signed.uri,
        {name.lower(): value for name, value in headers.items()},
        names,
        body.encode(),
    )

    signature = sign(canonical, headers["X-Sdk-Date"], account.secret_key)
    assert signed.header_params["Authorization"] == (
        f"SDK-HMAC-SHA256 Access={account.access_key}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )

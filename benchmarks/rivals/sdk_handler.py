"""Rival: the vendor's sample as a handler; no authentication, validation, deadline or result event.

The client is built at import and kept. SAMPLE_READS=true adds the reads that a careful function
makes, so that both make the same calls.
"""

import os
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkkafka.v2 import (
    BatchRestartOrDeleteInstanceReq,
    BatchRestartOrDeleteInstancesRequest,
    KafkaClient,
    ListBackgroundTasksRequest,
    ShowInstanceRequest,
)


def _client() -> Any:
    config = HttpConfig.get_default_config()
    config.ignore_ssl_verification = False
    config.ssl_ca_cert = os.environ.get("CA_BUNDLE_FILE")
    credentials = BasicCredentials(
        os.environ["HUAWEICLOUD_SDK_AK"],
        os.environ["HUAWEICLOUD_SDK_SK"],
        os.environ["HUAWEICLOUD_SDK_PROJECT_ID"],
    )
    builder = KafkaClient.new_builder().with_http_config(config).with_credentials(credentials)
    return builder.with_endpoint(os.environ["DMS_ENDPOINT"]).build()


CLIENT = _client()
READS = os.environ.get("SAMPLE_READS") == "true"


def handler(event: Any, context: Any) -> Any:
    """Restart the instances that an event names."""
    first = event["instances"][0]
    if READS:
        CLIENT.show_instance(ShowInstanceRequest(instance_id=first))
        CLIENT.list_background_tasks(ListBackgroundTasksRequest(instance_id=first))
    body = BatchRestartOrDeleteInstanceReq(action="restart", instances=event["instances"])
    answer = CLIENT.batch_restart_or_delete_instances(
        BatchRestartOrDeleteInstancesRequest(body=body)
    )
    if READS:
        CLIENT.show_instance(ShowInstanceRequest(instance_id=first))
    return {"results": [{"instance": row.instance, "result": row.result} for row in answer.results]}

"""Rival: what is written in an afternoon: validate() for each event, and requests.post."""

import json
import os
from pathlib import Path
from typing import Any

import functions_framework
import jsonschema
import requests

SCHEMA = json.loads(Path("schemas/events/direct.json").read_text(encoding="utf-8"))
ENDPOINT = os.environ["DMS_ENDPOINT"]
PROJECT = os.environ["HUAWEICLOUD_SDK_PROJECT_ID"]


@functions_framework.http
def remediate(request: Any) -> Any:
    """Restart the instances that a request names."""
    document = request.get_json()
    jsonschema.validate(document, SCHEMA)
    body = {"action": "restart", "instances": document["instances"]}
    url = f"{ENDPOINT}/v2/{PROJECT}/instances/action"
    return requests.post(url, json=body, timeout=5).json()

"""Events as FunctionGraph hands them over, its context, and the results it gets."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any

from function.lib import schemas
from tests.signed_requests import TOPIC, alarm, bearer

SCHEMAS = schemas.load()


class Context:
    """The context that FunctionGraph passes with the event."""

    def __init__(
        self,
        settings: dict[str, str] | None = None,
        keys: tuple[object, object, object] = (None, None, None),
        milliseconds: int = 60_000,
        project: str | None = None,
    ) -> None:
        self.settings, self.keys, self.milliseconds = settings or {}, keys, milliseconds
        self.project = project

    def getUserData(self, name: str) -> str | None:  # noqa: N802 - FunctionGraph's name
        return self.settings.get(name)

    def getSecurityAccessKey(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[0]

    def getSecuritySecretKey(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[1]

    def getSecurityToken(self) -> object:  # noqa: N802 - FunctionGraph's name
        return self.keys[2]

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802 - FunctionGraph's name
        return self.milliseconds

    def getProjectID(self) -> str | None:  # noqa: N802 - FunctionGraph's name
        return self.project


def now() -> datetime:
    return datetime.now(timezone.utc)


def record(message: str | None = None, **changes: Any) -> dict[str, Any]:
    text = alarm(time=round(now().timestamp() * 1000)) if message is None else message
    smn = {"topic_urn": TOPIC, "message": text, "message_id": "m1", **changes}
    return {"event_version": "1.0", "event_source": "smn", "smn": smn}


def checked(result: Any) -> dict[str, Any]:
    """Return the data of a result, which keeps its schema."""
    SCHEMAS.check("result", result)
    data: dict[str, Any] = result["data"]
    return data


def brief(result: Any) -> tuple[str, str | None]:
    data = checked(result)
    return data["outcome"], data["reason"]


def gateway(method: str, path: str, body: Any = None, **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    headers = {"Content-TYPE": "application/json", "X-Real-Ip": "203.0.113.7"}
    authenticated = {name.title(): value for name, value in bearer().items()}
    event = {"httpMethod": method, "path": path, "headers": {**headers, **authenticated}}
    return {**event, "body": encoded, "isBase64Encoded": True, "requestContext": {}, **fields}

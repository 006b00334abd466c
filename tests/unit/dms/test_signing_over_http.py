"""Signing: what a server receives is what was signed, whatever happens to a URL on the way."""

import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer as VendorSigner

from function.dms.signing import Signer

SIGNER = Signer(
    access_key="access-key",
    secret_key="secret-key",
    project_id="0123456789abcdef0123456789abcdef",
    clock=lambda: datetime(2026, 1, 5, 12, 0, 0, tzinfo=timezone.utc),
)


class Recorder(BaseHTTPRequestHandler):
    """Keeps what arrives last."""

    arrived: dict[str, Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).arrived = {"target": self.path, "headers": dict(self.headers), "body": body}
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def authorization_of(target: str, headers: dict[str, str], body: bytes) -> str:
    """Sign with the vendor's SDK what arrived."""
    names = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    path, _, query = target.partition("?")
    request = SdkRequest(
        method="POST",
        host=headers["Host"],
        resource_path=path,
        query_params=parse_qsl(query, keep_blank_values=True),
        header_params={name: value for name, value in headers.items() if name.lower() in names},
        body=body,
    )
    credentials = SimpleNamespace(ak="access-key", sk="secret-key")
    return str(VendorSigner(credentials).sign(request).header_params["Authorization"])


@pytest.mark.parametrize(
    "path",
    ["", "/v2/a b/ü", "/v2/a%2Fb", "/v2/%7Eid/", "/v2/a/../b", "/v2/a/%2E%2E/b", "/v2/(x)!*'"],
)
def test_received_request_equals_the_signed_request(endpoint: str, path: str) -> None:
    query = [("status", "ERROR"), ("name", "my kafka+ü&="), ("empty", "")]

    with requests.Session() as session:
        session.trust_env = False
        session.post(endpoint + path, params=query, data=b'{"a":1}', auth=SIGNER, timeout=5)

    arrived = Recorder.arrived
    assert arrived["headers"]["Authorization"] == authorization_of(**arrived)

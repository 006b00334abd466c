"""The function under its real server, before a fake DMS of the cloud."""

from __future__ import annotations

from typing import Any

import requests

from tests.fake_dms import FakeDms
from tests.http_server import PATIENCE, HttpServer

SECRET = "canary-direct-secret-0123456789"


class Served(HttpServer):
    """A running server that takes requests on /direct and acts."""

    def __init__(self, cloud: FakeDms, **settings: str) -> None:
        """Configure the server for this fake API, with additional settings."""
        clients = {"DRY_RUN": "false", "DIRECT_SECRETS": SECRET, "DEADLINE_SECONDS": "10"}
        super().__init__({**cloud.environment(), **clients, **settings})

    def __enter__(self) -> Served:
        """Start it and wait until it listens."""
        super().__enter__()
        return self

    def ask(self, **document: Any) -> requests.Response:
        """Post a request document."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {SECRET}"}
            url = f"{self.url}/direct"
            return session.post(url, json=document, headers=headers, timeout=PATIENCE)

    def is_healthy(self) -> bool:
        """Ask for its health over a connection of its own."""
        return self.send("GET", "/health").status == 200

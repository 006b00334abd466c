"""A signed client of the fake DMS, for tests that must not trust the function's own."""

import time
from typing import Any

import requests
from requests.auth import AuthBase

from .behaviour import Account
from .server import FakeDms
from .signature import canonical_request, sign


class Signed(AuthBase):
    """Signs a prepared request as the account, at the fake DMS's time."""

    def __init__(self, cloud: FakeDms, account: Account | None = None) -> None:
        """Take clock and address from the fake DMS, and the account, unless another is given."""
        self._cloud, self._account = cloud, account or cloud.account

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add date, host, project and signature."""
        account, headers = self._account, request.headers
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._cloud.clock()))
        headers["X-Sdk-Date"], headers["Host"] = date, self._cloud.url.partition("//")[2]
        headers.setdefault("X-Project-Id", account.project_id)
        if account.security_token:
            headers["X-Security-Token"] = account.security_token
        by_name = {name.lower(): str(value) for name, value in headers.items()}
        names = sorted(set(by_name) & {"host", "x-sdk-date", "x-project-id", "x-security-token"})
        body = request.body if isinstance(request.body, bytes) else b""
        canonical = canonical_request(request.method or "", request.path_url, by_name, names, body)
        headers["Authorization"] = (
            f"SDK-HMAC-SHA256 Access={account.access_key}, SignedHeaders={';'.join(names)}, "
            f"Signature={sign(canonical, date, account.secret_key)}"
        )
        return request


class Caller:
    """Calls the fake DMS, a connection for each call."""

    def __init__(
        self, cloud: FakeDms, auth: AuthBase | None = None, *, timeout: float = 10
    ) -> None:
        """Call with signatures or other credentials; the timeout (seconds) is for each reading."""
        self._auth, self._timeout = auth or Signed(cloud), timeout
        self.endpoint = cloud.url
        self._root = f"{cloud.url}/v2/{cloud.account.project_id}"

    def get(self, path: str = "/instances", **query: Any) -> requests.Response:
        """Read something of the project."""
        return self.send("GET", self._root + path, params=query)

    def act(self, **body: Any) -> requests.Response:
        """Make the action call."""
        return self.send("POST", f"{self._root}/instances/action", json=body)

    def send(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Send any signed request, following nothing."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                url,
                auth=self._auth,
                timeout=(10, self._timeout),
                allow_redirects=False,
                **arguments,
            )


def code(response: requests.Response) -> tuple[int, str]:
    """Return an error's status and code."""
    return response.status_code, response.json()["error_code"]


def rows(response: requests.Response) -> dict[str, str]:
    """Return an action's results by instance."""
    return {row["instance"]: row["result"] for row in response.json()["results"]}


def listed(response: requests.Response) -> list[str]:
    """Return the ids of a list."""
    return [row["instance_id"] for row in response.json()["instances"]]

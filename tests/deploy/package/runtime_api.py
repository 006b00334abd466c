"""Lambda's Runtime API on loopback: what AWS's own runtime client asks for events.

`run` starts the client as Lambda does, with `function.handler.handler` of an unpacked tree, and
returns what it answered to each event.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

VERSION = "/2018-06-01/runtime"
PATIENCE = 60


class Answer(NamedTuple):
    """What the function answered: `kind` is response, error or init/error."""

    kind: str
    document: Any


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        event = self.server.events.get()
        body = json.dumps(event).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))
        arn = "arn:aws:lambda:eu-west-1:123456789012:function:remediator"
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = "init/error" if "/init/" in self.path else self.path.rpartition("/")[2]
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answers.put(Answer(kind, json.loads(body)))

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class RuntimeApi(ThreadingHTTPServer):
    """The server, and the queues between it and the test."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()


def run(tree: Path, settings: Mapping[str, str], events: Sequence[Any]) -> list[Answer]:
    """Hand events to the function, one after the other; return its answers in their order."""
    with RuntimeApi() as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        environment = {
            **settings,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "LAMBDA_TASK_ROOT": str(tree),
            "AWS_LAMBDA_FUNCTION_NAME": "remediator",
            "PATH": os.environ["PATH"],
        }
        command = [sys.executable, "-m", "awslambdaric", "function.handler.handler"]
        with subprocess.Popen(
            command, cwd=tree, env=environment, stdout=subprocess.DEVNULL
        ) as process:
            try:
                for event in events:
                    api.events.put(event)
                return [api.answers.get(timeout=PATIENCE) for _ in events]
            finally:
                process.kill()
                api.shutdown()

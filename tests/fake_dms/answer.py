"""The responses of the fake, and the vendor's two error formats."""

import json
import uuid
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; the length is added unless the headers say how the body ends."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def head(self) -> bytes:
        """Write the status line and the headers, with the empty line."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self._complete_headers()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def encode(self) -> bytes:
        """Write the whole response."""
        return self.head() + self.body

    def header(self, name: str) -> str | None:
        """Return the value of one header, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def dated(self, moment: float) -> "Answer":
        """Add the Date of a moment in epoch seconds, unless there is one."""
        if self.header("date") is not None:
            return self
        return replace(self, headers=(*self.headers, ("Date", formatdate(moment, usegmt=True))))

    def _complete_headers(self) -> tuple[tuple[str, str], ...]:
        framed = self.header("content-length") or self.header("transfer-encoding")
        if framed is not None or (self.status == HTTPStatus.NO_CONTENT and not self.body):
            return self.headers
        return (*self.headers, ("Content-Length", str(len(self.body))))


def document(status: int, content: Any) -> Answer:
    """Answer with JSON, as the service does."""
    return _json(status, content, _request_id())


def done_without_content() -> Answer:
    """Answer 204."""
    return Answer(204, headers=(("X-Request-Id", _request_id()),))


def service_error(status: int, code: str, message: str) -> Answer:
    """Answer an error of the service behind the gateway."""
    return document(status, {"error_code": code, "error_msg": message})


def gateway_error(status: int, code: str, message: str) -> Answer:
    """Answer an error of the gateway: the body repeats the request id."""
    request_id = _request_id()
    error = {"error_msg": message, "error_code": code, "request_id": request_id}
    return _json(status, error, request_id)


def _json(status: int, content: Any, request_id: str) -> Answer:
    headers = (("Content-Type", "application/json"), ("X-Request-Id", request_id))
    return Answer(status, json.dumps(content).encode(), headers)


def _request_id() -> str:
    return uuid.uuid4().hex

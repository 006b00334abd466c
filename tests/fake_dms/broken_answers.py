"""Faults in the framing of a response: slow, badly chunked, or with a wrong length."""

from dataclasses import dataclass, replace
from typing import Literal

from .answer import Answer
from .faults import Fault
from .stream import Stream


@dataclass(frozen=True, slots=True)
class Drip(Fault):
    """Execute the action and send the response, or its body, one byte per interval (seconds)."""

    part: Literal["head", "body"] = "body"
    interval: float = 0.05

    def send(self, answer: Answer, line: Stream) -> None:
        """Send byte by byte."""
        at_once = answer.head() if self.part == "body" else b""
        line.send(at_once)
        line.drip(answer.encode()[len(at_once) :], self.interval)


@dataclass(frozen=True, slots=True)
class BrokenChunks(Fault):
    """Execute the action and send a chunked response with an invalid chunk size."""

    def send(self, answer: Answer, line: Stream) -> None:
        """Send half of the body as a chunk and then nonsense."""
        headers = (*answer.headers, ("Transfer-Encoding", "chunked"))
        half = answer.body[: (len(answer.body) + 1) // 2]
        chunk = b"%x\r\n%s\r\nno-size\r\n" % (len(half), half) if half else b"no-size\r\n"
        line.send(replace(answer, headers=headers).head() + chunk)
        line.end()


@dataclass(frozen=True, slots=True)
class WrongLength(Fault):
    """Execute the action and send a Content-Length this much too long (or too short)."""

    difference: int = 10

    def send(self, answer: Answer, line: Stream) -> None:
        """Send under the wrong length."""
        length = str(max(0, len(answer.body) + self.difference))
        line.send(replace(answer, headers=(*answer.headers, ("Content-Length", length))).encode())
        line.end()

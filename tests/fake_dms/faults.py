"""The faults: each ends the exchange at one of five stages, or changes the response."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .answer import Answer
from .stream import Stream

Stage = Literal["connect", "head", "request", "done", "answer"]


@dataclass(frozen=True, slots=True)
class Fault:
    """No fault: does nothing at any stage."""

    def reach(self, stage: Stage, line: Stream) -> None:
        """Apply the fault when an exchange reaches this stage."""

    def instead(self) -> Answer | None:
        """Return the response to send without executing the action, or None."""
        return None

    def alter(self, answer: Answer) -> Answer:
        """Return the response to send after executing the action."""
        return answer

    def send(self, answer: Answer, line: Stream) -> None:
        """Send the answer; half of it, then the stage `answer`, then the rest, or all at once."""
        raw = answer.encode()
        if stage_of(self) == "answer":
            cut = len(raw) - max(1, (len(answer.body) + 1) // 2)
            line.send(raw[:cut])
            self.reach("answer", line)
            raw = raw[cut:]
        line.send(raw)


def stage_of(fault: Fault) -> Stage | None:
    """Return the stage at which a fault applies, or None."""
    return getattr(fault, "at", None)


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """End the connection with RST; at `connect` once the client has sent its first bytes."""

    at: Stage = "request"

    def reach(self, stage: Stage, line: Stream) -> None:
        """Reset at the configured stage."""
        if stage == self.at == "connect":
            # A reset that is too quick shows as a failed connect, at times, and not as a reset.
            line.await_client()
        if stage == self.at:
            line.reset()


@dataclass(frozen=True, slots=True)
class Close(Fault):
    """End the connection with FIN; at `answer` the body is truncated."""

    at: Stage = "request"

    def reach(self, stage: Stage, line: Stream) -> None:
        """Close at the configured stage."""
        if stage == self.at:
            line.end()


@dataclass(frozen=True, slots=True)
class Raw(Fault):
    """Send these bytes, whatever they are, and close; at `connect` they come before any TLS."""

    content: bytes
    at: Stage = "request"

    def reach(self, stage: Stage, line: Stream) -> None:
        """Send and close at the configured stage."""
        if stage == self.at:
            line.send(self.content)
            line.end()


@dataclass(frozen=True, slots=True)
class Hold(Fault):
    """Wait until released, or for ever, then apply the fault `then`."""

    at: Stage = "request"
    release: threading.Event = field(default_factory=threading.Event)
    then: Fault = field(default_factory=Fault)

    def reach(self, stage: Stage, line: Stream) -> None:
        """Wait at the configured stage."""
        if stage == self.at:
            line.hold(self.release)
        self.then.reach(stage, line)

    def instead(self) -> Answer | None:
        """Leave it to what follows."""
        return self.then.instead()

    def alter(self, answer: Answer) -> Answer:
        """Leave it to what follows."""
        return self.then.alter(answer)

    def send(self, answer: Answer, line: Stream) -> None:
        """Hold in the middle of the response if configured, else delegate to `then`."""
        if self.at == "answer":
            Fault.send(self, answer, line)
        else:
            self.then.send(answer, line)


@dataclass(frozen=True, slots=True)
class Reply(Fault):
    """Send exactly this response; with `acts` the action is executed first."""

    status: int
    body: bytes | str | dict[str, Any] = b""
    headers: tuple[tuple[str, str], ...] = ()
    acts: bool = False

    def instead(self) -> Answer | None:
        """Answer without acting."""
        return None if self.acts else self._answer()

    def alter(self, answer: Answer) -> Answer:
        """Answer after acting."""
        return self._answer()

    def _answer(self) -> Answer:
        text = json.dumps(self.body) if isinstance(self.body, dict) else self.body
        body = text.encode() if isinstance(text, str) else text
        return Answer(self.status, body, self.headers)


@dataclass(frozen=True, slots=True)
class Alter(Fault):
    """Execute the action and change the JSON of the response."""

    change: Callable[[Any], Any]

    def alter(self, answer: Answer) -> Answer:
        """Change the document of a successful answer."""
        if answer.status != 200:
            return answer
        return replace(answer, body=json.dumps(self.change(json.loads(answer.body))).encode())


UNASKED = {"result": "success", "instance": "00000000-0000-4000-8000-000000000000"}
Row = dict[str, str]
ROW_CHANGES: dict[str, Callable[[list[Row]], Any]] = {
    "missing": lambda rows: rows[:-1],
    "none": lambda rows: [],
    "null": lambda rows: None,
    "text": lambda rows: [row["instance"] for row in rows],
    "doubled": lambda rows: [row for row in rows for _ in range(2)],
    "unasked": lambda rows: [*rows, UNASKED],
    "only_unasked": lambda rows: [UNASKED],
    "misspelt": lambda rows: [row | {"result": row["result"].replace("cc", "c")} for row in rows],
    "misspelt_key": lambda rows: [
        {"instence": row["instance"], "result": row["result"]} for row in rows
    ],
    "misspelt_id": lambda rows: [row | {"instance": row["instance"][:-1]} for row in rows],
    "upper_case": lambda rows: [row | {"instance": row["instance"].upper()} for row in rows],
    "contradictory": lambda rows: [
        row | {"result": word} for row in rows for word in ("success", "failed")
    ],
    "failed": lambda rows: [row | {"result": "failed"} for row in rows],
    "reversed": lambda rows: rows[::-1],
}


@dataclass(frozen=True, slots=True)
class Rows(Fault):
    """Execute the action and change the per-instance results; the names are in ROW_CHANGES."""

    change: str

    def alter(self, answer: Answer) -> Answer:
        """Change the rows of an action's 200; an answer to a read has none, and stays as it is."""
        return Alter(self._changed).alter(answer)

    def _changed(self, body: dict[str, Any]) -> dict[str, Any]:
        if "results" not in body:
            return body
        return body | {"results": ROW_CHANGES[self.change](body["results"])}

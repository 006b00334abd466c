"""The received requests: each as a value, and the log that keeps them."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request whose head has arrived; `complete` says whether its body has, too."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""
    complete: bool = False
    time: float = 0.0
    connection: int = 0
    number: int = 0

    @property
    def kind(self) -> str:
        """Which call it is."""
        return kind_of(self.method, self.target)

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> Query:
        """The query's pairs, decoded, in the order sent."""
        return parse_query(self.target)

    @property
    def parameters(self) -> dict[str, str]:
        """The query as a dictionary."""
        return dict(self.query)

    @property
    def json(self) -> Any:
        """The body parsed, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def parse_query(target: str) -> Query:
    """Split a request target's query; `+` is a plus sign, as the signature wants it."""
    pairs = [part.partition("=") for part in target.partition("?")[2].split("&") if part]
    return tuple((unquote(name), unquote(value)) for name, _, value in pairs)


def kind_of(method: str, target: str) -> str:
    """Name the call: list, show, tasks, topics, recycle, action, publish or other.

    >>> kind_of("POST", "/v2/p/instances/action"), kind_of("GET", "/v2/p/instances/i/tasks?start=1")
    ('action', 'tasks')
    """
    match method, target.partition("?")[0].strip("/").split("/"):
        case "GET", ["v2", _, "instances"]:
            return "list"
        case "GET", ["v2", _, "instances", _]:
            return "show"
        case "GET", ["v2", _, "instances", _, "tasks"]:
            return "tasks"
        case "GET", ["v2", _, "instances", _, "topics"]:
            return "topics"
        case "GET", ["v2", _, "recycle"]:
            return "recycle"
        case "POST", ["v2", _, "instances", "action"]:
            return "action"
        case "POST", ["v2", _, "notifications", "topics", _, "publish"]:
            return "publish"
    return "other"


class Log:
    """Arrivals and connections in order, safe to read from any thread."""

    def __init__(self) -> None:
        """Start empty."""
        self._changed = threading.Condition()
        self._arrivals: list[Arrival] = []
        self._connections = 0

    def add(self, arrival: Arrival, *, instead_of: Arrival | None = None) -> Arrival:
        """Keep what arrived, or more of it, and return it with its number, from 1."""
        with self._changed:
            if instead_of in self._arrivals:
                place = self._arrivals.index(instead_of)
            else:
                place = len(self._arrivals)
            kept = replace(arrival, number=place + 1)
            self._arrivals[place : place + 1] = [kept]
            self._changed.notify_all()
            return kept

    def connected(self) -> int:
        """Count one more connection and return its number."""
        with self._changed:
            self._connections += 1
            self._changed.notify_all()
            return self._connections

    def forget(self) -> None:
        """Empty the log."""
        with self._changed:
            self._arrivals.clear()
            self._connections = 0

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return self._connections

    def arrived(self, kind: str = "any") -> tuple[Arrival, ...]:
        """Return the arrivals of one kind."""
        with self._changed:
            return tuple(one for one in self._arrivals if kind in ("any", one.kind))

    def wait_for(self, enough: Callable[[], bool], timeout: float) -> None:
        """Block until `enough` holds; TimeoutError when it does not in time."""
        with self._changed:
            if not self._changed.wait_for(enough, timeout):
                raise TimeoutError(f"not arrived within {timeout} s")

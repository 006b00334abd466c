"""What is measured side by side: our function, and its rivals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from .load import Request, restart_event, restart_request
from .processes import RIVALS, ROOT, SECRET

T = TypeVar("T")
OWN_SETTINGS = {
    "DRY_RUN": "false",
    "DIRECT_SECRETS": SECRET,
    "MAX_INSTANCES": "50",
    "COOLDOWN_SECONDS": "0",  # each client restarts its instance again and again
    "MAX_RESTARTS_PER_DAY": "0",
}
MOST_CLIENTS = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """One function: its file, its handler's module, its settings, and what its answer must hold."""

    name: str
    source: Path
    expected_text: bytes
    first: int  # of its own instances: each client of each subject has one for itself
    module: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    serve: bool = False

    def request(self, client: int = 0) -> Request:
        """Return the request that one client repeats."""
        return restart_request(self.first + client, self.expected_text)

    def event(self) -> dict[str, object]:
        """Return the same as an event for the handler."""
        return restart_event(self.first)


def _rival(number: int, name: str, file: str, expected_text: bytes, **more: object) -> Subject:
    return Subject(name, RIVALS / f"{file}.py", expected_text, MOST_CLIENTS * number, **more)  # type: ignore[arg-type]  # its own fields


OURS = Subject(
    "this function",
    ROOT / "function" / "main.py",
    b'"outcome":"accepted"',
    0,
    "function.handler",
    OWN_SETTINGS,
)
SERVED = replace(OURS, name="this function, served by itself", serve=True)
HELLO = _rival(1, "hello", "hello", b"hello")
IMPORTS = _rival(2, "hello, importing requests and jsonschema", "hello_with_imports", b"hello")
SDK = _rival(3, "the vendor's sample", "sdk_sample", b"success", module="sdk_handler")
SDK_READING = _rival(
    4,
    "the vendor's sample, making the same calls",
    "sdk_sample",
    b"success",
    module="sdk_handler",
    settings={"SAMPLE_READS": "true"},
)
CARELESS = _rival(5, "validate() for each event, and requests.post", "careless", b"success")
BARE = _rival(6, "the bare calls, a requests session for each event", "bare_calls", b"success")
LEAN = _rival(
    7,
    "the bare calls, nothing from the environment",
    "bare_calls",
    b"success",
    settings={"TRUST_ENV": "false"},
)
INSTANCES = MOST_CLIENTS * 8


def interleaved(
    subjects: Sequence[Subject], rounds: int, measure: Callable[[Subject], T]
) -> dict[str, list[T]]:
    """Measure each subject once a round, to and fro, so that all meet the same noise."""
    results: dict[str, list[T]] = {subject.name: [] for subject in subjects}
    for number in range(rounds):
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            results[subject.name].append(measure(subject))
    return results

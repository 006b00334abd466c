"""What came of one event, and how it differs from what the script expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from function.entrypoints import startup
from function.lib.schemas import Violation
from tests.fake_dms import Publication

from .script import Step


@dataclass(frozen=True)
class StepResult:
    """The result of one step: the answer, the POSTs and the instances before and after."""

    step: Step
    status: int
    event: dict[str, Any]
    posted: list[Any]
    earlier: dict[str, str]
    before: dict[str, str]
    after: dict[str, str]
    notifications: tuple[Publication, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the result event."""
        data: dict[str, Any] = self.event["data"]
        return data

    def faults(self) -> Iterator[str]:
        """Yield each deviation from the expected result."""
        step, verdict = self.step, (self.status, self.data["outcome"], self.data["reason"])
        if verdict != (step.verdict or (200, *verdict[1:])):
            yield f"expected {step.verdict or 'the status 200'}"
        if step.verdict and self.posted != ([] if step.posted is None else [step.posted]):
            yield f"expected to see posted: {step.posted}"
        try:
            startup.components().schemas.check("result", self.event)
        except Violation as violation:
            yield violation.problem

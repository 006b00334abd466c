"""The schema of the result event: what other programs may rely on, and what they never see."""

from collections.abc import Iterator
from typing import Any

import pytest

from function.lib import schemas
from function.model import errors
from function.model.event import Action, Outcome
from function.reporting import messages

SCHEMAS = schemas.load()
EXAMPLE: dict[str, Any] = SCHEMAS.schema("result")["examples"][0]
API: dict[str, Any] = EXAMPLE["data"]["api"]
REFUSAL = {"outcome": "rejected", "reason": "unauthenticated"}


def result(data: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    return {**EXAMPLE, "data": EXAMPLE["data"] if data is None else data, **attributes}


def result_of(**changes: Any) -> dict[str, Any]:
    return result({**EXAMPLE["data"], **changes})


def path_of_violation(document: object) -> str:
    with pytest.raises(schemas.Violation) as caught:
        SCHEMAS.check("result", document)
    return caught.value.path


def refusals(
    of: type[errors.EventRejected] = errors.EventRejected,
) -> Iterator[type[errors.EventRejected]]:
    yield of
    for each in of.__subclasses__():
        yield from refusals(each)


@pytest.mark.parametrize("key", sorted(EXAMPLE["data"]))
def test_a_result_has_always_all_of_its_keys(key: str) -> None:
    data = {name: value for name, value in EXAMPLE["data"].items() if name != key}

    assert path_of_violation(result(data)) == "$.data"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (result_of(outcome="recovered"), "$.data.outcome"),
        (result_of(reason="because"), "$.data.reason"),
        (result_of(secret="x"), "$.data"),
        (result_of(request={"action": "delete", "instances": []}), "$.data.request"),
        (result_of(api={**API, "attempts": -1}), "$.data.api.attempts"),
        (result_of(action="check", outcome="passed", reason=None), "$.data"),
        (result_of(checks=[]), "$.data.checks"),
        (result_of(needs_human=True), "$"),
        (result(needshuman=True), "$.needshuman"),
        (result({**EXAMPLE["data"], "needs_human": True}, needshuman=False), "$.needshuman"),
        (result(source="/huaweicloud/dms/kafka/" + "0" * 31 + "\n"), "$.source"),
        (result(source="/kafka-remediator\n"), "$.source"),
        (result(REFUSAL), "$.data"),
        (result({**REFUSAL, "outcome": "accepted"}, source="/kafka-remediator"), "$.data.outcome"),
        (result({**REFUSAL, "reason": None, "event": {}}, source="/kafka-remediator"), "$.data"),
    ],
)
def test_a_result_that_breaks_the_contract_is_found(document: object, path: str) -> None:
    assert path_of_violation(document) == path


def test_an_unauthenticated_sender_gets_outcome_and_reason_and_nothing_else() -> None:
    SCHEMAS.check("result", result(REFUSAL, source="/kafka-remediator"))


def test_an_operator_may_add_attributes() -> None:
    SCHEMAS.check("result", result(tenant="streaming"))


@pytest.mark.parametrize(
    "text", ["one\ntwo", "one\n", "x" * 301], ids=["two lines", "line end", "too long"]
)
def test_vendor_error_text_is_one_short_line(text: str) -> None:
    assert path_of_violation(result_of(api={**API, "error_msg": text})) == "$.data.api.error_msg"


@pytest.mark.parametrize("refusal", list(refusals()))
def test_every_refusal_has_a_reason_of_the_contract(refusal: type[errors.EventRejected]) -> None:
    SCHEMAS.check("result", result_of(outcome="rejected", reason=refusal.reason))


@pytest.mark.parametrize("example", SCHEMAS.schema("result")["examples"])
def test_the_examples_say_what_the_function_says(example: dict[str, Any]) -> None:
    data = example["data"]
    if data["outcome"] == "rejected":
        assert data.get("message", "Rejected: ").startswith("Rejected: ")
        return
    parts = data["instances"]
    done = sum(part["outcome"] == "accepted" for part in parts)
    outcome, action = Outcome(data["outcome"]), Action(data["action"])

    headline = messages.headline(action, outcome, data["reason"], done=done, total=len(parts))
    assert data["message"].startswith(headline)

"""Schemas: each is valid, described, and accepts its examples."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from function.lib import schemas, strict_json

SCHEMAS = schemas.load()
FOLDERS = ("events", "envelopes", "requests")
NAMES = [f"{folder}/{name}" for folder in FOLDERS for name in SCHEMAS.names(folder)] + ["result"]
INCOMING = [name for name in NAMES if name.startswith(("events/", "envelopes/"))]
EXAMPLES = [
    pytest.param(name, document, id=f"{name}-{number}")
    for name in NAMES
    for number, document in enumerate(SCHEMAS.schema(name)["examples"])
]


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    members = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict | list):
        for member in members:
            yield from subschemas(member)


def without_examples(name: str) -> dict[str, Any]:
    return {key: value for key, value in SCHEMAS.schema(name).items() if key != "examples"}


def without_conditions(schema: Any) -> Any:
    """Leave out what only restricts properties that are described elsewhere."""
    if isinstance(schema, dict):
        conditions = {"if", "then", "else"}
        return {
            key: without_conditions(value) for key, value in schema.items() if key not in conditions
        }
    return [without_conditions(each) for each in schema] if isinstance(schema, list) else schema


def test_all_schemas_of_the_contract_are_there() -> None:
    assert {"alertmanager", "ces_alarm", "cloudevents", "direct", "grafana", "schedule"} <= set(
        SCHEMAS.names("events")
    )
    assert SCHEMAS.names("requests") == ("delete", "purge_failed", "restart")
    assert SCHEMAS.names("no such folder") == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_says_what_it_is(name: str) -> None:
    schema = SCHEMAS.schema(name)

    # The function reads them without this care.
    assert strict_json.loads((schemas.DIRECTORY / f"{name}.json").read_bytes()) == schema
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == schemas.identifier(name)
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["examples"]


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_described(name: str) -> None:
    schema = {key: value for key, value in without_examples(name).items() if key != "allOf"}
    described = [
        (word, member)
        for each in subschemas(without_conditions(schema))
        for word, member in each.get("properties", {}).items()
        if member != {"not": {}}
    ]

    assert [word for word, member in described if "description" not in member] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_is_measured_first_and_means_ascii(name: str) -> None:
    for each in subschemas(without_examples(name)):
        assert "\\d" not in f"{each.get('pattern')} {each.get('patternProperties')}"
        if str(each.get("pattern")).endswith("$"):
            assert list(each).index("maxLength") < list(each).index("pattern")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "result"])
def test_a_list_is_measured_before_its_items(name: str) -> None:
    for each in subschemas(without_examples(name)):
        costly = [keyword for keyword in each if keyword in {"items", "uniqueItems"}]
        assert all(list(each).index("maxItems") < list(each).index(word) for word in costly)


@pytest.mark.parametrize("name", INCOMING)
def test_inbound_schemas_have_rules_whose_first_error_is_clear(name: str) -> None:
    for each in subschemas(without_examples(name)):
        assert not each.keys() & {"anyOf", "oneOf", "uniqueItems", "unevaluatedProperties"}
        unnamed = each.get("additionalProperties", False)
        assert unnamed is False or len(unnamed.keys() - {"description"}) == 1


@pytest.mark.parametrize(("name", "document"), EXAMPLES)
def test_an_example_is_accepted(name: str, document: object) -> None:
    SCHEMAS.check(name, document)


@pytest.mark.parametrize(
    ("text", "exists"),
    [
        ("2026-01-05T02:15:00Z", True),
        ("2026-01-05t02:15:00.123456789z", True),
        ("2026-01-05T02:15:00+05:30", True),
        ("2024-02-29T23:59:59-23:59", True),
        ("2016-12-31T23:59:60Z", True),
        ("2026-02-29T00:00:00Z", False),
        ("2026-13-01T00:00:00Z", False),
        ("2026-01-05T24:00:00Z", False),
        ("2026-01-05T02:15:61Z", False),
        ("2026-01-05T02:15:00", False),
        ("2026-01-05 02:15:00Z", False),
        ("2026-01-05T02:15Z", False),
        ("2026-01-05T02:15:00+24:00", False),
        ("9999-12-31T23:59:59-01:00", False),
        ("2026-01-05T02:15:00Z\n", False),
        ("\uff12026-01-05T02:15:00Z", False),
        ("", False),
    ],
)
def test_a_date_time_is_a_moment_that_exists(text: str, exists: bool) -> None:
    assert schemas.is_date_time(text) is exists


def test_the_format_of_what_is_no_string_is_left_to_other_rules() -> None:
    assert schemas.is_date_time(None)


def schema_files(directory: Path, **contents: Any) -> schemas.Schemas:
    for name, content in contents.items():
        text = json.dumps({"$id": schemas.identifier(name), **content})
        (directory / f"{name}.json").write_text(text, encoding="utf-8")
    return schemas.load(directory)


def test_nothing_is_read_before_it_is_used_and_then_once(tmp_path: Path) -> None:
    first = {"$ref": "second.json"}
    made = schema_files(tmp_path, first=first, second={"type": "integer"}, third={"type": 3})
    made.check("first", 1)

    for path in tmp_path.iterdir():
        path.unlink()

    made.check("first", 2)
    with pytest.raises(FileNotFoundError):
        made.check("third", 1)


def test_a_reference_to_nothing_is_an_error_of_ours(tmp_path: Path) -> None:
    made = schema_files(tmp_path, first={"$ref": "nowhere.json"})

    with pytest.raises(FileNotFoundError):
        made.check("first", 1)


@pytest.mark.parametrize("value", ["no JSON", 5])
def test_content_without_a_media_type_is_not_parsed(tmp_path: Path, value: object) -> None:
    made = schema_files(tmp_path, plain={"contentSchema": False})

    made.check("plain", value)


def test_a_schema_that_refers_to_itself_is_understood(tmp_path: Path) -> None:
    tree = {"properties": {"leaf": {"type": "string"}, "branch": {"$ref": "#"}}}
    made = schema_files(tmp_path, tree=tree)

    made.check("tree", {"branch": {"branch": {"leaf": "x"}}})
    with pytest.raises(schemas.Violation, match=r"^\$\.branch\.branch\.leaf breaks the rule type"):
        made.check("tree", {"branch": {"branch": {"leaf": 1}}})

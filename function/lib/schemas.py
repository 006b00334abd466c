"""The JSON Schemas of events, envelopes, bodies and the result, each built when first used."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urldefrag, urljoin

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from . import strict_json, timestamps

ROOT = "https://kafka-remediator.dev/schemas/"
# When installed by pip, the schemas are data of the package; in a source tree they stand beside it.
_FUNCTION = Path(__file__).resolve().parents[1]
_INSTALLED = _FUNCTION / "schemas"
DIRECTORY = _INSTALLED if _INSTALLED.is_dir() else _FUNCTION.parent / "schemas"

Schema = Mapping[str, Any]


class Violation(Exception):
    """A document breaks its schema; neither path nor problem quotes the document."""

    def __init__(self, *, path: str, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.path = path
        self.rule = rule
        self.problem = problem


class Schemas:
    """All schemas below one directory, by name: `events/direct`, `result`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._schemas: dict[str, Schema] = {}
        self._checks: dict[str, _Check] = {}

    def names(self, folder: str) -> tuple[str, ...]:
        """List the schemas of one folder, sorted, without the folder: `alertmanager`, …"""
        path = self._directory / folder
        files = path.iterdir() if path.is_dir() else ()
        return tuple(sorted(file.stem for file in files if file.suffix == ".json"))

    def schema(self, name: str) -> Schema:
        """Return the schema itself, examples included; an unknown name is a FileNotFoundError."""
        if name not in self._schemas:
            # Not strictly, which takes four times as long: the files are our own.
            self._schemas[name] = json.loads((self._directory / f"{name}.json").read_bytes())
        return self._schemas[name]

    def check(self, name: str, document: object) -> None:
        """Accept `document` silently, or raise a Violation for the first rule it breaks."""
        if name not in self._checks:
            self._checks[name] = _Check(name, self._closure(name))
        self._checks[name](document)

    def _closure(self, name: str) -> dict[str, Schema]:
        # A registry that retrieves a schema when a reference leads to it does so at every check:
        # 0.26 ms instead of 0.13.
        closure: dict[str, Schema] = {}
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current not in closure:
                closure[current] = self.schema(current)
                waiting.extend(_references(closure[current], identifier(current)))
        return closure


class _Check:
    """One kept validator, and the words its schemas declare: the only keys a path may show."""

    def __init__(self, name: str, closure: Mapping[str, Schema]) -> None:
        self._name = name
        self._closure = closure
        resources = {identifier(key): _resource(each) for key, each in closure.items()}
        registry: Registry[Any] = Registry().with_resources(resources.items())
        root = resources[identifier(name)].contents
        has_content = any(list(_values_of("contentSchema", each)) for each in closure.values())
        validator = _content_validator() if has_content else Draft202012Validator
        self._validator = validator(root, registry=registry, format_checker=_FORMATS)

    def __call__(self, document: object) -> None:
        error = next(self._validator.iter_errors(cast(Any, document)), None)
        if error is not None:
            raise self._violation(error)

    def _violation(self, error: ValidationError) -> Violation:
        from .schema_hints import hint  # noqa: PLC0415 - costs cold start, and few events break a rule

        path = "$" + "".join(self._step(step) for step in error.absolute_path)
        rule = str(error.validator)
        expected = hint(error, self._words)
        detail = f" ({expected})" if expected else ""
        problem = f"{path} breaks the rule {rule}{detail}: see schemas/{self._name}.json"
        return Violation(path=path, rule=rule, problem=problem)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for schema in self._closure.values() for word in _declared(schema))

    def _step(self, step: str | int) -> str:
        if isinstance(step, int):
            return f"[{step}]"
        return f".{step}" if step in self._words else ".*"


def load(directory: Path = DIRECTORY) -> Schemas:
    """Make the schemas below `directory` ready; nothing is read before it is used."""
    return Schemas(directory)


def identifier(name: str) -> str:
    """Return the `$id` of a schema, which is a name and is never fetched."""
    return f"{ROOT}{name}.json"


def is_date_time(value: object) -> bool:
    """Tell whether a string is an RFC 3339 date-time that exists.

    What is no string is valid, as JSON Schema requires of `format`.
    """
    if not isinstance(value, str):
        return True
    return " " not in value and timestamps.parse(value) is not None


def _resource(schema: Schema) -> Resource[Any]:
    # With "$schema" inside, jsonschema would leave our keywords for its own behind a reference.
    contents = {keyword: value for keyword, value in schema.items() if keyword != "$schema"}
    return DRAFT202012.create_resource(contents)


def _references(schema: object, base: str) -> Iterator[str]:
    for reference in _values_of("$ref", schema):
        target = urldefrag(urljoin(base, reference)).url
        yield target.removeprefix(ROOT).removesuffix(".json")


def _declared(schema: object) -> Iterator[str]:
    for properties in _values_of("properties", schema):
        yield from properties


def _values_of(keyword: str, schema: object) -> Iterator[Any]:
    if isinstance(schema, dict):
        if keyword in schema:
            yield schema[keyword]
        members = [value for key, value in schema.items() if key != "examples"]
    else:
        members = schema if isinstance(schema, list) else []
    for member in members:
        yield from _values_of(keyword, member)


def _content(
    validator: Any, schema: Schema, instance: object, siblings: Schema
) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or siblings.get("contentMediaType") != "application/json":
        return
    try:
        document = strict_json.loads(instance)
    except strict_json.InvalidJSON as error:
        yield ValidationError(error.problem, validator="contentMediaType")
    else:
        yield from validator.descend(document, schema)


@lru_cache(maxsize=1)
def _content_validator() -> type[Validator]:
    """Return a validator that looks into texts of JSON, too; defining it takes a millisecond."""
    validator: type[Validator] = extend(  # type: ignore[no-untyped-call]  # so are its stubs
        Draft202012Validator, {"contentSchema": _content}
    )
    return validator


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time")(is_date_time)

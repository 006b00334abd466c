"""Say what a broken rule of a schema expects, without quoting a value of the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, cast

from jsonschema import ValidationError

from . import strict_json

# Values of these keywords are short, and come from the schema instead of the document.
_SAFE_KEYWORDS = frozenset({"const", "enum", "type", "minItems", "maxItems", "minLength"})
_FORMATS = {"date-time": "a date and time with an offset, such as 2026-01-05T02:15:00Z"}

# Only what looks like a key is ever named, and only the first unknown keys are compared: an SMN
# envelope is validated before its sender is authenticated, and comparing takes quadratic time.
_KEY = "[A-Za-z][A-Za-z0-9_-]{0,39}"
_MAX_COMPARED_KEYS = 20
# difflib's default of 0.6 suggests keys that only share a few letters.
_MIN_SIMILARITY = 0.75


def _similar(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that is nearest to a key, or None where none is near.

    >>> _similar("Instances", ["action", "instances"]), _similar("note", ["action", "instances"])
    ('instances', None)
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only a rejected event needs it

    plain = {name.lower().replace("_", ""): name for name in known}
    key = key.lower().replace("_", "").replace("-", "")
    near = get_close_matches(key, plain, n=1, cutoff=_MIN_SIMILARITY)
    return plain[near[0]] if near else None


def _unknown_keys(document: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the first keys of a document that a schema does not know and that may be named."""
    names, is_key = frozenset(known), re.compile(_KEY).fullmatch
    unknown = (key for key in document if key not in names and is_key(key))
    return list(islice(unknown, _MAX_COMPARED_KEYS))


def _instead_of(name: str, document: Iterable[str], known: Iterable[str]) -> str | None:
    """Return the unknown key that was probably meant to be this missing one, or None."""
    unknown = _unknown_keys(document, known)
    return next((key for key in unknown if _similar(key, [name])), None)


def _missing_key(error: ValidationError, known: Iterable[str]) -> str:
    document = cast("Mapping[str, object]", error.instance)
    name = next(key for key in cast("list[str]", error.validator_value) if key not in document)
    instead = _instead_of(name, document, known)
    return f"{name}; `{instead}` is not known, did you mean `{name}`?" if instead else name


def _unknown_key(error: ValidationError, words: frozenset[str]) -> str:
    """Name the key that is not known where it is near a known one, or a key of another place."""
    known = sorted(cast("Any", error.schema)["properties"])
    for key in _unknown_keys(cast("Mapping[str, object]", error.instance), known):
        if near := _similar(key, known):
            return f"`{key}` is not known; did you mean `{near}`?"
        if key in words:
            return f"`{key}` does not belong here"
    return f"known are {', '.join(known)}"


def hint(error: ValidationError, words: frozenset[str]) -> str | None:
    """Return what would be right where this rule is broken, or None where the rule says it all.

    `words` are the keys that the schemas declare. A subschema says in its `title` what its pattern
    stands for.
    """
    value, schema = cast("Any", error.validator_value), cast("Any", error.schema)
    rule = str(error.validator)
    if rule == "required":
        return _missing_key(error, schema.get("properties") or words)
    if rule == "additionalProperties" and value is False:
        return _unknown_key(error, words)
    if rule == "contentMediaType":
        return error.message
    if rule == "pattern" or (rule == "not" and value != {}):
        return cast("str | None", schema.get("title"))
    if rule == "maxLength":
        return str(schema.get("title", value))
    if rule == "format":
        return _FORMATS.get(value)
    if rule in _SAFE_KEYWORDS:
        return strict_json.dumps(value)
    return "it must be absent" if value == {} else None

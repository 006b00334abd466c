"""Parse every inbound JSON document strictly and in linear time.

>>> loads(b'{"action": "purge_failed"}')
{'action': 'purge_failed'}
>>> loads('{"action": "restart", "action": "delete"}')
Traceback (most recent call last):
    ...
function.lib.strict_json.InvalidJSON: the same key occurs twice in one object
"""

import json
import math
import re
from itertools import accumulate
from typing import NoReturn

# As much as a message of SMN, or an asynchronous event of FunctionGraph, may have.
LIMIT = 256 * 1024
# No example of a sender is half as deep; the parser of `json` raises RecursionError at 1000 levels.
MAX_DEPTH = 32
# Python refuses to convert more than 4300 digits, with an error of its own; a double has 17.
MAX_NUMBER_LENGTH = 40


class _Brackets(dict[int, str | None]):
    """A table for `str.translate` that leaves only brackets."""

    def __missing__(self, key: int) -> None:
        return None


_BRACKETS = _Brackets({ord(bracket): bracket for bracket in "[]{}"})
# A string without its end matches as far as it goes, so that no quote is ever tried twice.
_STRING_OR_BRACKET = r'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]'
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}
_BYTE_ORDER_MARK = "\ufeff"


class InvalidJSON(ValueError):
    """The text is not JSON this program accepts; `problem` says why, without quoting the text."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def loads(text: bytes | str, *, limit: int = LIMIT) -> object:
    """Return the value of one JSON document of at most `limit` bytes, or raise InvalidJSON."""
    characters = _decoded(text, limit)
    if characters.startswith(_BYTE_ORDER_MARK):
        raise InvalidJSON("the text starts with a byte order mark")
    _refuse_deep_nesting(characters)
    value = _parsed(characters)
    # Only an escape can bring one: the text itself has been UTF-8.
    if r"\ud" in characters or r"\uD" in characters:
        _refuse_lone_surrogates(value)
    return value


def dumps(value: object) -> str:
    """Return `value` as compact JSON on one line, in ASCII; NaN and infinities are a ValueError."""
    # In ASCII: a log that is read in another encoding keeps every character.
    return _encode(value)


def _decoded(text: bytes | str, limit: int) -> str:
    encoded = text if isinstance(text, bytes) else _to_utf8(text)
    if len(encoded) > limit:
        raise InvalidJSON(f"the text is longer than {limit} bytes")
    return _from_utf8(encoded)


def _to_utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        position = error.start
    raise InvalidJSON(f"the text holds a lone surrogate at character {position}")


def _from_utf8(encoded: bytes) -> str:
    try:
        return encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    raise InvalidJSON(f"the text is not UTF-8 at byte {position}")


def _refuse_deep_nesting(text: str) -> None:
    # Counting is fast, and most documents have fewer brackets than levels are allowed.
    if _depth(text) <= MAX_DEPTH:
        return
    depth = 0
    for match in re.finditer(_STRING_OR_BRACKET, text):
        depth += _DEEPER.get(match.group(), 0)
        if depth > MAX_DEPTH:
            place = _place(text, match.start())
            raise InvalidJSON(f"the nesting exceeds {MAX_DEPTH} levels at {place}")


def _depth(text: str) -> int:
    """Return how deep JSON is nested, or at most is where the brackets are few.

    Looking at each string in turn took nine tenths of the time for a page of 50 instances.
    """
    opening = text.count("[") + text.count("{")
    if opening <= MAX_DEPTH:
        return opening
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    outside = "".join(text.split('"')[::2])
    changes = map(_DEEPER.__getitem__, outside.translate(_BRACKETS))
    return max(accumulate(changes), default=0)


def _parsed(text: str) -> object:
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        position, complete = error.pos, error.msg == "Extra data"
    if not text.strip(" \t\r\n"):
        raise InvalidJSON("the text is empty")
    if complete:
        raise InvalidJSON(f"something follows the JSON value at {_place(text, position)}")
    raise InvalidJSON(f"the text is not well-formed JSON at {_place(text, position)}")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    # `json` would keep the last one; a gateway that checked it before may have read the first.
    if len(members) != len(pairs):
        raise InvalidJSON("the same key occurs twice in one object")
    return members


def _integer(digits: str) -> int:
    _refuse_long_number(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    _refuse_long_number(digits)
    number = float(digits)
    if math.isinf(number):
        raise InvalidJSON("a number is too large")
    return number


def _refuse_long_number(digits: str) -> None:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise InvalidJSON(f"a number is longer than {MAX_NUMBER_LENGTH} characters")


def _refuse_constant(_word: str) -> NoReturn:
    raise InvalidJSON("NaN and Infinity are not JSON")


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        pass
    else:
        return
    raise InvalidJSON("a string holds a lone surrogate")


_decode = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_refuse_constant,
).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

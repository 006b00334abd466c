"""Strict JSON: valid documents parse as usual, others are rejected with fixed texts."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from function.lib import strict_json

CANARY = "canary-8f1d"

numbers = st.integers(-(10**38), 10**38) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def refusal(text: bytes | str, **options: int) -> str:
    with pytest.raises(strict_json.InvalidJSON) as caught:
        strict_json.loads(text, **options)
    assert str(caught.value) == caught.value.problem
    return caught.value.problem


@given(documents, st.booleans(), st.sampled_from([None, 1]))
def test_valid_document_parses_as_in_the_standard_library(
    document: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    assert strict_json.loads(text) == json.loads(text) == document
    assert strict_json.loads(text.encode()) == document


@given(documents)
def test_dumps_returns_one_ascii_line_that_loads_back(document: Any) -> None:
    line = strict_json.dumps(document)

    assert line.isascii()
    assert "\n" not in line
    assert strict_json.loads(line) == document


def test_dumps_is_compact() -> None:
    assert strict_json.dumps({"a": [1, None], "ü": True}) == '{"a":[1,null],"\\u00fc":true}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_dumps_rejects_values_that_are_not_json(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.dumps(number)


@given(st.binary() | st.text())
@example(b'{"a":"' + CANARY.encode() + b'"')
@example(b"\xff\xfe{\x00}\x00")
@example('["\\ud800"]')
@example("[" * 100_000)
@example("[" + "9" * 5000 + "]")
def test_arbitrary_input_is_read_or_refused_and_nothing_else(text: bytes | str) -> None:
    try:
        value = strict_json.loads(text)
    except strict_json.InvalidJSON:
        return
    assert strict_json.loads(strict_json.dumps(value)) == value


@given(st.text(), st.text())
@example(f'{{"{CANARY}":1,"', '":2}')
@example("[NaN,", "]")
@example('["\\ud800",', "]")
def test_a_refusal_never_quotes_the_text(before: str, after: str) -> None:
    error_text = ""
    try:
        strict_json.loads(f'{before}"{CANARY}"{after}')
    except strict_json.InvalidJSON as error:
        error_text = f"{error!r} {error.problem} {error.__cause__} {error.__context__}"

    assert CANARY not in error_text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "the text is empty"),
        (b" \r\n\t", "the text is empty"),
        (b"\xef\xbb\xbf{}", "the text starts with a byte order mark"),
        ("\ufeff{}", "the text starts with a byte order mark"),
        (b'{"a":"\xff"}', "the text is not UTF-8 at byte 6"),
        ("{}".encode("utf-16"), "the text is not UTF-8 at byte 0"),
        ("{}".encode("utf-16-le"), "the text is not well-formed JSON at line 1, column 2"),
        ('"\ud800"', "the text holds a lone surrogate at character 1"),
        (b'"\\ud800"', "a string holds a lone surrogate"),
        (b'{"\\uDFff":1}', "a string holds a lone surrogate"),
        (b'{"a":1,"a":1}', "the same key occurs twice in one object"),
        (b'{"a":1,"\\u0061":1}', "the same key occurs twice in one object"),
        (b"NaN", "NaN and Infinity are not JSON"),
        (b"[-Infinity]", "NaN and Infinity are not JSON"),
        (b"1e400", "a number is too large"),
        (b"-1e400", "a number is too large"),
        (b"1" * 41, "a number is longer than 40 characters"),
        (b"0." + b"1" * 39, "a number is longer than 40 characters"),
        (b"{} {}", "something follows the JSON value at line 1, column 4"),
        (b'{"a":\n tru}', "the text is not well-formed JSON at line 2, column 2"),
        (b"{'a':1}", "the text is not well-formed JSON at line 1, column 2"),
        (b'["a\x00"]', "the text is not well-formed JSON at line 1, column 4"),
        (b"[" * 33 + b"]" * 33, "the nesting exceeds 32 levels at line 1, column 33"),
        (b'\\"' + b"[" * 40, "the text is not well-formed JSON at line 1, column 1"),
        (b"[" * 200_000, "the nesting exceeds 32 levels at line 1, column 33"),
    ],
)
def test_each_rejection_has_its_own_message(text: bytes | str, problem: str) -> None:
    assert refusal(text) == problem


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 32 + b"]" * 32,
        b"[" + b"[],{}," * 1000 + b"0]",
        b'["' + b"[{" * 1000 + b'"]',
        b'["\\"' + b"[" * 1000 + b'"]',
        b'["\\\\ud800 is text"]',
        b'["\\ud83d\\ude80"]',
        b"9" * 40,
        b"1e-400",
    ],
)
def test_unusual_but_valid_json_is_accepted(text: bytes) -> None:
    assert strict_json.loads(text) == json.loads(text)


def test_the_limit_counts_bytes() -> None:
    assert strict_json.loads('"üü"', limit=6) == "üü"
    assert refusal('"üüü"', limit=7) == "the text is longer than 7 bytes"
    assert refusal(b" " * 262_145) == "the text is longer than 262144 bytes"


@pytest.mark.parametrize("text", ['"' + '\\"' * 1000, '"' + "\\" * 999, '"' + "a" * 1000])
def test_unterminated_string_is_scanned_once(text: str) -> None:
    assert len(re.findall(strict_json._STRING_OR_BRACKET, text + "[")) <= 2
    assert "not well-formed" in refusal(text)


@given(
    st.lists(st.text('[]{}"\\/a', max_size=20), max_size=40),  # 31 times: less than 256 KiB
    st.lists(st.booleans(), min_size=strict_json.MAX_DEPTH - 2, max_size=strict_json.MAX_DEPTH),
)
def test_brackets_quotes_and_backslashes_in_texts_are_no_nesting(
    texts: list[str], layers: list[bool]
) -> None:
    document: Any = texts
    for is_object in layers:
        document = {texts[0] if texts else "a": document} if is_object else [document, *texts]
    text = json.dumps(document)

    if len(layers) < strict_json.MAX_DEPTH:
        assert strict_json.loads(text) == document
    else:
        assert "nesting" in refusal(text)

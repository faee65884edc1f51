"""Text and facts from outside are cleaned for every database, log and terminal."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dali.lib.calls.answers.json_reading import CountReader, NotJsonError, at, object_in, objects, read_json
from dali.lib.cleaning import clean_facts, clean_number, clean_text
from dali.lib.errors import DaliError, InputError, UnavailableError


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("plain", "plain"),
        ("tab\tline\nreturn\r", "tab\tline\nreturn\r"),
        ("nul \x00 end", "nul \ufffd end"),
        ("\x1b[31mred\x7f\x85", "\ufffd[31mred\ufffd\ufffd"),
        ("half \ud83d end", "half \ufffd end"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\U0001f600", "\U0001f600"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("x" * 9000, "x" * 8000),
        (None, ""),
        (b"bytes", ""),
        (5, ""),
    ],
)
def test_a_text_is_cleaned_and_bounded(said: object, text: str) -> None:
    assert clean_text(said) == text


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(0, 50))
def test_any_cleaned_text_can_be_stored(said: str, most: int) -> None:
    text = clean_text(said, most)
    text.encode()
    assert "\x00" not in text
    assert len(text) <= most
    assert clean_text(text, most) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(VALUES)
def test_facts_are_json_that_can_be_stored(value: object) -> None:
    text = json.dumps(clean_facts({"a": value, "b\x00": value}), allow_nan=False)
    assert "\\u0000" not in text
    assert "\\ud8" not in text or json.loads(text)


def test_facts_are_bounded_in_every_dimension() -> None:
    deep: Any = "x"
    for _ in range(2000):
        deep = [deep]
    facts: dict[str, Any] = {
        "deep": deep, "many": list(range(10_000)), "names": {str(n): n for n in range(10_000)}, "big": 10**5000,
        "text": "y" * 10**6,
    }  # fmt: skip
    cleaned = clean_facts(facts)
    assert len(json.dumps(cleaned)) < 40_000
    assert cleaned["big"] is None
    assert len(cleaned["many"]) == 200


@pytest.mark.parametrize(
    ("said", "number"),
    [(5, 5.0), (0, 0.0), (10, 10.0), (11, None), (-1, None), (True, None), ("5", None), (float("nan"), None),
     (Decimal("sNaN"), None), (Decimal("1.5"), 1.5), (10**400, None)],
)  # fmt: skip
def test_a_number_must_be_finite_and_within_its_bounds(said: object, number: float | None) -> None:
    assert clean_number(said, 10) == number


def test_every_dali_error_is_clean() -> None:
    errors = [DaliError("a\x00"), InputError("name", "a\x00"), UnavailableError("a\x00", reason="b\x00")]
    assert [str(error) for error in errors] == ["a\ufffd", "a\ufffd", "b\ufffd"]
    assert errors[2].public_message == "a\ufffd"
    assert str(DaliError()) == ""


# --- JSON of services


def test_absurd_values_do_not_affect_their_neighbours() -> None:
    text = '{"a": %s, "b": NaN, "c": %s, "d": "kept", "e": -Infinity, "f": %s}'
    body = read_json(text % ("9" * 5000, "[" * 5000 + "]" * 5000, '{"x":' * 5000 + '"y"' + "}" * 5000))
    assert (body["a"], body["b"], body["d"], body["e"]) == (None, None, "kept", None)


@pytest.mark.parametrize(
    "text", ["", "{", "[1,", "<html>", '{"a": ' + "[" * 5000, "words", '"cut', "\x00", "\ufeff"]
)
def test_text_that_is_not_json_raises_not_json_error(text: str) -> None:
    for body in (text, text.encode()):
        with pytest.raises(NotJsonError):
            read_json(body)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_every_allowed_encoding(encoding: str) -> None:
    assert read_json('{"a": "\u00e9"}'.encode(encoding)) == {"a": "\u00e9"}


def test_an_unexpected_type_reads_as_missing() -> None:
    value = {"a": [{"b": 5}], "c": "text"}
    assert at(value, "a", 0, "b") == 5
    assert [
        at(value, *path) for path in (("a", 1), ("a", "b"), ("c", 0), ("x", "y", 3), ("a", 0, "b", "c"))
    ] == [None] * 5
    assert (objects(value), objects([1, value]), objects("x"), objects(None)) == ([value], [value], [], [])


@pytest.mark.parametrize(
    ("said", "count", "is_sound"),
    [(5, 5, True), (0, 0, True), (5.0, 5, True), (None, 0, True), (-1, 0, False), (True, 0, False), ("5", 0, False),
     (10**30, 0, False), (1.5, 0, False), ([], 0, False), (float("inf"), 0, False)],
)  # fmt: skip
def test_a_count_is_a_whole_number_or_marks_the_reader_as_unsound(
    said: object, count: int, is_sound: bool
) -> None:
    counts = CountReader()
    assert (counts.of({"n": said}, "n"), counts.is_sound) == (count, is_sound)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('So: {"a": 1}!', {"a": 1}),
        ("[1]", None),
        ("", None),
        ("{", None),
        ("}{", None),
    ],
)
def test_the_object_in_a_models_text_is_found(text: str, found: object) -> None:
    assert object_in(text) == found

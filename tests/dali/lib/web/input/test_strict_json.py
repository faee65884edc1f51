"""JSON bodies: what is accepted, what is refused, and how much of a body is read."""

import io
import json
import time
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.exceptions import ParseError

from dali.lib.web.input.strict_json import StrictJSONParser, TooLargeError


def parse(content: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(content))


def test_json_is_parsed() -> None:
    assert parse('{"name": "Küste", "n": [1, 2.5, true, null]}'.encode()) == {
        "name": "Küste",
        "n": [1, 2.5, True, None],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "a name in double quotes is missing at line 1, column 2"),
        (b'{"a"', "a colon is missing at line 1, column 5"),
        (b'{"a" 1}', "a colon is missing at line 1, column 6"),
        (b'{"a":\n }', "a value is missing at line 2, column 2"),
        (b"nope", "a value is missing at line 1, column 1"),
        (b"[1", "a comma or a closing bracket is missing at line 1, column 3"),
        (b'{"a": 1 "b": 2}', "a comma or a closing bracket is missing at line 1, column 9"),
        (b"{} {}", "there is more after the end at line 1, column 4"),
        (b'{"a": "x}', "a text has no closing quote; it begins at line 1, column 7"),
        (
            b'"a\nb"',
            "a text holds a control character; write it as \\u and four digits at line 1, column 3",
        ),
        (b'"\\x"', "a backslash begins no escape that JSON knows at line 1, column 2"),
        (b'"\\u12"', "four hexadecimal digits are missing after \\u at line 1, column 3"),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark; leave that out"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "1e999 is too large a number"),
        (b'{"a": 1, "a": 2}', '"a" stands twice in one object'),
        (b"1" * 301, "a whole number has more than 300 digits"),
        (b'{"a": -' + b"1" * 4_000 + b"}", "a whole number has more than 300 digits"),
        (b"1" * 5_000, "a whole number has more than 300 digits"),
    ],
)
def test_invalid_json_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(content)
    assert str(caught.value.detail) == f"The body is not valid JSON: {message}."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The body is empty; send JSON."),
        (b" \n", "The body is empty; send JSON."),
        ('{"a": 1}'.encode("utf-16"), "The body is not UTF-8 at byte 0; send JSON in UTF-8."),
        (b'"\xff"', "The body is not UTF-8 at byte 1; send JSON in UTF-8."),
        (b"[" * 33 + b"]" * 33, "The JSON is nested too deeply; at most 32 levels."),
        (b"[" * 100_000, "The JSON is nested too deeply; at most 32 levels."),
        (b'{"a": "x\\ud800"}', 'The text "x\\ud800" holds half a surrogate pair; send whole characters.'),
        (b'{"\\udc00": 1}', 'The text "\\udc00" holds half a surrogate pair; send whole characters.'),
    ],
)
def test_json_that_cannot_be_stored_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(content)
    assert str(caught.value.detail) == message


def test_300_digits_are_accepted() -> None:
    assert parse(b"[" + b"9" * 300 + b", -" + b"9" * 300 + b"]") == [10**300 - 1, 1 - 10**300]


def test_32_levels_are_accepted() -> None:
    assert parse(b"[" * 32 + b"]" * 32) is not None


class Endless(io.BytesIO):
    """A body that does not end; counts the bytes read from it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        self.taken += size
        return b" " * size


@override_settings(MAX_BODY_BYTES=100_000)
def test_a_body_is_read_no_further_than_its_limit() -> None:
    body = Endless()
    with pytest.raises(TooLargeError) as caught:
        StrictJSONParser().parse(body)
    assert str(caught.value.detail) == "The body is larger than 100,000 bytes; send less."
    assert body.taken == 100_001


def test_a_duplicate_name_among_very_many_is_found_at_once() -> None:
    names = [f"n{number}" for number in range(75_000)]
    body = json.dumps(dict.fromkeys(names, 1))[:-1].encode() + b', "n74999": 1}'
    started = time.process_time()
    with pytest.raises(ParseError) as caught:
        parse(body)
    assert str(caught.value.detail) == 'The body is not valid JSON: "n74999" stands twice in one object.'
    assert time.process_time() - started < 5  # comparing every pair would take minutes

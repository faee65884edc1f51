"""JSON bodies by RFC 8259; one that is too long is refused while it is read."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

PIECE_BYTES = 64 * 1024
MOST_LEVELS = 32  # of nested arrays and objects; far below what exhausts the stack of json or of PostgreSQL
MOST_DIGITS = 300  # of a whole number; more are beyond a float, and Python refuses to print many more
_LARGEST = 10**MOST_DIGITS
_TOO_LONG = f"a whole number has more than {MOST_DIGITS} digits"
_TOO_DEEP = f"The JSON is nested too deeply; at most {MOST_LEVELS} levels."
# The client's message for each message of Python's parser, by its beginning.
_REASONS = {
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Extra data": "there is more after the end",
    "Invalid control character": "a text holds a control character; write it as \\u and four digits",
    "Invalid \\uXXXX escape": "four hexadecimal digits are missing after \\u",
    "Invalid \\escape": "a backslash begins no escape that JSON knows",
    "Unterminated string": "a text has no closing quote; it begins",
}


class _RefusedError(ValueError):
    """Python's parser accepts this JSON, we do not; the message is for the client."""


class TooLargeError(APIException):
    """A body over its limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON by RFC 8259: UTF-8, no NaN, no name twice, not too deep, not too long.

    Raises TooLargeError past `settings.MAX_BODY_BYTES`, as soon as one byte too many was read.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed body; ParseError or TooLargeError."""
        content = read_limited(stream, settings.MAX_BODY_BYTES)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 at byte {error.start}; send JSON in UTF-8.") from error
        if not text.strip():
            raise ParseError("The body is empty; send JSON.")
        return parse_text(text)


def parse_text(text: str, *, what: str = "The body") -> Any:
    """The value of a JSON text. Raises ParseError; its message begins with `what` and gives the reason."""
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_number,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError as error:
        raise ParseError(_TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise ParseError(f"{what} is not valid JSON: {_reason(error)}.") from error
    except _RefusedError as error:
        raise ParseError(f"{what} is not valid JSON: {error}.") from error
    except ValueError as error:  # Python converts only a limited number of digits
        raise ParseError(f"{what} is not valid JSON: {_TOO_LONG}.") from error
    _check(value, what)
    return value


def _reason(error: json.JSONDecodeError) -> str:
    """Why a text is not JSON, for clients: Python's messages are for programmers."""
    if error.msg.startswith("Unexpected UTF-8 BOM"):
        return "it begins with a byte order mark; leave that out"
    said = next(
        (ours for theirs, ours in _REASONS.items() if error.msg.startswith(theirs)), "it is malformed"
    )
    return f"{said} at line {error.lineno}, column {error.colno}"


def read_limited(stream: IO[Any], most_bytes: int) -> bytes:
    """The whole stream, read in pieces; TooLargeError once it holds more than `most_bytes`."""
    pieces: list[bytes] = []
    total = 0
    while piece := stream.read(min(PIECE_BYTES, most_bytes + 1 - total)):
        total += len(piece)
        if total > most_bytes:
            raise TooLargeError(f"The body is larger than {most_bytes:,} bytes; send less.")
        pieces.append(piece)
    return b"".join(pieces)


def _refuse_constant(name: str) -> float:
    raise _RefusedError(f"{name} is not a JSON number")


def _number(text: str) -> int | float:
    """A number with a point or an exponent; without a fraction it becomes a whole number."""
    value = float(text)
    if not math.isfinite(value):
        raise _RefusedError(f"{text[:40]} is too large a number")
    return int(value) if value.is_integer() and abs(value) < _LARGEST else value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _RefusedError(f"{json.dumps(repeated[:40])} stands twice in one object")
    return found


def _check(value: Any, what: str) -> None:
    """Refuses half surrogate pairs (they cannot be stored or answered as UTF-8), too many levels and digits."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, int):
            if not -_LARGEST < item < _LARGEST:
                raise ParseError(f"{what} is not valid JSON: {_TOO_LONG}.")
        elif isinstance(item, dict | list):
            if level > MOST_LEVELS:
                raise ParseError(_TOO_DEEP)
            if isinstance(item, dict):
                waiting += [(name, level) for name in item]
                item = list(item.values())
            waiting += [(inner, level + 1) for inner in item]


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError(
            f"The text {json.dumps(text[max(0, error.start - 10) : error.start + 10])} holds half a surrogate pair;"
            " send whole characters."
        ) from error

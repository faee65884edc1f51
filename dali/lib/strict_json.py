"""JSON bodies as RFC 8259 has them, refused while they are read where they are too long."""

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


class TooLargeError(APIException):
    """A body over its limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no name twice, not too deep, not too long.

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
            value = json.loads(
                content.decode("utf-8"),
                parse_constant=_refuse_constant,
                parse_float=_number,
                object_pairs_hook=_without_repeats,
            )
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 at byte {error.start}; send JSON in UTF-8.") from error
        except RecursionError as error:
            raise ParseError(f"The JSON is nested too deeply; at most {MOST_LEVELS} levels.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error
        _check_depth_and_text(value)
        return value


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
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> int | float:
    """What JSON writes with a point or an exponent; without a fraction it is a whole number, as `2` is."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return int(value) if value.is_integer() else value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{json.dumps(repeated[:40])} stands twice in one object")
    return found


def _check_depth_and_text(value: Any) -> None:
    """Refuses half surrogate pairs (they cannot be stored or answered as UTF-8) and too many levels."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if level > MOST_LEVELS:
                raise ParseError(f"The JSON is nested too deeply; at most {MOST_LEVELS} levels.")
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

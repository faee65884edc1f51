"""Reads JSON of services that keep to no schema. Unexpected values raise no error."""

import json
import re
from contextlib import suppress
from typing import Any

from dali.lib.errors import DaliError

# More than twice as deep as any real answer; json fails at about 1,000 levels.
_MOST_DEPTH = 60
_MOST_DIGITS = 40
# A string, or a bracket outside strings.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)

# More tokens, tiles or steps than any call can use: larger counts are not credible.
MOST_COUNT = 10**9


class NotJsonError(DaliError):
    """The body is not JSON, or JSON that is cut off."""


def read_json(body: bytes | str) -> Any:
    """The parsed body. Numbers that Python or JSON cannot write become null, and so do values nested too deeply.

    An absurd value must not cost the image beside it. Raises NotJsonError.
    """
    text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), "replace")
    text = text.removeprefix("\ufeff")
    try:
        try:
            return _parsed(text)
        except RecursionError:
            return _parsed(_shallow(text))
    except (ValueError, RecursionError) as error:
        raise NotJsonError("the answer is not JSON") from error


def json_or_text(body: bytes) -> Any:
    """The parsed body; if it is not JSON, the start of it as text."""
    try:
        return read_json(body)
    except NotJsonError:
        return body[:4000].decode("utf-8", "replace")


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object in a model's text, with or without a code fence or words around it; None if there is none."""
    start, end = text.find("{"), text.rfind("}")
    for said in (text, text[start : end + 1] if 0 <= start < end else ""):
        with suppress(NotJsonError):
            found = read_json(said)
            if isinstance(found, dict):
                return found
    return None


def at(value: Any, *path: str | int) -> Any:
    """The value at a path of names and positions; None if the path does not exist."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; a single object counts as a list of one."""
    parts = value if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, dict)]


def text_at(value: Any, *path: str | int) -> str:
    """The text at the path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


class CountReader:
    """Reads counts from a service's report.

    `is_sound` becomes False at a value that is not a count: negative, a text, a truth value, more than MOST_COUNT.
    Missing values and null count as 0.
    """

    def __init__(self) -> None:
        self.is_sound = True

    def of(self, value: Any, *path: str | int) -> int:
        """The count at the path, or 0."""
        found = at(value, *path)
        if found is None:
            return 0
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= MOST_COUNT:
            self.is_sound = False
            return 0
        return found


def _parsed(text: str) -> Any:
    return json.loads(text, parse_int=_integer, parse_constant=lambda _name: None)


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _shallow(text: str) -> str:
    """The text with null in place of everything nested deeper than _MOST_DEPTH."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == _MOST_DEPTH + 1:
                kept.append(text[start : token.start()])
        elif token[0] in ("]", "}"):
            if depth == _MOST_DEPTH + 1:
                kept.append("null")
                start = token.end()
            depth -= 1
    return "".join([*kept, text[start:] if depth <= _MOST_DEPTH else ""])

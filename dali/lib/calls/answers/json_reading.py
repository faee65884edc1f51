"""Reading the JSON of services that keep to no schema: whatever stands where, nothing here raises but NotJsonError."""

import json
import re
from contextlib import suppress
from typing import Any

from dali.lib.errors import DaliError

# No answer of any service is nested half as deeply; json gives up at about 1,000 levels.
_MOST_DEPTH = 60
_MOST_DIGITS = 40
# A string, or a bracket outside of strings.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)

# More tokens, tiles or steps than any call can have used: whoever says so has not counted.
MOST_COUNT = 10**9


class NotJsonError(DaliError):
    """The body is no JSON, or JSON that is cut off."""


def read_json(body: bytes | str) -> Any:
    """The parsed body. Numbers that no Python or JSON can write are null, as is what is nested too deeply.

    One absurd value in it is no reason to lose the image that stands beside it. Raises NotJsonError.
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


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a model's text is or holds: some put a fence or a sentence around it; None for none."""
    start, end = text.find("{"), text.rfind("}")
    for said in (text, text[start : end + 1] if 0 <= start < end else ""):
        with suppress(NotJsonError):
            found = read_json(said)
            if isinstance(found, dict):
                return found
    return None


def at(value: Any, *path: str | int) -> Any:
    """What stands at the path of names and positions; None where there is nothing or something else on the way."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of what should be a list of them; a single one alone."""
    parts = value if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, dict)]


def text_at(value: Any, *path: str | int) -> str:
    """The text at the path; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


class CountReader:
    """Counts read one after the other from what a service reports.

    `is_sound` is False once one was there and was no count: negative, a text, a truth value, beyond MOST_COUNT. What
    is missing or null counts as 0.
    """

    def __init__(self) -> None:
        self.is_sound = True

    def of(self, value: Any, *path: str | int) -> int:
        """The count at the path; 0 where there is none."""
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
    """The text with what is nested beyond _MOST_DEPTH replaced by null."""
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

"""JSON as language models write it: fenced, with prose around, in single quotes, with a comma too many, cut off."""

import json
import re
from collections.abc import Iterator

# What a model was asked for is small; more is a model that went astray, and is not read for ever.
MOST_CHARACTERS = 40_000
_MOST_DEPTH = 8

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"""\s*(?:"([^"\n]{1,60})"|'([^'\n]{1,60})'|([A-Za-z_][\w-]{0,59}))\s*:""")
# A quote ends a text where what follows goes on with the structure: an apostrophe or a quoted word does not.
_ENDS = {quote: re.compile(rf"(?<!\\)(?:\\\\)*{quote}(?=\s*(?:[,:\]}}]|$))") for quote in "\"'"}
_BARE = re.compile(r"[^,\]}\n]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None, "none": None}


class _BrokenError(Exception):
    """What begins here is no object."""


def objects_in(text: str) -> Iterator[dict[str, object]]:
    """Every object found in the text, outermost ones, in their order; one that is cut off with what it has.

    Never raises; of a text beyond 40,000 characters only the beginning is read.
    """
    text = text[:MOST_CHARACTERS]
    at = text.find("{")
    while at >= 0:
        try:
            found, end = _strict(text, at)
        except (ValueError, RecursionError):
            try:
                found, end = _loose_object(text, at + 1, 1)
            except _BrokenError:
                found, end = {}, at + 1
        if found:
            yield found
        at = text.find("{", end)


def _strict(text: str, at: int) -> tuple[dict[str, object], int]:
    found, end = _DECODER.raw_decode(text, at)
    return found, end  # it begins with a brace, so it is an object


def _loose_object(text: str, at: int, depth: int) -> tuple[dict[str, object], int]:
    """The object whose opening brace stands before `at`; up to its closing brace or the end of the text."""
    if depth > _MOST_DEPTH:
        raise _BrokenError
    found: dict[str, object] = {}
    while True:
        at = _skip(text, at, ", \n\t\r")
        if at >= len(text):
            return found, at
        if text[at] == "}":
            return found, at + 1
        key = _KEY.match(text, at)
        if key is None:
            if found:  # cut off inside a key, or followed by something else: what there is holds
                return found, len(text) if depth > 1 else _after(text, at)
            raise _BrokenError
        value, at = _loose_value(text, key.end(), depth)
        found.setdefault(key[1] or key[2] or key[3], value)


def _loose_list(text: str, at: int, depth: int) -> tuple[list[object], int]:
    if depth > _MOST_DEPTH:
        raise _BrokenError
    found: list[object] = []
    while True:
        at = _skip(text, at, ", \n\t\r")
        if at >= len(text):
            return found, at
        if text[at] == "]":
            return found, at + 1
        if text[at] == "}":  # the bracket was forgotten
            return found, at
        before = at
        value, at = _loose_value(text, at, depth)
        found.append(value)
        if at == before:
            raise _BrokenError


def _loose_value(text: str, at: int, depth: int) -> tuple[object, int]:
    at = _skip(text, at, " \n\t\r")
    first = text[at : at + 1]
    if first == "{":
        return _loose_object(text, at + 1, depth + 1)
    if first == "[":
        return _loose_list(text, at + 1, depth + 1)
    if first in ('"', "'") and first:
        return _loose_text(text, at + 1, first)
    bare = _BARE.match(text, at)
    word = (bare[0] if bare else "").strip()
    end = bare.end() if bare else at
    if word.lower() in _WORDS:
        return _WORDS[word.lower()], end
    try:
        return float(word), end
    except ValueError:
        return word, end


def _loose_text(text: str, at: int, quote: str) -> tuple[str, int]:
    ending = _ENDS[quote].search(text, at)
    if ending is None:
        return _unescaped(text[at:]), len(text)
    return _unescaped(text[at : ending.end() - 1]), ending.end()


def _unescaped(text: str) -> str:
    def plain(escape: re.Match[str]) -> str:
        said = escape[1]
        return chr(int(said[1:], 16)) if len(said) == 5 else _ESCAPES.get(said, said)

    return _ESCAPE.sub(plain, text)


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _after(text: str, at: int) -> int:
    """Where to look on once an object went wrong at `at`: behind it, so that its parts are not taken for others."""
    end = text.find("}", at)
    return len(text) if end < 0 else end + 1

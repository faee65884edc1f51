"""Cleans text and facts from outside for databases, logs and terminals, once, where they enter.

PostgreSQL's text and jsonb reject NUL and half surrogate pairs, JSON has no NaN, and Python does not write integers of
more than 4,300 digits. Services and plug-ins send all of these.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MOST_TEXT = 8_000  # characters of one text, by default
MOST_FACTS = 32_000  # characters of all facts of one record
# Replaces characters that are not text.
REPLACED = "\ufffd"
_MOST_DEPTH = 8
_MOST_PARTS = 200  # in one list or object
_MOST_NAME = 120
_MOST_INTEGER = 2**63

# C0 and C1 controls except tab and line breaks, and surrogates: half a pair is not a character.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(said: object, most: int = MOST_TEXT) -> str:
    """The text, safe for every database and terminal, at most `most` characters; empty if it is not a string.

    Replaces control characters and half surrogate pairs by U+FFFD. Two halves next to each other become their
    character.
    """
    if not isinstance(said, str):
        return ""
    text = str(said[: 2 * most])
    if _UNFIT.search(text):
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = _UNFIT.sub(REPLACED, whole)
    return text[:most]


def clean_facts(facts: object, most: int = MOST_FACTS, most_text: int = MOST_TEXT) -> dict[str, Any]:
    """JSON-able facts for a record, safe for every database; empty if they are not a mapping.

    Values that JSON does not have (NaN, infinities, integers beyond 64 bits, other objects) become null. Drops values
    that are nested too deeply or exceed `most` characters in all; cuts texts to `most_text`.
    """
    if not isinstance(facts, Mapping):
        return {}
    cleaned = _Cleaner(most, most_text).value(facts, 0)
    return cleaned if isinstance(cleaned, dict) else {}


def clean_number(said: object, most: float) -> float | None:
    """The number, if it is from 0 to `most` and not a truth value; otherwise None."""
    if isinstance(said, bool) or not isinstance(said, int | float | Decimal):
        return None
    try:
        return float(said) if 0 <= said <= most else None
    except ArithmeticError:  # a signalling NaN
        return None


class _Cleaner:
    """Copies JSON-able values within a budget of characters."""

    def __init__(self, most: int, most_text: int) -> None:
        self._left = most
        self._most_text = most_text

    def value(self, said: object, depth: int) -> Any:
        if self._left <= 0 or depth > _MOST_DEPTH:
            return None
        self._left -= 1
        if said is None or isinstance(said, bool):
            return said
        if isinstance(said, str):
            return self._text(said, self._most_text)
        if isinstance(said, int):
            return int(said) if -_MOST_INTEGER < said < _MOST_INTEGER else None
        if isinstance(said, float | Decimal):
            number = math.nan if isinstance(said, Decimal) and said.is_nan() else float(said)
            return number if math.isfinite(number) else None
        if isinstance(said, Mapping):
            return self._object(said, depth)
        if isinstance(said, list | tuple | set | frozenset):
            return [self.value(part, depth + 1) for part in list(said)[:_MOST_PARTS]]
        return None

    def _object(self, said: Mapping[object, object], depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, part in list(said.items())[:_MOST_PARTS]:
            if self._left <= 0:
                break
            text = name if isinstance(name, str) else str(self.value(name, depth + 1))
            cleaned[self._text(text, _MOST_NAME)] = self.value(part, depth + 1)
        return cleaned

    def _text(self, said: str, most: int) -> str:
        text = clean_text(said, max(0, min(most, self._left)))
        self._left -= len(text)
        return text

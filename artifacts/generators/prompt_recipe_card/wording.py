"""The difference between two prompts, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Change = Literal["same", "added", "removed"]

# A word or punctuation mark with the space before it; joined, the pieces give the text.
_WORD = re.compile(r"\s*[\w'\u2019-]+|\s*[^\w\s]|\s+")
# Comparing takes quadratic time: longer texts count as one removed and one added.
_MOST_WORDS = 1500


@dataclass(frozen=True, slots=True)
class WordRun:
    """Consecutive words, and whether they were added, removed or kept."""

    change: Change
    text: str


def differences(before: str, after: str) -> tuple[WordRun, ...]:
    """Pieces in reading order: those not `added` form `before`, those not `removed` form `after`."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    start = _common(old, new)
    rest_old, rest_new = old[start:], new[start:]
    end = _common(rest_old[::-1], rest_new[::-1])
    middle_old, middle_new = rest_old[: len(rest_old) - end], rest_new[: len(rest_new) - end]
    pieces = [
        WordRun("same", "".join(old[:start])),
        *_compared(middle_old, middle_new),
        WordRun("same", "".join(rest_old[len(rest_old) - end :])),
    ]
    return tuple(piece for piece in pieces if piece.text)


def _compared(old: Sequence[str], new: Sequence[str]) -> list[WordRun]:
    if max(len(old), len(new)) > _MOST_WORDS:
        return [WordRun("removed", "".join(old)), WordRun("added", "".join(new))]
    pieces: list[WordRun] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(WordRun("same", "".join(old[old_from:old_to])))
        else:
            pieces.append(WordRun("removed", "".join(old[old_from:old_to])))
            pieces.append(WordRun("added", "".join(new[new_from:new_to])))
    return pieces


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of words both start with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((count for count, (left, right) in pairs if left != right), min(len(one), len(other)))

"""The words added and removed between two prompts, in runs, in order."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dali.lib.texts import comparable, composed

_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True, slots=True)
class Changes:
    """`added`, `removed`: adjacent words form one text. Both empty: the same words."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def word_changes(before: str, after: str) -> Changes:
    """Compares words by their letters, ignoring case, punctuation and position.

    Linear, since prompts may have thousands of words; a repeated word counts as often as it occurs.
    """
    old, new = before.split(), after.split()
    return Changes(added=_only_in(new, old), removed=_only_in(old, new))


def _only_in(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
    left = Counter(_key(word) for word in those)
    runs: list[list[str]] = []
    goes_on = False
    for word in these:
        key = _key(word)
        if left[key] > 0:
            left[key] -= 1
            goes_on = False
            continue
        if not goes_on:
            runs.append([])
        runs[-1].append(word)
        goes_on = True
    return tuple(text.rstrip(",;.") or text for text in map(" ".join, runs))


def _key(word: str) -> str:
    return comparable(_EDGES.sub("", composed(word))) or word

"""The syntax of placeholders: finding them in the source, and what is malformed."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\{\{([A-Z][A-Z0-9_]{0,63})\}\}")
MOST_SPOTS = 2_000
MOST_NAMES = 200
MOST_PROBLEMS = 50
_OPENING = re.compile(r"\{\{")
_NAME_LIKE = re.compile(r"\{\{[^{}\n]{0,60}\}\}")


@dataclass(frozen=True, slots=True)
class Spot:
    """One `{{NAME}}` in the source, from `start` to `end`."""

    name: str
    start: int
    end: int

    @property
    def is_image(self) -> bool:
        """Whether it takes an image."""
        return is_image(self.name)


def is_image(name: str) -> bool:
    """Whether a placeholder with that name takes an image."""
    return "IMAGE" in name


def spots_of(html: str) -> list[Spot]:
    """All well-formed placeholders, in source order."""
    return [Spot(found[1], found.start(), found.end()) for found in PLACEHOLDER.finditer(html)]


def at_most(sentences: Sequence[str]) -> tuple[str, ...]:
    """The first few sentences, and how many more there are."""
    told = tuple(sentences[:MOST_PROBLEMS])
    return (*told, f"and {len(sentences) - len(told):,} more") if len(sentences) > len(told) else told


class Lines:
    """Line numbers, from 1, by position."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]

    def at(self, position: int) -> int:
        """The line of a position."""
        return bisect_right(self._starts, position)


def malformed(html: str, spots: list[Spot], lines: Lines) -> list[str]:
    """A sentence for every `{{` that does not start a placeholder."""
    begun = {spot.start for spot in spots} | {spot.start - 1 for spot in spots}
    said = []
    for found in _OPENING.finditer(html):
        if found.start() in begun:
            continue
        whole = _NAME_LIKE.match(html, found.start())
        shown = whole[0] if whole else html[found.start() : found.start() + 20].partition("\n")[0]
        said.append(
            f"line {lines.at(found.start())}: “{shown}” is not a placeholder and is not filled;"
            " write {{NAME}}: at most 64 capitals, digits and _, starting with a capital"
        )
    return said

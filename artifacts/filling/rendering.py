"""Fills a template: each placeholder is replaced by its value, escaped for its place. Same input, same output.

There is no template language: no conditions, no loops, and values are not searched for placeholders. What cannot
be filled safely stays unchanged and is reported.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artifacts.filling import escaping
from artifacts.filling.places import ALLOWED_SCHEMES, Marks, Place, ValueKind, find_places, scheme_of
from artifacts.filling.syntax import Lines, Spot, at_most, malformed, spots_of

# A URL that only points to the page itself.
NOWHERE = "#"
# In a srcset, an empty URL would turn the next word into a URL.
_EMPTY_CANDIDATE = "data:,"


@dataclass(frozen=True, slots=True)
class Rendered:
    """`problems`: what was not filled or not accepted, in sentences with line numbers."""

    text: str
    problems: tuple[str, ...]


def render(html: str, values: Mapping[str, str]) -> Rendered:
    """The page with `values` (by placeholder) filled in; a placeholder without a value stays unchanged.

    A placeholder with IMAGE in its name takes the URL of an image: http(s), or a path of this server.
    """
    spots, lines = spots_of(html), Lines(html)
    problems = malformed(html, spots, lines)
    plain, refused = _cleaned(values)
    problems += refused
    known = [spot for spot in spots if spot.name in plain]
    problems += [
        f"line {lines.at(spot.start)}: {{{{{spot.name}}}}} has no value and is not filled"
        for spot in spots
        if spot.name not in values
    ]
    blank = {number for number, spot in enumerate(known) if not plain[spot.name]}
    places = find_places(html, known, blank)
    written = _Page(html, known, places, plain, lines)
    return Rendered(written.text(), at_most([*problems, *written.problems]))


def _cleaned(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values as they will be shown, and the problems of image values."""
    plain, problems = {}, []
    for name, value in values.items():
        plain[name] = escaping.cleaned(value)
        if "IMAGE" not in name or not plain[name]:
            continue
        address = escaping.image_address(plain[name])
        if address is None:
            problems.append(f"{name}: “{plain[name][:80]}” is not the URL of an image; left empty")
        plain[name] = address or ""
    return plain, problems


class _Page:
    """Renders one page."""

    def __init__(
        self,
        html: str,
        spots: Sequence[Spot],
        places: Sequence[Place],
        plain: Mapping[str, str],
        lines: Lines,
    ) -> None:
        self._html, self._spots, self._places, self._plain, self._lines = html, spots, places, plain, lines
        self._marks = Marks.for_page(html)
        self._pattern = self._marks.pattern
        self._first_of_empty: dict[str, int | None] = {}  # by the attribute's value, like the next field
        self._well_led: dict[str, bool] = {}
        self.problems: list[str] = []

    def text(self) -> str:
        """The whole page; adds to `problems`."""
        parts: list[str] = []
        at = 0
        for number, spot in enumerate(self._spots):
            before = self._html[at : spot.start]
            parts.append(before)
            value = self._value(number)
            # A character reference can start in the page or at the end of the previous value.
            context = before if len(before) > 40 else "".join(parts[-5:])
            parts.append(escaping.apart(value, context))
            at = spot.end
        return "".join([*parts, self._html[at:]])

    def _value(self, number: int) -> str:
        """The text that replaces one placeholder."""
        spot, place = self._spots[number], self._places[number]
        value = self._plain[spot.name]
        if place.kind is ValueKind.LEFT:
            return self._left(spot, f"is in {place.where}")
        if place.kind is ValueKind.TEXT:
            return escaping.in_text(value)
        if place.kind is ValueKind.STYLE_ADDRESS:
            return escaping.style_address(value)
        if place.kind in {ValueKind.ADDRESS, ValueKind.ADDRESS_PART} and not self._leads_well(place):
            return self._left(spot, f"would turn {place.where} into a forbidden URL")
        found = self._in_attribute(number)
        if found is None:
            self._say(spot, f"“{value[:80]}” is not an allowed URL; replaced by “{NOWHERE}”")
            found = NOWHERE
        if place.is_quoted:
            return escaping.in_text(found)
        if not found and self._is_all_empty(number):
            return '""'
        return escaping.in_bare_attribute(found)

    def _in_attribute(self, number: int) -> str | None:
        """The value for its attribute, not yet escaped; None for a refused URL."""
        spot, place = self._spots[number], self._places[number]
        value = self._plain[spot.name]
        if place.kind is ValueKind.ADDRESS:
            return escaping.address(value)
        if place.kind is ValueKind.ADDRESS_PART:
            return escaping.address_part(value, place.scheme)
        if place.kind is ValueKind.CANDIDATE:
            is_alone = place.value.strip() == self._marks.word(number)
            return escaping.candidate(value) if value or is_alone else _EMPTY_CANDIDATE
        return value

    def _is_all_empty(self, number: int) -> bool:
        """Whether an unquoted attribute would be completely empty; true only for its first placeholder."""
        value = self._places[number].value
        if value not in self._first_of_empty:
            inside = [int(mark[1]) for mark in self._pattern.finditer(value)]
            is_empty = not self._pattern.sub("", value) and not any(
                self._plain[self._spots[one].name] for one in inside
            )
            self._first_of_empty[value] = inside[0] if is_empty else None
        return self._first_of_empty[value] == number

    def _leads_well(self, place: Place) -> bool:
        """Whether the whole URL, with all its values, is allowed."""
        if place.value not in self._well_led:
            scheme = scheme_of(self._pattern.sub(self._filled, place.value))
            self._well_led[place.value] = not scheme or scheme in ALLOWED_SCHEMES
        return self._well_led[place.value]

    def _filled(self, mark: re.Match[str]) -> str:
        found = self._in_attribute(int(mark[1]))
        return NOWHERE if found is None else found

    def _left(self, spot: Spot, why: str) -> str:
        self._say(spot, f"{why} and is not filled")
        return self._html[spot.start : spot.end]

    def _say(self, spot: Spot, what: str) -> None:
        self.problems.append(f"line {self._lines.at(spot.start)}: {{{{{spot.name}}}}} {what}")
